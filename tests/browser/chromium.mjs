// The system's Chromium, and what every page must be: without errors, without sideways scrolling,
// without anything that axe finds.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { target } from "./served.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const screenshots = join(target, "screenshots");
await mkdir(screenshots, { recursive: true });

/** How a page is looked at. */
export const views = {
  wide: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  "scripts off": { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false },
};

export function launch() {
  return chromium.launch({
    executablePath: process.env.SAYSELF_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-gpu",
      "--disable-quic",
      "--disable-sync",
      "--no-first-run",
      // Chromium's own sandbox does not start as root.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
}

/** A page that remembers all that went wrong in it. */
export async function open(browser, view) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...view });
  const page = await context.newPage();
  const troubles = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) troubles.push(message.text());
  });
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("requestfailed", (request) => {
    // A stream that the test itself leaves is no trouble, nor a script that scripts off leaves.
    const isLeft =
      /\/(events|states)(\?|$)/.test(request.url()) ||
      (view.javaScriptEnabled === false && request.resourceType() !== "document");
    if (!isLeft) troubles.push(`${request.url()} failed`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) troubles.push(`${response.url()}: ${response.status()}`);
  });
  return { page, troubles, close: () => context.close() };
}

/** The island is alive once its choices can be used. */
export async function alive(page) {
  await page.locator(".diagram .bins:not([disabled])").first().waitFor();
}

export async function assertNoSidewaysScrolling(page) {
  const [width, room] = await page.evaluate(() => [
    document.scrollingElement.scrollWidth,
    document.scrollingElement.clientWidth,
  ]);
  assert.ok(width <= room, `the page is ${width} px wide in ${room} px`);
}

/** WCAG 2.2 AA and axe's best practices. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/**
 * What axe finds in the page, or in one part of it: by all rules, or by some named ones where the rest
 * has been looked through in another view of the same page. Of what passes axe keeps as little as it
 * can: with all of it, a long page takes three times as long.
 */
export async function assertAccessible(page, { within = "html", rules } = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const told = await page.evaluate(
    async ([within, runOnly]) => {
      const options = { runOnly, resultTypes: ["violations"], preload: false };
      const { violations } = await window.axe.run({ include: [within] }, options);
      return violations.map(
        ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`,
      );
    },
    [within, rules ? { type: "rule", values: rules } : { type: "tag", values: RULES }],
  );
  assert.deepEqual(told, []);
}
