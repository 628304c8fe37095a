// What a model or a file writes is text, on every page: nothing of it runs, nothing of it becomes an
// element, nothing is asked of another host, and nothing hides.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { attackedPages, attacks, label, labelAttackedRun, makeAttackedRuns, missingPages, question, run } from "./attacked_run.mjs";
import { assertAccessible, assertNoSidewaysScrolling, launch, open, screenshots, views } from "./chromium.mjs";
import { serve } from "./served.mjs";

let folder, server, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-attacked-"));
  await makeAttackedRuns(join(folder, "runs"));
  server = await serve(join(folder, "runs"));
  await labelAttackedRun(server.address);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Bytes of a page, however long the lines are that it shows. */
const PAGE_BYTES_MAX = 2_000_000;

/** Opens a page and tells all that an attack would have done. */
async function opened(path, view = views.wide) {
  const { page, troubles, close } = await open(browser, view);
  page.on("dialog", async (dialog) => {
    troubles.push(`a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== "data:" && host !== new URL(server.address).host) troubles.push(`asked ${request.url()}`);
  });
  const answer = await page.goto(server.address + path);
  // Handlers that wait for a moment, islands that draw again.
  await page.waitForTimeout(150);
  return { page, troubles, answer, close };
}

/** What of the page was made from a text of a run; nothing should. */
function planted() {
  const told = [];
  if (window.hacked !== undefined) told.push(`attack ${window.hacked} ran`);
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    const foreign = element.closest("svg, math") === null;
    if (element.classList.contains("attack")) told.push(`<${name}> of an attack`);
    if (["iframe", "object", "embed", "base", "math", "video", "audio"].includes(name)) told.push(`<${name}>`);
    if (name === "img") told.push("<img>");
    if (name === "meta" && element.httpEquiv) told.push(`<meta ${element.httpEquiv}>`);
    if (name === "style" && !element.nonce) told.push("<style> without a nonce");
    if (element.dataset.island !== undefined && element.closest(".foreign, .attack")) told.push(`island ${element.dataset.island} in a text`);
    if (name === "script" && !element.nonce && !element.src.startsWith(location.origin)) told.push("<script> without a nonce");
    for (const { name: attribute, value } of element.attributes) {
      if (attribute.startsWith("on")) told.push(`${attribute} at <${name}>`);
      if (attribute === "style") told.push(`a style at <${name}>`);
      if (["href", "src", "action", "formaction", "xlink:href"].includes(attribute) && foreign) {
        const { protocol, host } = new URL(value, location.href);
        if (protocol !== "data:" && host !== location.host) told.push(`${attribute}=${value} at <${name}>`);
      }
    }
  }
  return told;
}

/** Characters that would act rather than show, in texts and attributes. */
function hidden() {
  const acts = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  const told = [];
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE && acts.test(node.data)) told.push(JSON.stringify(node.data.slice(0, 80)));
    for (const { name, value } of node.attributes ?? []) if (acts.test(value)) told.push(`in ${name} of <${node.localName}>`);
  }
  return told;
}

describe("no attack does anything", () => {
  for (const path of attackedPages) {
    test(decodeURIComponent(path).slice(0, 100), async () => {
      const { page, troubles, answer, close } = await opened(path);
      assert.equal(answer.status(), 200);
      assert.deepEqual(await page.evaluate(planted), []);
      assert.deepEqual(await page.evaluate(hidden), []);
      const policy = (await answer.headerValue("content-security-policy")) ?? "";
      assert.ok(policy.includes("default-src 'none'") && !policy.includes("unsafe-inline"), policy);
      const bytes = (await answer.body()).length;
      assert.ok(bytes < PAGE_BYTES_MAX, `${bytes} bytes`);
      for (const { viewport } of [views.wide, views.phone]) {
        await page.setViewportSize(viewport);
        await assertNoSidewaysScrolling(page);
      }
      assert.deepEqual(troubles, []);
      await close();
    });
  }
  for (const path of missingPages) {
    test(`missing: ${decodeURIComponent(path).slice(0, 80)}`, async () => {
      const { page, troubles, answer, close } = await opened(path);
      assert.equal(answer.status(), 404);
      assert.deepEqual(await page.evaluate(planted), []);
      assert.deepEqual(await page.evaluate(hidden), []);
      // The browser itself tells of the 404.
      assert.ok(troubles.every((trouble) => /404/.test(trouble)), troubles.join("\n"));
      await close();
    });
  }
});

test("every attack can be read as what it is", async () => {
  const path = `/runs/${encodeURIComponent(run)}/questions/${encodeURIComponent(question)}`;
  const { page, troubles, close } = await opened(path);
  const text = await page.locator("h1").textContent();
  for (const { name, text: attack } of attacks) {
    // Characters that act are shown by signs; all others stand as they are.
    const plain = attack.split(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/).filter((part) => part.trim());
    for (const part of plain) assert.ok(text.includes(part), `${name}: ${JSON.stringify(part.slice(0, 60))} is not on the page`);
  }
  for (const sign of ["␛[31m", "[U+202E]", "[U+2066]", "[U+009B]", "␀", "␡"]) assert.ok(text.includes(sign), sign);
  assert.deepEqual(troubles, []);
  await close();
});

test("the island redraws attacks as text", async () => {
  const path = `/runs/${encodeURIComponent(run)}/questions/${encodeURIComponent(question)}`;
  const { page, troubles, close } = await opened(path);
  const slider = page.locator('.threshold input[type="range"]:not([disabled])');
  await slider.waitFor();
  for (const value of ["0.3", "0.95", "0.84"]) {
    await slider.fill(value);
    assert.deepEqual(await page.evaluate(planted), []);
    assert.deepEqual(await page.evaluate(hidden), []);
  }
  assert.deepEqual(troubles, []);
  await close();
});

test("a long line is cut, says so, and can be had whole as plain text", async () => {
  const { page, troubles, close } = await opened(`/runs/long/answers?${new URLSearchParams({ label })}`, views.phone);
  const whole = page.locator('a[download]', { hasText: "the whole record" }).first();
  assert.match(await whole.textContent(), /\d MB/);
  const answer = await page.request.get(server.address + (await whole.getAttribute("href")));
  assert.match(answer.headers()["content-type"], /^text\/plain/);
  assert.match(answer.headers()["content-disposition"], /^attachment/);
  assert.ok((await answer.body()).length > 1_000_000);
  await assertNoSidewaysScrolling(page);
  await page.screenshot({ path: join(screenshots, "attacks-long-phone.png") });
  assert.deepEqual(troubles, []);
  await close();
});

test("pages full of attacks are accessible", async () => {
  for (const path of attackedPages.filter((path) => path.includes("/questions/") && !path.includes("threshold"))) {
    const { page, close } = await opened(path);
    await assertAccessible(page);
    await page.screenshot({ path: join(screenshots, `attacks-${attackedPages.indexOf(path)}.png`) });
    await close();
  }
});
