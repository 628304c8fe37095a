// The Compare page and the Tables page on made runs: wide, on a phone, dark, with scripts off, and by
// keyboard alone.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertNoSidewaysScrolling, launch, open, views } from "./chromium.mjs";
import { lookAtEach } from "./looks.mjs";
import { makeRuns } from "./made_run.mjs";
import { serve } from "./served.mjs";

let folder, server, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-compared-"));
  await makeRuns(join(folder, "runs"));
  server = await serve(join(folder, "runs"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const pair = "/compare?run=taught:direct-prompting&run=taught:sayself";
const pages = {
  compare: pair,
  "compare four": `${pair}&run=one-class:direct-prompting&run=one-class:sayself`,
  "compare one change": `${pair}&change=became-right`,
  "compare what is not there": "/compare?run=taught&run=gone&run=running&run=taught",
  "compare choose": "/compare",
  tables: "/tables",
};

lookAtEach(pages, () => ({ browser, address: server.address }));

test("the narrowest page does not scroll sideways", async () => {
  const { page, close } = await open(browser, { viewport: { width: 320, height: 640 } });
  for (const path of Object.values(pages)) {
    await page.goto(server.address + path);
    await assertNoSidewaysScrolling(page);
  }
  await close();
});

test("runs are chosen and compared by keyboard alone", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/compare`);
  for (const value of ["taught:direct-prompting", "taught:sayself"]) {
    const box = page.locator(`input[name="run"][value="${value}"]`);
    for (let step = 0; step < 60 && !(await box.evaluate((one) => one === document.activeElement)); step += 1) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Space");
    assert.ok(await box.isChecked());
  }
  await page.keyboard.press("Enter");
  await page.waitForURL(/run=taught/);
  assert.match(await page.locator("h1").innerText(), /Compare 2 evaluations/);
  const link = page.locator('a[href*="change=became-right"]').first();
  await link.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/change=became-right/);
  assert.equal(await page.locator(".changed-list").count(), 1);
  await page.goBack();
  assert.ok((await page.locator(".changed-list").count()) > 1);
  assert.deepEqual(troubles, []);
  await close();
});

test("from a changed question to its page", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(server.address + pair);
  await page.locator(".changed h5 a").first().click();
  await page.waitForURL(/\/runs\/taught\/questions\//);
  assert.equal(await page.locator("h1").count(), 1);
  assert.deepEqual(troubles, []);
  await close();
});

test("the base is part of the address", async () => {
  const { page, close } = await open(browser, views["scripts off"]);
  await page.goto(server.address + pair);
  await page.getByRole("link", { name: /Make it the base/ }).first().click();
  await page.waitForURL(/base=taught%3Asayself/);
  assert.match(await page.locator(".differences caption").innerText(), /the base being B/);
  await close();
});

test("tables are copied with scripts, and linked without", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${server.address}/tables`);
  await page.getByRole("button", { name: /Markdown of Table 2, to the clipboard/ }).click();
  await page.getByText("Copied.").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /\*\*Table 2\. AUROC\*\*/);
  assert.deepEqual(troubles, []);
  await close();

  const off = await open(browser, views["scripts off"]);
  await off.page.goto(`${server.address}/tables`);
  assert.equal(await off.page.locator("button[data-copy]:visible").count(), 0);
  const address = await off.page.getByRole("link", { name: "CSV of all tables" }).getAttribute("href");
  const file = await fetch(server.address + address);
  assert.match(file.headers.get("content-type"), /text\/csv/);
  assert.match(await file.text(), /^table,title,method/);
  await off.close();
});
