// Jobs, started and stopped from their pages, with a script in the place of `sayself`.

import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  launch,
  open,
  screenshots,
  views,
} from "./chromium.mjs";
import { serveWith } from "./served.mjs";

/** Says some words, then waits for RUN/go or RUN/fail, as `sayself` works for an hour. */
const script = `#!/bin/sh
set -e
mkdir -p "$4"
cp "$2" "$4/run.toml"
now() { echo "$(date +%s)000"; }
printf 'started\\n\\033[33mwarning\\033[0m: <script>window.hacked = 1</script>\\n'
echo "{\\"time_ms\\":$(now),\\"stage\\":\\"sample\\",\\"kind\\":\\"started\\",\\"done\\":0,\\"total\\":300,\\"unit\\":\\"questions\\"}" >> "$4/events.jsonl"
echo "{\\"time_ms\\":$(now),\\"stage\\":\\"sample\\",\\"kind\\":\\"progress\\",\\"done\\":120,\\"total\\":300}" >> "$4/events.jsonl"
while [ ! -e "$4/go" ]; do
  if [ -e "$4/fail" ]; then echo "error: stage sft/seed-1: No space left on device" >&2; exit 1; fi
  if [ -e "$4/say" ]; then echo "a line that came later"; rm "$4/say"; fi
  [ -e "$0" ] || exit 1 # the test is over
  sleep 0.05
done
mkdir -p "$4/evaluate/sayself"
echo '{"n": 3, "method": "sayself"}' > "$4/evaluate/sayself/metrics.json"
echo "{\\"time_ms\\":$(now),\\"stage\\":\\"sample\\",\\"kind\\":\\"finished\\",\\"seconds\\":1.0}" >> "$4/events.jsonl"
echo finished
`;
const config = 'title = "Made"\n[sft]\nepochs = 5\n[[evaluate]]\nmethod = "sayself"\n';

let folder, server, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-jobs-"));
  const program = join(folder, "stand-in");
  await writeFile(program, script);
  await chmod(program, 0o755);
  await mkdir(join(folder, "runs"));
  server = await serveWith([join(folder, "runs")], "--sayself", program);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const touch = (path) => writeFile(join(folder, "runs", path), "");

async function add(out, stage = "run") {
  const answer = await fetch(`${server.address}/api/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ config, out, stage }),
  });
  assert.equal(answer.status, 201, await answer.clone().text());
  return (await answer.json()).id;
}

async function waitFor(id, state) {
  for (let look = 0; look < 300; look += 1) {
    const job = await (await fetch(`${server.address}/api/jobs/${id}`)).json();
    if (job.state === state && (state !== "running" || job.progress)) return job;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`the job did not become ${state}`);
}

/** What went wrong, but for a look at the page that a click cut short. */
const real = (troubles) => troubles.filter((trouble) => !/\/jobs\/[0-9a-f-]{36} failed/.test(trouble));

/** Presses Tab until the element has the focus. */
async function tabTo(page, selector) {
  for (let press = 0; press < 300; press += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

/** What of the page axe looks through: all, or what is new in it since the last look. */
async function look(page, name, view, viewName, within = "html") {
  // With scripts off a page looks as it does with them.
  if (view.javaScriptEnabled === false) return;
  await page.screenshot({ path: join(screenshots, `${name}-${viewName}.png`), fullPage: true });
  await assertNoSidewaysScrolling(page);
  await assertAccessible(page, { within });
}

test("the empty queue says what to do", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/jobs`);
  await look(page, "jobs-empty", views.wide, "wide");
  await page.getByRole("link", { name: "Start the small one" }).click();
  assert.equal(await page.locator('input[name="out"]').inputValue(), "world-facts-demo");
  assert.deepEqual(real(troubles), []);
  await close();
});

describe("how jobs look", () => {
  let failed, running, queued;

  before(async () => {
    failed = await add("failing");
    await waitFor(failed, "running");
    await touch("failing/fail");
    await waitFor(failed, "failed");
    running = await add("going", "sft");
    await waitFor(running, "running");
    queued = await add("waiting");
  });

  after(async () => {
    for (const id of [queued, running]) {
      await fetch(`${server.address}/api/jobs/${id}/cancel`, { method: "POST" });
    }
  });

  for (const [viewName, view] of Object.entries(views)) {
    test(viewName, async () => {
      const { page, troubles, close } = await open(browser, view);
      for (const [name, path, words] of [
        ["jobs", "/jobs", /No space left/],
        ["job-running", `/jobs/${running}`, /warning.*<script>window\.hacked/],
        ["job-failed", `/jobs/${failed}`, /It failed/],
        ["job-queued", `/jobs/${queued}`, /It is next/],
        ["job-new", "/jobs/new?config=world-facts/demo", /Begin with a shipped configuration/],
      ]) {
        const answer = await page.goto(server.address + path);
        assert.equal(answer.status(), 200);
        assert.equal(await page.locator("h1").count(), 1);
        assert.match(await page.locator("main").innerText(), words, name);
        if (name !== "job-new") await look(page, name, view, viewName);
      }
      assert.equal(await page.evaluate(() => window.hacked).catch(() => undefined), undefined);
      // The form with every group open, with an error, and with what will be started.
      await page.locator("details.group").evaluateAll((groups) => {
        for (const group of groups) group.open = true;
      }).catch(() => {});
      await look(page, "job-new", view, viewName);
      await page.locator('input[name="out"]').fill("no name");
      await page.getByRole("button", { name: "Check and show" }).first().click();
      assert.match(await page.getByRole("alert").innerText(), /is no name for a run/);
      await look(page, "job-new-wrong", view, viewName, ".notice.error");
      await page.locator('input[name="out"]').fill(`named-${viewName.replace(" ", "-")}`);
      await page.getByRole("button", { name: "Check and show" }).first().click();
      await page.getByRole("button", { name: "Start" }).waitFor();
      await look(page, "job-new-preview", view, viewName, "section.preview");
      const wrong = real(troubles).filter((trouble) => !/422/.test(trouble));
      assert.deepEqual(wrong, []);
      await close();
    });
  }

  test("a running job's log and progress move without a reload", async () => {
    const { page, troubles, close } = await open(browser, views.wide);
    await page.goto(`${server.address}/jobs/${running}`);
    await page.locator("html[data-following]").waitFor();
    await touch("going/say");
    await page.locator(".job-log li", { hasText: "a line that came later" }).waitFor({ timeout: 10_000 });
    assert.match(await page.locator(".progress .line").innerText(), /120 of 300/);
    // Whoever is about to cancel it keeps the focus meanwhile.
    await page.getByRole("button", { name: "Cancel" }).focus();
    const event = { time_ms: Date.now(), stage: "sample", kind: "progress", done: 121, total: 300 };
    await appendFile(join(folder, "runs/going/events.jsonl"), `${JSON.stringify(event)}\n`);
    await page.locator(".progress .line", { hasText: "121 of 300" }).waitFor({ timeout: 10_000 });
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
    assert.deepEqual(real(troubles), []);
    await close();
  });
});

test("scripts off: a job is started by the form, and cancelled", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/jobs/new`);
  await page.locator("#group-sft > summary").click();
  await page.locator('[name="sft.epochs"]').fill("7");
  await page.locator("#group-cluster > summary").click();
  await page.locator('[name="cluster.by"]').selectOption("embedding");
  await page.getByRole("button", { name: "Add [[evaluate]]" }).click();
  await page.locator('[name="evaluate[1].method"]').fill("direct-prompting");
  await page.locator('[name="out"]').fill("by-form");
  await page.locator('[name="stage"]').selectOption("cluster");
  await page.getByRole("button", { name: "Check and show" }).first().click();
  const toml = await page.getByRole("region", { name: "Configuration as TOML" }).innerText();
  assert.equal(
    toml.trim(),
    '[cluster]\nby = "embedding"\n\n[sft]\nepochs = 7\n\n[[evaluate]]\nmethod = "direct-prompting"',
  );
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
  assert.match(await page.locator("h1").innerText(), /cluster of by-form/);
  const id = page.url().split("/").at(-1);
  await waitFor(id, "running");
  // What it says is kept a moment after it is said.
  const log = page.locator(".job-log");
  for (let look = 0; look < 50 && (await log.count()) === 0; look += 1) {
    await page.getByRole("link", { name: "Load again" }).click();
  }
  assert.match(await page.locator(".job-log").innerText(), /started/);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("It was cancelled.").waitFor();
  assert.ok(await page.getByRole("button", { name: "Resume" }).isVisible());
  assert.deepEqual(real(troubles), []);
  await close();
});

test("by keyboard alone: a job is started and seen to its end, another is cancelled", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/jobs/new`);
  await tabTo(page, '[name="out"]');
  await page.keyboard.type("by-keys");
  await tabTo(page, "#group-sft > summary");
  await page.keyboard.press("Enter");
  await tabTo(page, '[name="sft.epochs"]');
  await page.keyboard.type("2");
  // Enter in a field looks, and starts nothing.
  await page.keyboard.press("Enter");
  await page.locator("#preview").waitFor();
  await tabTo(page, 'button[value="start"]');
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").at(-1);
  await waitFor(id, "running");
  await page.reload();
  await page.locator("html[data-following]").waitFor();
  await touch("by-keys/go");
  await page.getByText("Done.").waitFor({ timeout: 10_000 });
  assert.equal(await page.locator("[role=status][data-live]").innerText(), "The job is finished.");
  assert.match(await page.locator(".facts").innerText(), /Exit status\s+0/);

  const other = await add("to-cancel");
  await waitFor(other, "running");
  await page.goto(`${server.address}/jobs`);
  await tabTo(page, `a[href="/jobs/${other}"]`);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server.address}/jobs/${other}`);
  await tabTo(page, 'form[action$="/cancel"] button');
  await page.keyboard.press("Enter");
  await page.getByText("It was cancelled.").waitFor();
  assert.deepEqual(real(troubles), []);
  await close();
});

test("back and forward keep the filter of the queue", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/jobs`);
  await page.getByRole("navigation", { name: "Jobs by state" }).getByRole("link", { name: /^cancelled/ }).click();
  await page.waitForURL(/state=cancelled/);
  const badges = await page.locator("tbody .badge").allInnerTexts();
  assert.ok(badges.length > 0 && badges.every((word) => word === "cancelled"), badges.join());
  await page.goBack();
  assert.ok((await page.locator("tbody .badge").count()) > badges.length);
  assert.deepEqual(real(troubles), []);
  await close();
});
