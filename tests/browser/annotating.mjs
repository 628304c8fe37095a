// A server with runs to rate and a browser before it; projects made and read as a program does.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertAccessible, assertNoSidewaysScrolling, launch, screenshots } from "./chromium.mjs";
import { makeRated } from "./made_rated.mjs";
import { serve } from "./served.mjs";

let folder, server, browser;

export async function begin() {
  folder = await mkdtemp(join(tmpdir(), "sayself-annotate-"));
  await makeRated(join(folder, "runs"));
  server = await serve(join(folder, "runs"));
  browser = await launch();
  return { server, browser };
}

export async function end() {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}

/** What the API answers; a failure fails the test. */
export async function api(method, path, body) {
  const answer = await fetch(server.address + path, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** Every item is one to be rated, once, in an order that is the same each time. */
const PLAIN = { gold_share: 0, attention_share: 0, repeat_share: 0, training_size: 0, qualification: 0, overlap: 1, seed: 7 };

/** A project that is open; without training unless it is asked for. Its id. */
export async function make(spec = {}) {
  const runs = spec.kind === "pairs" ? [{ run: "first" }, { run: "second" }] : [{ run: "first" }];
  const made = await api("POST", "/api/projects", { title: "Made", runs, sample_size: 12, ...PLAIN, ...spec });
  const { id } = made.row;
  await api("PATCH", `/api/projects/${id}`, { state: "open" });
  return id;
}

export const agree = (id) => api("POST", `/api/work/${id}/consent`, { agreed: true });

/** Ratings that count, as they are exported. */
export async function ratings(id) {
  const answer = await fetch(`${server.address}/api/projects/${id}/export?what=ratings&form=jsonl`);
  assert.equal(answer.status, 200);
  return (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

export const work = (id) => `${server.address}/annotate/${id}/work`;

/** Waits until the page hears keys: what is pressed while it loads goes to nobody. */
export const live = (page) => page.locator("#keys-button").waitFor();

/** The question on the screen, with scripts off too. */
export const asked = (page) => page.locator("#asked").innerText();

/** The question on the screen that hears keys. */
export async function question(page) {
  await live(page);
  return asked(page);
}

/** Waits until the page says that all is saved. */
export const saved = (page) => page.locator("#saved").filter({ hasText: /^Saved\.$/ }).waitFor();

/** Waits until another question is on the screen. */
export async function moved(page, from) {
  await page.waitForFunction((before) => document.getElementById("asked")?.innerText !== before, from);
}

/** The troubles but for those that a test makes itself. */
export const without = (troubles, ...made) => troubles.filter((trouble) => !made.some((one) => one.test(trouble)));
export const OFFLINE = [/ERR_INTERNET_DISCONNECTED/, /\/api\/work\/.* failed/, /ERR_FAILED/];

export async function look(page, name, view, viewName, within = "html") {
  // With scripts off a page looks as it does with them.
  if (view.javaScriptEnabled === false) return;
  await page.screenshot({ path: join(screenshots, `${name}-${viewName}.png`), fullPage: true });
  await assertNoSidewaysScrolling(page);
  await assertAccessible(page, { within });
}

/** Presses Tab until the element has the focus. */
export async function tabTo(page, selector) {
  for (let press = 0; press < 200; press += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
  }
  assert.fail(`Tab does not lead to ${selector}`);
}
