// The pages on made runs, in the system's Chromium: wide, on a phone, dark, and with scripts off.

import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { alive, assertAccessible, launch, open, views } from "./chromium.mjs";
import { lookAtEach } from "./looks.mjs";
import { hostile, makeRuns } from "./made_run.mjs";
import { serve } from "./served.mjs";

let folder, server, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-made-"));
  await makeRuns(join(folder, "runs"));
  server = await serve(join(folder, "runs"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const pages = {
  runs: "/",
  run: "/runs/taught",
  answers: "/runs/taught/answers?label=sayself&bin=8&outcome=wrong",
  question: "/runs/taught/questions/q1",
  "one class": "/runs/one-class",
  running: "/runs/running",
  failed: "/runs/failed",
  damaged: "/runs/damaged",
};

lookAtEach(pages, () => ({ browser, address: server.address }), {
  ready: (page, name) => name === "run" && alive(page),
});

test("a page that is not there says so and what to do next", async () => {
  const { page, close } = await open(browser, views.wide);
  for (const path of ["/runs/no-such-run", "/runs/taught/questions/no-such-question", "/no-such-page"]) {
    const answer = await page.goto(server.address + path);
    assert.equal(answer.status(), 404);
    assert.equal(await page.locator("h1").count(), 1);
    await assertAccessible(page);
  }
  await close();
});

test("the Run page can be read with scripts off", async () => {
  const { page, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/runs/taught`);
  assert.ok(await page.locator(".diagram svg").first().isVisible());
  const text = await page.locator("main").innerText();
  for (const word of ["Accuracy", "ECE", "AUROC", "95%"]) {
    assert.match(text, new RegExp(word, "i"), `no ${word} on the page`);
  }
  await close();
});

test("the browser redraws the diagram with the same bytes as the server", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  // What the island hands to the browser, before it is parsed.
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
  const answer = await page.goto(`${server.address}/runs/taught`);
  const sent = await answer.text();
  await alive(page);
  const drawings = () => page.evaluate(() => window.drawn.filter((text) => text.startsWith("<svg")));

  const [stated, equal] = await page.locator('.diagram input[name="bins"]').all();
  await equal.check();
  const widths = (await drawings()).at(-1);
  assert.ok(widths, "nothing was redrawn");
  assert.ok(!sent.includes(widths), "another choice of bins drew the same diagram");
  await stated.check();
  const again = (await drawings()).at(-1);
  assert.ok(again.length > 1_000 && again !== widths);
  assert.ok(sent.includes(again), "the redrawn diagram is not the server's, byte for byte");
  assert.deepEqual(troubles, []);
  await close();
});

test("the slider moves the bins", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  await alive(page);
  const drawing = page.locator(".diagram .drawing").first();
  const before = await drawing.innerHTML();
  await page.locator('.diagram input[type="range"]').first().fill("5");
  assert.notEqual(await drawing.innerHTML(), before);
  assert.deepEqual(troubles, []);
  await close();
});

test("from a bar to its questions to one question", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/taught`);
  const bar = page.locator('a[href*="/runs/taught/answers?"]').first();
  await page.goto(new URL(await bar.getAttribute("href"), server.address).href);
  const question = page.locator('a[href*="/runs/taught/questions/"]').first();
  await question.click();
  await page.waitForURL(/\/questions\//);
  assert.equal(await page.locator("h1").count(), 1);
  assert.deepEqual(troubles, []);
  await close();
});

test("model text with scripts and markup shows as text", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  for (const path of [
    "/",
    "/runs/taught",
    "/runs/failed",
    "/runs/taught/questions/q0",
    "/runs/taught/answers?label=sayself",
    `/?q=${encodeURIComponent(hostile)}`,
  ]) {
    await page.goto(server.address + path);
    assert.equal(await page.evaluate(() => window.hacked), undefined, path);
    const planted = await page.locator('img[src="x"], svg[onload], [onerror]').count();
    assert.equal(planted, 0, path);
  }
  await page.goto(`${server.address}/runs/taught/questions/q0`);
  assert.match(await page.locator("main").innerText(), /<script>window\.hacked = 1<\/script>/);
  assert.deepEqual(troubles, []);
  await close();
});

test("a running run's progress moves without a reload", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/running`);
  const line = page.locator(".progress .line").first();
  await line.waitFor();
  const event = { time_ms: Date.now(), stage: "sample", kind: "progress", done: 240, total: 300 };
  await appendFile(join(folder, "runs/running/events.jsonl"), `${JSON.stringify(event)}\n`);
  await page.locator(".progress .line", { hasText: "240" }).first().waitFor({ timeout: 10_000 });
  assert.deepEqual(troubles, []);
  await close();
});

test("a page forbids scripts that are not its own", async () => {
  const { page, close } = await open(browser, views.wide);
  const answer = await page.goto(`${server.address}/runs/taught`);
  const policy = (await answer.headerValue("content-security-policy")) ?? "";
  assert.ok(policy.includes("wasm-unsafe-eval"), policy);
  assert.ok(!policy.includes("unsafe-inline"), policy);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hacked = 4";
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await close();
});
