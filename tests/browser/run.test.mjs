// The Run page: its choices of diagram and threshold, its downloads and its learning curves.

import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { alive, launch, open, screenshots, views } from "./chromium.mjs";
import { lookAtEach } from "./looks.mjs";
import { hostile, makeRuns } from "./made_run.mjs";
import { serve } from "./served.mjs";

let folder, server, browser;

/** Says how training went, where the run came from and what was left out. */
async function tell(run) {
  const lines = [];
  for (let step = 0; step < 600; step += 1) {
    for (const seed of [1, 2, 3]) {
      const time_ms = 1_700_000_063_000 + step;
      const loss = 2 / (1 + step / 60) + 0.1 * seed + 0.05 * Math.sin(step * seed);
      lines.push({ time_ms, stage: `sft/seed-${seed}`, kind: "metrics", step, values: { loss } });
      if (step < 40) {
        const values = { reward: 0.4 + step / 400, mean_confidence: 0.9 - step / 100 + 0.02 * seed };
        lines.push({ time_ms, stage: `rl/seed-${seed}`, kind: "metrics", step, values });
      }
    }
  }
  const message = `round 14: the stated confidence has collapsed ${hostile}`;
  lines.push({ time_ms: 1_700_000_064_000, stage: "rl/seed-1", kind: "note", message });
  lines.push({ time_ms: 1_700_000_065_000, stage: "run", kind: "finished", seconds: 65 });
  await appendFile(join(run, "events.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await appendFile(
    join(run, "run.toml"),
    `\n[provenance]\nformat_version = 1\nsayself_version = "0.1.0"\nstage = "run"\nmodel_sha256 = "${"b1".repeat(32)}"\n`,
  );
  const skipped = [0, 1, 2, 3].map((record) => ({ stage: "sample", record: `q${record}`, reason: `no answer ${hostile}` }));
  await writeFile(join(run, "skipped.jsonl"), skipped.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const path = join(run, "evaluate/direct-prompting/metrics.json");
  const metrics = JSON.parse(await readFile(path, "utf8"));
  const map = { family: "platt", slope: 0.3, intercept: -0.9, n: 120 };
  metrics.recalibrated = { ece_10: 0.03, brier: 0.23, map };
  await writeFile(path, JSON.stringify(metrics));
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-run-"));
  await makeRuns(join(folder, "runs"));
  await tell(join(folder, "runs/taught"));
  server = await serve(join(folder, "runs"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const addresses = {
  corp: "/runs/taught",
  levels: "/runs/taught?diagram=levels",
  smooth: "/runs/taught?diagram=smooth&above=80",
};

lookAtEach(addresses, () => ({ browser, address: server.address }), {
  ready: (page) => page.locator(".threshold button.alive").waitFor({ state: "attached" }),
  prefix: "run-page-",
});

test("each kind of diagram is drawn with the same bytes as the server's", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.addInitScript(() => {
    const property = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
    window.drawn = [];
    Object.defineProperty(Element.prototype, "innerHTML", {
      ...property,
      set(markup) {
        window.drawn.push(markup);
        property.set.call(this, markup);
      },
    });
  });
  const sent = {};
  for (const kind of ["corp", "levels", "smooth"]) {
    const answer = await page.request.get(`${server.address}/runs/taught?diagram=${kind}`);
    sent[kind] = await answer.text();
  }
  await page.goto(`${server.address}/runs/taught`);
  await alive(page);
  for (const [index, kind] of [[1, "levels"], [2, "smooth"], [0, "corp"]]) {
    await page.locator(".kinds a").nth(index).click();
    const markup = await page.evaluate(() => window.drawn.filter((text) => text.startsWith("<svg")).at(-1));
    assert.ok(sent[kind].includes(markup), `${kind} is not the server's, byte for byte`);
  }
  assert.deepEqual(troubles, []);
  await close();
});

test("the address follows the choices, and back undoes them", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught?label=sayself`);
  await alive(page);
  const kinds = page.locator(".kinds a");
  const current = async () => page.locator('.kinds a[aria-current="true"]').innerText();
  await kinds.nth(2).click();
  assert.match(page.url(), /\?label=sayself&diagram=smooth$/);
  await page.locator(".threshold input[type=range]").fill("60");
  assert.match(page.url(), /diagram=smooth&above=60$/);
  const svg = page.locator(".diagram .downloads a.svg");
  assert.match(await svg.getAttribute("href"), /diagram=smooth/);
  await kinds.nth(1).click();
  assert.equal(await current(), "By level");
  await page.goBack();
  assert.equal(await current(), "Smooth");
  await page.goBack();
  assert.equal(await current(), "Curve and band");
  // Opened elsewhere, it shows the same.
  await page.goto(`${server.address}/runs/taught?label=sayself&diagram=smooth&above=60`);
  await page.locator(".threshold button.alive").waitFor({ state: "attached" });
  assert.equal(await current(), "Smooth");
  assert.equal(await page.locator(".threshold output").innerText(), "0.60");
  assert.deepEqual(troubles, []);
  await close();
});

test("the threshold moves the ring and the words", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  await page.locator(".threshold button.alive").waitFor({ state: "attached" });
  const drawing = page.locator(".selective .drawing");
  const [words, marks] = [page.locator(".selected"), await drawing.innerHTML()];
  const first = await words.innerText();
  await page.locator(".threshold input[type=range]").fill("100");
  assert.notEqual(await words.innerText(), first);
  assert.notEqual(await drawing.innerHTML(), marks);
  assert.match(await words.innerText(), /answered, .* right \(n = /);
  // The address follows once the slider rests.
  const [address, slider] = [page.url(), page.locator(".threshold input[type=range]")];
  await slider.evaluate((input) => {
    input.value = "40";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  assert.equal(await page.locator(".threshold output").innerText(), "0.40");
  assert.equal(page.url(), address);
  await slider.dispatchEvent("change");
  assert.match(page.url(), /above=40/);
  assert.deepEqual(troubles, []);
  await close();
});

test("by keyboard alone: kind, bins, threshold", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  await alive(page);
  const until = async (selector) => {
    for (let presses = 0; presses < 80; presses += 1) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${selector} cannot be reached by the keyboard`);
  };
  await until(".kinds li:nth-child(2) a");
  await page.keyboard.press("Enter");
  assert.match(page.url(), /diagram=levels/);
  await until(".bins input[type=range]");
  await page.keyboard.press("ArrowRight");
  assert.match(page.url(), /bins=11/);
  await until(".threshold input[type=range]");
  await page.keyboard.press("ArrowRight");
  assert.match(page.url(), /above=\d+/);
  await until(".selective .downloads button");
  assert.deepEqual(troubles, []);
  await close();
});

test("with scripts off the choices are links and forms", async () => {
  const { page, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/runs/taught`);
  assert.equal(await page.locator("button[data-picture]:visible").count(), 0);
  await page.locator(".kinds a").nth(2).click();
  assert.match(page.url(), /diagram=smooth/);
  await page.locator(".threshold input[type=range]").fill("70");
  await page.locator(".threshold button").click();
  assert.match(page.url(), /diagram=smooth/);
  assert.match(page.url(), /above=70/);
  assert.equal(await page.locator(".threshold output").innerText(), "0.70");
  const text = await page.locator("main").innerText();
  for (const words of ["How training went", "By template", "Written by sayself 0.1.0", "4 records left out"]) {
    assert.ok(text.includes(words), words);
  }
  await close();
});

test("another choice of evaluations keeps the diagram", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  await alive(page);
  await page.locator(".kinds a").nth(1).click();
  await page.locator(".picker button").click();
  await page.waitForURL(/label=/);
  assert.match(page.url(), /diagram=levels/);
  // What is taken back does not return.
  await alive(page);
  await page.locator(".kinds a").nth(0).click();
  assert.doesNotMatch(page.url(), /diagram=/);
  const answered = page.waitForResponse((response) => response.request().isNavigationRequest());
  await page.locator(".picker button").click();
  assert.doesNotMatch((await answered).url(), /diagram=/);
  assert.deepEqual(troubles, []);
  await close();
});

test("charts and files are downloaded", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  await alive(page);
  const taken = async (locator) => {
    const [download] = await Promise.all([page.waitForEvent("download"), locator.click()]);
    return [download.suggestedFilename(), await readFile(await download.path())];
  };
  const of = page.locator(".diagram .downloads");
  const [svgName, svg] = await taken(of.locator("a.svg"));
  assert.equal(svgName, "taught-reliability.svg");
  assert.match(svg.toString(), /^<\?xml/);
  assert.doesNotMatch(svg.toString(), /var\(/);
  const [csvName, csv] = await taken(of.locator("a").last());
  assert.equal(csvName, "taught-reliability.csv");
  assert.match(csv.toString(), /^evaluation,from,to/);
  const [pngName, png] = await taken(of.locator("button"));
  assert.equal(pngName, "reliability.png");
  assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from("PNG")]);
  await writeFile(join(screenshots, "downloaded-reliability.png"), png);
  const file = page.locator('a[href="/runs/taught/files/run.toml"]');
  assert.equal((await taken(file))[0], "taught-run.toml");
  assert.deepEqual(troubles, []);
  await close();
});

test("on a phone learning curves stand below one another", async () => {
  const { page, close } = await open(browser, views.phone);
  await page.goto(`${server.address}/runs/taught`);
  const columns = await page.locator(".multiples").evaluate((grid) => getComputedStyle(grid).gridTemplateColumns);
  assert.equal(columns.split(" ").length, 1, columns);
  await close();
});

test("on paper there are no controls and nothing is cut", async () => {
  const { page, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  await page.emulateMedia({ media: "print" });
  for (const control of [".kinds", ".downloads", ".threshold button"]) {
    assert.equal(await page.locator(`${control}:visible`).count(), 0, control);
  }
  await page.screenshot({ path: join(screenshots, "run-page-print.png"), fullPage: true });
  await close();
});

test("what a run wrote is text in every part of the page", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught?diagram=${encodeURIComponent(hostile)}`);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator('img[src="x"], svg[onload], [onerror]').count(), 0);
  assert.deepEqual(troubles, []);
  await close();
});
