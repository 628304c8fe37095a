// The Question page and the lists of answers, in the system's Chromium: wide, on a phone, dark, with
// scripts off, and by keyboard alone.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, views } from "./chromium.mjs";
import { lookAtEach } from "./looks.mjs";
import { makeQuestions } from "./made_question.mjs";
import { serve } from "./served.mjs";

let folder, server, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-question-"));
  await makeQuestions(join(folder, "runs"));
  server = await serve(join(folder, "runs"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const pages = {
  "question by meaning": "/runs/meanings/questions/q0",
  "question at a threshold": "/runs/meanings/questions/q0?threshold=0.5",
  "question by answer": "/runs/answers/questions/q0",
  "question not clustered": "/runs/samples/questions/q0",
  "question not sampled": "/runs/meanings/questions/q7",
  "answers all": "/runs/meanings/answers?label=sayself",
  "answers narrowed": "/runs/meanings/answers?label=sayself&bin=3&outcome=wrong&template=capital-of-country&sort=surest",
  "answers none": "/runs/meanings/answers?label=sayself&q=nothing-like-it",
};

lookAtEach(pages, () => ({ browser, address: server.address }), {
  ready: (page, name, path) => path.includes("meanings/questions/q0") && alive(page),
});

const alive = (page) => page.locator(".threshold .slide.alive").waitFor();
const slider = (page) => page.locator('.threshold input[type="range"]');
const field = (page) => page.locator('.threshold input[type="number"]');
const caption = (page) => page.locator("table.clusters caption").textContent();

test("the threshold moves the clusters without asking the server, and stays in the address", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/meanings/questions/q0`);
  await alive(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  assert.equal(await caption(page), "100 samples in 6 clusters");
  await slider(page).fill("0.5");
  assert.equal(await caption(page), "100 samples in 5 clusters");
  assert.match(await page.locator(".threshold .words").textContent(), /^0\.5: 5 clusters, the largest Sydney with 85%/);
  assert.equal(await field(page).inputValue(), "0.5");
  await slider(page).dispatchEvent("change");
  assert.equal(new URL(page.url()).search, "?threshold=0.5");
  await slider(page).fill("0.2");
  assert.equal(await caption(page), "100 samples in 1 cluster");
  await field(page).fill("0.84");
  await field(page).press("Tab");
  assert.equal(await caption(page), "100 samples in 6 clusters");
  assert.equal(new URL(page.url()).search, "", "the stored threshold needs no address of its own");
  assert.deepEqual(asked, []);
  assert.deepEqual(troubles, []);
  await close();
});

test("server and browser draw the same bytes at every threshold", async () => {
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
  await page.goto(`${server.address}/runs/meanings/questions/q0`);
  await alive(page);
  for (const threshold of ["0.9", "0.5", "0.45", "0.2", "0.84"]) {
    await slider(page).fill(threshold);
    const drawn = await page.evaluate(() => window.drawn.filter((text) => text.startsWith("<table class=\"clusters")).at(-1));
    const sent = await (await page.request.get(`${server.address}/runs/meanings/questions/q0?threshold=${threshold}`)).text();
    assert.ok(drawn.length > 1_000 && sent.includes(drawn), `at ${threshold} the server draws something else`);
  }
  assert.deepEqual(troubles, []);
  await close();
});

test("a link with a threshold shows the same, with scripts on and off", async () => {
  for (const look of ["wide", "scripts off"]) {
    const { page, troubles, close } = await open(browser, views[look]);
    await page.goto(`${server.address}/runs/meanings/questions/q0?threshold=0.5`);
    if (look === "wide") await alive(page);
    assert.equal(await caption(page), "100 samples in 5 clusters");
    assert.equal(await field(page).inputValue(), "0.5");
    if (look === "scripts off") {
      assert.ok(!(await slider(page).isVisible()), "a slider that does nothing is not shown");
      await field(page).fill("0.2");
      await page.getByRole("button", { name: "Show" }).click();
      await page.waitForURL(/threshold=0\.2/);
      assert.equal(await caption(page), "100 samples in 1 cluster");
      await page.goBack();
      assert.equal(await caption(page), "100 samples in 5 clusters");
      await page.getByRole("link", { name: "back to the stored 0.84" }).click();
      assert.equal(await caption(page), "100 samples in 6 clusters");
    }
    assert.deepEqual(troubles, []);
    await close();
  }
});

test("by keyboard alone: slide, unfold the samples, read what is named", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/runs/meanings/questions/q0`);
  await alive(page);
  await tabTo(page, 'input[type="range"]');
  const words = () => slider(page).getAttribute("aria-valuetext");
  assert.match(await words(), /^0\.84: 6 clusters/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await words(), /^0\.835: 6 clusters/);
  await page.keyboard.press("Home");
  assert.match(await words(), /^0: 1 cluster, the largest Sydney with 100%/);
  assert.equal(new URL(page.url()).search, "?threshold=0");
  await tabTo(page, ".said summary");
  const details = page.locator(".said details").first();
  assert.equal(await details.getAttribute("open"), null);
  await page.keyboard.press("Enter");
  assert.notEqual(await details.getAttribute("open"), null);
  assert.deepEqual(troubles, []);
  await close();
});

/** Presses Tab until what matches has the focus. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
  }
  assert.fail(`${selector} cannot be reached by Tab`);
}

test("rationales say which clusters they name, what they invent and leave out", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/runs/meanings/questions/q0`);
  const card = (label) => page.locator("article.card", { has: page.locator("h3", { hasText: label }) });
  const before = card("direct-prompting");
  assert.deepEqual(await before.locator("mark.named").allTextContents(), ["Sydney [named: 55% of the samples]"]);
  assert.deepEqual(await before.locator("mark.invented").allTextContents(), ["Perth [invented: no sample says it]"]);
  assert.match(await before.locator("dl.names .left-out").textContent(), /Canberra 30%/);
  assert.match(await before.textContent(), /Say the same 55% of 100 samples/);
  const after = card("sayself");
  assert.equal(await after.locator("mark.named").count(), 2);
  assert.equal(await after.locator("mark.invented").count(), 0);
  assert.match(await after.textContent(), /Say the same 30% of 100 samples/);
  assert.deepEqual(troubles, []);
  await close();
});

test("answers are narrowed by the form, ordered, and turned both ways", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/runs/meanings/answers?label=sayself`);
  await page.locator('select[name="bin"]').selectOption("7");
  await page.locator('select[name="sort"]').selectOption("surest");
  await page.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/bin=7/);
  assert.match(await page.locator("caption").textContent(), /30 of 30 answers shown, surest first/);
  await page.locator('select[name="bin"]').selectOption("");
  await page.locator('select[name="sort"]').selectOption("least-sure");
  await page.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/least-sure/);
  const first = () => page.locator("table.answers tbody th a").first().getAttribute("href");
  const start = await first();
  await page.getByRole("link", { name: "After →" }).click();
  await page.waitForURL(/after=/);
  const second = await first();
  assert.notEqual(second, start);
  await page.getByRole("link", { name: "After →" }).click();
  await page.getByRole("link", { name: "← Before" }).click();
  await page.waitForURL(/before=/);
  assert.equal(await first(), second);
  await page.getByRole("link", { name: "First" }).click();
  assert.equal(await first(), start);
  await page.goBack();
  assert.equal(await first(), second);
  assert.deepEqual(troubles, []);
  await close();
});
