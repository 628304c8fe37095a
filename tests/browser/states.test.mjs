// Every state that a page can be in, drawn by the gallery from made-up data: light, dark and on a phone.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  launch,
  open,
  screenshots,
  views,
} from "./chromium.mjs";
import { target } from "./served.mjs";

/** Where the pages stand for the browser; it reaches nothing else. */
const GALLERY = "http://gallery.invalid";

const folder = await mkdtemp(join(tmpdir(), "sayself-states-"));
execFileSync(join(target, "release/examples/gallery"), [folder]);
const states = (await readdir(folder))
  .filter((name) => name.endsWith(".html") && !name.endsWith("-dark.html"))
  .map((name) => name.replace(/\.html$/, ""))
  .sort();
let browser, opened;

before(async () => {
  browser = await launch();
  opened = await open(browser, views.wide);
  await opened.page.route(`${GALLERY}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    // What a page follows has nothing more to say.
    if (!pathname.endsWith(".html")) return route.fulfill({ status: 204 });
    return route.fulfill({ contentType: "text/html", body: await readFile(join(folder, pathname)) });
  });
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

test("the gallery has states", () => assert.ok(states.length > 10));

for (const state of states) {
  // Drawn once and looked at three times: a page for each look would take three times as long.
  test(state, async () => {
    const { page, troubles } = opened;
    troubles.length = 0;
    await page.setViewportSize(views.wide.viewport);
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(`${GALLERY}/${state}.html`);
    assert.equal(await page.locator("h1").count(), 1);
    for (const look of ["wide", "dark", "phone"]) {
      const { viewport, colorScheme = "light" } = views[look];
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(screenshots, `state-${state}-${look}.jpeg`), fullPage: true });
      await assertNoSidewaysScrolling(page);
      await assertAccessible(page);
    }
    assert.deepEqual(troubles, []);
  });
}
