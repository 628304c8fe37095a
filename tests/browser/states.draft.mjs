// Every state that a page can be in, drawn by the gallery from made-up data: light, dark and on a phone.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  launch,
  open,
  screenshots,
  views,
} from "./chromium.mjs";
import { target } from "./served.mjs";

const folder = await mkdtemp(join(tmpdir(), "sayself-states-"));
execFileSync(join(target, "release/examples/gallery"), [folder]);
const states = (await readdir(folder))
  .filter((name) => name.endsWith(".html") && !name.endsWith("-dark.html"))
  .map((name) => name.replace(/\.html$/, ""))
  .sort();
let browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

test("the gallery has states", () => assert.ok(states.length > 10));

for (const state of states) {
  test(state, async () => {
    for (const look of ["wide", "dark", "phone"]) {
      const { page, troubles, close } = await open(browser, views[look]);
      await page.goto(pathToFileURL(join(folder, `${state}.html`)).href);
      assert.equal(await page.locator("h1").count(), 1);
      await page.screenshot({ path: join(screenshots, `state-${state}-${look}.png`), fullPage: true });
      await assertNoSidewaysScrolling(page);
      await assertAccessible(page);
      assert.deepEqual(troubles, []);
      await close();
    }
  });
}
