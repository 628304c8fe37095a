// The list of runs: sorted, narrowed, grouped, paged, noted and chosen from, with scripts and without,
// by pointer and by keyboard.

import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoSidewaysScrolling, launch, open, screenshots, views } from "./chromium.mjs";
import { lookAtEach } from "./looks.mjs";
import { hostile } from "./made_run.mjs";
import { serve } from "./served.mjs";

let folder, server, empty, browser;

const MODELS = ["smollm2-135m", "gemma3-270m"];
const SETS = ["world-facts", "trivia", "science"];
const METHODS = ["direct-prompting", "sayself", "self-consistency"];

/** Bare evaluations with intervals, small ones and one without AUROC among them; one that runs. */
async function makeList(runs) {
  for (let number = 0; number < 64; number++) {
    const around = (value, width) => [Math.max(0, value - width), Math.min(1, value + width)];
    const n = number % 9 === 4 ? 40 : 4000 - 13 * number;
    const width = 0.9 / Math.sqrt(n);
    const accuracy = 0.2 + (number % 7) / 20;
    const ece = 0.04 + (number % 11) / 26;
    const metrics = {
      n,
      method: METHODS[number % 3],
      model: MODELS[number % 2],
      questions: SETS[number % 3],
      accuracy,
      accuracy_ci: around(accuracy, width),
      ece_10: ece,
      ece_10_ci: around(ece, width),
      smece: ece * 0.9,
      smece_ci: around(ece * 0.9, width),
      brier: 0.15 + ece / 3,
      brier_ci: around(0.15 + ece / 3, width),
      auroc: number % 8 === 5 ? null : 0.5 + (number % 13) / 30,
      auroc_ci: number % 8 === 5 ? null : around(0.5 + (number % 13) / 30, width),
    };
    const run = join(runs, `run-${String(number).padStart(2, "0")}`);
    await mkdir(run, { recursive: true });
    await writeFile(join(run, "metrics.json"), JSON.stringify(metrics));
  }
  const now = Date.now();
  for (const [id, title, done] of [["live", "A run under way", 120], ["live-too", `Another ${hostile}`, 12]]) {
    const run = join(runs, id);
    await mkdir(run, { recursive: true });
    await writeFile(
      join(run, "run.toml"),
      `title = ${JSON.stringify(title)}\nmodel = "smollm2-135m"\n\n[questions]\nsource = "world-facts"\n`,
    );
    const start = { time_ms: now - 60_000, stage: "sample", kind: "started", done: 0, total: 300, unit: "questions" };
    const progress = { time_ms: now - 1_000, stage: "sample", kind: "progress", done, total: 300 };
    await writeFile(join(run, "events.jsonl"), `${JSON.stringify(start)}\n${JSON.stringify(progress)}\n`);
  }
}

const patch = (id, labels) =>
  fetch(`${server.address}/api/runs/${id}/labels`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(labels),
  });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-list-"));
  await makeList(join(folder, "runs"));
  await mkdir(join(folder, "none"));
  server = await serve(join(folder, "runs"));
  empty = await serve(join(folder, "none"));
  const noted = await patch("run-63", {
    tags: ["paper", "seed 1"],
    note: "The one in the table of the paper; the learning rate of the others is too high.",
  });
  assert.equal(noted.status, 200);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await empty?.stop();
  await rm(folder, { recursive: true, force: true });
});

const lists = {
  list: "/",
  "list sorted": "/?sort=ece&direction=descending&model=smollm2-135m",
  "list grouped": "/?group=questions&sort=auroc",
  "list tagged": "/?tag=paper",
  "list without a match": "/?q=nothing+like+it&state=failed",
  "list empty": "/",
};

lookAtEach(lists, (name) => ({ browser, address: (name === "list empty" ? empty : server).address }), {
  prefix: "runs-",
  excused: (trouble) => trouble.includes("/api/states"),
});

test("320 px wide, nothing scrolls sideways", async () => {
  const { page, close } = await open(browser, { viewport: { width: 320, height: 700 } });
  for (const path of ["/", "/?group=questions"]) {
    await page.goto(server.address + path);
    await assertNoSidewaysScrolling(page);
  }
  await close();
});

/** The figures of a column, as they stand on the whole page: a click does not wait for all rows. */
async function column(page, name) {
  await page.waitForLoadState();
  return page
    .locator(`td[data-name="${name}"]`)
    .evaluateAll((cells) => cells.map((cell) => cell.querySelector(".value")?.textContent ?? null));
}

test("a column's head sorts by it, back and forward work, and a link shows the same", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(server.address);
  await page.getByRole("link", { name: "ECE", exact: true }).click();
  assert.equal(new URL(page.url()).search, "?sort=ece");
  const rising = (await column(page, "ECE")).filter((value) => value !== null).map(Number);
  assert.deepEqual(rising, [...rising].sort((left, right) => left - right));
  await page.getByRole("link", { name: /^ECE/ }).click();
  assert.equal(new URL(page.url()).search, "?sort=ece&direction=descending");
  const falling = (await column(page, "ECE")).map(Number);
  assert.ok(falling[0] > rising[0]);
  await page.goBack();
  assert.equal(new URL(page.url()).search, "?sort=ece");
  await page.goForward();
  assert.deepEqual((await column(page, "ECE")).map(Number), falling);
  // What has no figure is at the end, whichever way.
  for (const direction of ["ascending", "descending"]) {
    await page.goto(`${server.address}/?sort=auroc&direction=${direction}`);
    await page.getByRole("link", { name: "More runs" }).click();
    const values = await column(page, "AUROC");
    const first = values.indexOf(null);
    assert.ok(first > 0 && values.slice(first).every((value) => value === null), `${values}`);
  }
  assert.deepEqual(troubles, []);
  await close();
});

test("the form narrows the list, groups it, and lets go again", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(server.address);
  await page.locator('select[name="model"]').selectOption("gemma3-270m");
  await page.locator('select[name="questions"]').selectOption("trivia");
  await page.getByLabel("Group by data set").check();
  await page.getByRole("button", { name: "Show" }).click();
  assert.match(await page.locator(".how-many").innerText(), /^\d+ of 66 runs$/);
  assert.equal(await page.locator('select[name="model"]').inputValue(), "gemma3-270m");
  assert.equal(await page.locator("tbody.group").count(), 1);
  const sets = await page.locator('td[data-name="Data set"]').allInnerTexts();
  assert.ok(sets.length > 5 && sets.every((set) => set === "trivia"), `${sets}`);
  await page.locator(".filters").getByRole("link", { name: "Show all runs" }).click();
  assert.equal(new URL(page.url()).search, "?group=questions");
  await page.getByRole("searchbox").fill("no such run");
  await page.keyboard.press("Enter");
  await page.getByText("No run matches all of this").waitFor();
  await page.locator(".empty").getByRole("link", { name: "Show all runs" }).click();
  assert.equal(await page.locator(".how-many").innerText(), "66 runs");
  assert.deepEqual(troubles, []);
  await close();
});

test("pages lead through all runs, each once", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  for (const start of ["/", "/?sort=brier", "/?sort=title&group=questions"]) {
    await page.goto(server.address + start);
    const seen = [];
    for (;;) {
      seen.push(...(await page.locator("tbody tr[id]").evaluateAll((rows) => rows.map((row) => row.id))));
      const next = page.getByRole("link", { name: "More runs" });
      if ((await next.count()) === 0) break;
      await next.click();
    }
    assert.equal(seen.length, 66);
    assert.equal(new Set(seen).size, 66);
    await page.getByRole("link", { name: "First runs" }).click();
    assert.equal(await page.locator("tbody tr[id]").first().getAttribute("id"), seen[0]);
  }
  assert.deepEqual(troubles, []);
  await close();
});

test("tags and a note are given by keyboard alone, scripts off, and lead back to the row", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/?sort=title&questions=science`);
  const row = page.locator("#run-run-05");
  await row.locator("summary").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("slow, odd <b>");
  await page.keyboard.press("Tab");
  await page.keyboard.type(hostile.replaceAll("\u0000", ""));
  await page.keyboard.press("Tab");
  await Promise.all([page.waitForURL(/#run-run-05$/), page.keyboard.press("Enter")]);
  assert.equal(new URL(page.url()).search, "?questions=science&sort=title");
  assert.deepEqual(await row.locator(".tag").allInnerTexts(), ["slow", "odd <b>"]);
  assert.match(await row.locator(".note").innerText(), /<script>window\.hacked = 1/);
  assert.ok(await row.isVisible());
  // The tag is a way to all that have it.
  await row.getByRole("link", { name: "odd <b>" }).click();
  assert.equal(await page.locator("tbody tr[id]").count(), 1);
  // Emptied again.
  await page.locator("summary").first().click();
  await page.locator('input[name="tags"]').first().fill("");
  await page.locator('textarea[name="note"]').first().fill("");
  await Promise.all([page.waitForURL(/#run-run-05$/), page.getByRole("button", { name: "Save" }).click()]);
  await page.goto(`${server.address}/?q=run-05`);
  assert.equal(await page.locator(".tag").count(), 0);
  assert.deepEqual(troubles, []);
  await close();
});

test("notes with markup show as text where scripts run", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await patch("run-07", { tags: [`<img src=x onerror="window.hacked=5">`], note: hostile });
  await page.goto(`${server.address}/?q=run-07`);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator('img[src="x"], svg[onload], [onerror]').count(), 0);
  await page.locator("summary").first().click();
  assert.match(await page.locator('textarea[name="note"]').first().inputValue(), /<\/script><script>/);
  await patch("run-07", { tags: [], note: "" });
  assert.deepEqual(troubles, []);
  await close();
});

test("rows that run move without a reload, over one stream", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  const streams = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/")) streams.push(request.url());
  });
  await page.goto(`${server.address}/?state=running`);
  await page.locator("html[data-alive]").waitFor();
  const say = (id, event) => appendFile(join(folder, "runs", id, "events.jsonl"), `${JSON.stringify(event)}\n`);
  for (const [id, done] of [["live", 240], ["live-too", 33]]) {
    await say(id, { time_ms: Date.now(), stage: "sample", kind: "progress", done, total: 300 });
  }
  await page.locator("#run-live .line", { hasText: "240 of 300" }).waitFor({ timeout: 10_000 });
  await page.locator("#run-live-too .line", { hasText: "33 of 300" }).waitFor({ timeout: 10_000 });
  assert.equal(streams.length, 1, `${streams}`);
  await say("live-too", { time_ms: Date.now(), stage: "sample", kind: "failed", error: "disk full" });
  await page.locator("#run-live-too .line", { hasText: "Failed in sample" }).waitFor({ timeout: 10_000 });
  assert.deepEqual(troubles.filter((trouble) => !trouble.includes("/api/states")), []);
  await close();
});

test("runs are chosen by keyboard to be compared", async () => {
  const { page, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/?sort=title&questions=science`);
  const boxes = page.locator('input[name="run"]');
  for (const index of [0, 2]) {
    await boxes.nth(index).focus();
    await page.keyboard.press("Space");
  }
  await page.screenshot({ path: join(screenshots, "runs-chosen.png") });
  await assertAccessible(page);
  const ids = [await boxes.nth(0).inputValue(), await boxes.nth(2).inputValue()];
  await page.getByRole("button", { name: /^Compare/ }).focus();
  await Promise.all([page.waitForURL(/\/compare\?/), page.keyboard.press("Enter")]);
  assert.equal(new URL(page.url()).search, `?run=${ids[0]}&run=${ids[1]}`);
  await close();
});

test("the whole list can be used by keyboard alone", async () => {
  const { page, close } = await open(browser, views.wide);
  await page.goto(server.address);
  const focused = () =>
    page.evaluate(() => {
      const { name, tagName, innerText, value } = document.activeElement;
      return `${tagName} ${name ?? ""} ${(tagName === "A" ? innerText : value) ?? ""}`;
    });
  const reached = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    reached.push(await focused());
  }
  for (const part of ["INPUT q", "SELECT model", "SELECT state", "INPUT group", "A  ECE", "INPUT run", "SUMMARY"]) {
    assert.ok(reached.some((one) => one.startsWith(part)), `${part} is not reached: ${reached.join(" | ")}`);
  }
  await close();
});
