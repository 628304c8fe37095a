// The recorded runs that a first start shows.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  alive,
  assertAccessible,
  assertNoSidewaysScrolling,
  launch,
  open,
  screenshots,
  views,
} from "./chromium.mjs";
import { root, serve } from "./served.mjs";

const results = join(root, "datasets/results");
const folders = (inside) =>
  readdirSync(inside, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
const isRun = (inside) => (name) => existsSync(join(inside, name, "run.toml"));
const runs = folders(results).filter(isRun(results));
const comparisons = folders(results).filter((name) => !isRun(results)(name));
let server, browser;

before(async () => {
  server = await serve(results);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const name of runs) {
  test(`${name} shows before and after`, async () => {
    for (const look of ["wide", "phone", "dark"]) {
      const { page, troubles, close } = await open(browser, views[look]);
      const answer = await page.goto(`${server.address}/runs/${name}`);
      assert.equal(answer.status(), 200);
      await alive(page);
      await page.screenshot({ path: join(screenshots, `${name}-${look}.png`), fullPage: true });
      const text = await page.locator("main").innerText();
      for (const label of ["direct-prompting", "sayself"]) assert.ok(text.includes(label), label);
      await assertNoSidewaysScrolling(page);
      await assertAccessible(page);
      assert.deepEqual(troubles, []);
      await close();
    }
  });

  test(`${name} is listed`, async () => {
    const { page, troubles, close } = await open(browser, views.wide);
    await page.goto(server.address);
    assert.ok((await page.locator(`a[href="/runs/${name}"]`).count()) > 0);
    assert.deepEqual(troubles, []);
    await close();
  });
}

for (const name of comparisons) {
  test(`${name}: its runs are listed, and each has its page`, async () => {
    const compared = join(results, name);
    const methods = folders(compared);
    assert.deepEqual(methods.filter(isRun(compared)), methods);
    const server = await serve(compared);
    const { page, troubles, close } = await open(browser, views.wide);
    try {
      await page.goto(server.address);
      for (const method of methods) {
        assert.ok((await page.locator(`a[href="/runs/${method}"]`).count()) > 0, method);
      }
      await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
      for (const method of methods) {
        const answer = await page.goto(`${server.address}/runs/${method}`);
        assert.equal(answer.status(), 200, method);
        await assertNoSidewaysScrolling(page);
        await assertAccessible(page);
      }
      assert.deepEqual(troubles, []);
    } finally {
      await close();
      await server.stop();
    }
  });
}
