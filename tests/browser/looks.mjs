// Pages in every view: a test for each page and view, and a picture of it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assertAccessible, assertNoSidewaysScrolling, open, screenshots, views } from "./chromium.mjs";

/**
 * Looks at `pages`, from name to path, in each view: each must answer with one heading, be readable by all, and
 * run nothing that a run says. `where()` gives the browser and the server's address once they are there;
 * `ready(page, name, path)` waits until scripts have done their work; `prefix` begins the pictures' names;
 * troubles that are `excused` are none.
 */
export function lookAtEach(pages, where, { ready = async () => {}, prefix = "", excused = () => false } = {}) {
  for (const [look, view] of Object.entries(views)) {
    describe(look, () => {
      for (const [name, path] of Object.entries(pages)) {
        test(name, async () => {
          const { browser, address } = where(name);
          const { page, troubles, close } = await open(browser, view);
          const answer = await page.goto(address + path);
          assert.equal(answer.status(), 200);
          assert.equal(await page.locator("h1").count(), 1);
          const scripts = view.javaScriptEnabled !== false;
          if (scripts) await ready(page, name, path);
          const picture = `${prefix}${name}-${look}.png`.replaceAll(" ", "-");
          await page.screenshot({ path: join(screenshots, picture), fullPage: true });
          if (scripts) {
            await assertNoSidewaysScrolling(page);
            await assertAccessible(page);
          }
          assert.equal(await page.evaluate(() => window.hacked).catch(() => undefined), undefined);
          assert.deepEqual(troubles.filter((trouble) => !excused(trouble)), []);
          await close();
        });
      }
    });
  }
}
