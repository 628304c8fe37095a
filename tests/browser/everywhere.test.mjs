// What holds on every page: all addresses that links lead to from the first page on are looked at, so a
// page that is added is looked at too. One of each shape is enough, and what depends on the page alone,
// not on what was chosen in its address, is looked at once a page.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  assertAccessible,
  assertNoSidewaysScrolling,
  launch,
  open,
  screenshots,
  views,
} from "./chromium.mjs";
import { makeRuns } from "./made_run.mjs";
import { serve } from "./served.mjs";
import { fullest, walk } from "./walk.mjs";

const WIDTHS = [320, 375, 768, 1280, 2560];
/** Presses of the tab key on one page. */
const TABS_MAX = 60;
/** What an island moves, it moves in its first frames. */
const SETTLE_MS = 150;
/** What may move, in the web's measure, while a page is still being read: a fifth of what that calls good. */
const SHIFT_MAX = 0.02;

let folder, server, browser;

/** Something to rate, agreed to, so that its pages are found. */
async function openProject() {
  const send = async (method, address, body) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(server.address + address, { method, headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${address}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  const spec = { title: "Doubts", runs: [{ run: "taught" }], gold_share: 0, training_size: 0, overlap: 1 };
  const { row } = await send("POST", "/api/projects", spec);
  await send("PATCH", `/api/projects/${row.id}`, { state: "open" });
  await send("POST", `/api/work/${row.id}/consent`, { agreed: true });
}

after(async () => {
  await browser?.close();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const found = await (async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-everywhere-"));
  await makeRuns(join(folder, "runs"));
  server = await serve(join(folder, "runs"));
  await openProject();
  browser = await launch();
  const { page, close } = await open(browser, views.wide);
  const found = await walk(page, `${server.address}/`);
  await close();
  return found;
})();

const pages = fullest(found, (shape) => shape.split("?")[0]);
const choices = fullest(found).filter((address) => !pages.includes(address));
const path = (address) => address.slice(server.address.length);
const fileName = (address) => path(address).replaceAll(/[^a-z0-9]+/gi, "-").replaceAll(/^-|-$/g, "") || "first";

test("links lead somewhere", () => {
  const broken = [...found].filter(([, { status }]) => status !== 200);
  assert.deepEqual(broken.map(([address, { from, status }]) => `${address} from ${from}: ${status}`), []);
  for (const wanted of ["/runs/taught", "/runs/taught/answers", "/runs/taught/questions/q", "/compare", "/jobs/new"]) {
    assert.ok(pages.some((address) => path(address).startsWith(wanted)), `${wanted} is not among\n${pages.join("\n")}`);
  }
});

/** A page with what it asked for from elsewhere, and what moved in it. */
async function visit(address, view = views.wide) {
  const opened = await open(browser, view);
  const foreign = [];
  opened.page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== server.address && !["data:", "blob:"].includes(protocol)) foreign.push(request.url());
  });
  await opened.page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  const answer = await opened.page.goto(address);
  // Until its islands, where it has some, have woken.
  if ((await opened.page.locator("[data-island]").count()) > 0) {
    await opened.page.locator("html[data-alive]").waitFor();
  }
  await opened.page.waitForTimeout(SETTLE_MS);
  return { ...opened, answer, foreign };
}

async function assertWhole({ page, answer, troubles, foreign }) {
  assert.equal(answer.status(), 200);
  const shift = await page.evaluate(() => window.shift);
  assert.ok(shift <= SHIFT_MAX, `the layout shifts by ${shift}`);
  assert.equal(await page.locator("h1").count(), 1);
  assert.match(await page.title(), /\S · sayself$/);
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  const policy = answer.headers()["content-security-policy"] ?? "";
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /'unsafe-(inline|eval)'|\*|https?:/);
  // As the server wrote it: what a script of ours sets later, the policy allows.
  const markup = (await answer.text()).replace(/<style[^]*?<\/style>/, "");
  const inline = await page.evaluate(
    (markup) =>
      [...new DOMParser().parseFromString(markup, "text/html").querySelectorAll("*")]
        .filter((one) => one.getAttributeNames().some((name) => name === "style" || name.startsWith("on")))
        .map((one) => one.outerHTML.slice(0, 120)),
    markup,
  );
  assert.deepEqual(inline, [], "inline style or handler");
  const moving = await page.evaluate(
    () => document.getAnimations().filter((one) => one.playState === "running").length,
  );
  assert.equal(moving, 0, "it moves although less motion is asked for");
  assert.deepEqual(foreign, []);
  assert.deepEqual(troubles, []);
}

for (const address of choices) {
  test(`${path(address)} is whole, from here alone, and nothing in it moves`, async () => {
    const opened = await visit(address);
    await assertWhole(opened);
    await opened.close();
  });
}

for (const address of pages) {
  describe(path(address), () => {
    let opened;

    before(async () => {
      opened = await visit(address);
    });

    after(() => opened?.close());

    test("is whole, from here alone, and nothing in it moves", () => assertWhole(opened));

    test("is gone through by the tab key, in order and in sight", async () => {
      const { page } = opened;
      let last = -1;
      let isThrough = false;
      for (let count = 0; count < TABS_MAX && !isThrough; count += 1) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate(() => {
          const one = document.activeElement;
          if (!one || one === document.body || one === document.documentElement) return null;
          const style = getComputedStyle(one);
          const box = one.getBoundingClientRect();
          return {
            index: [...document.querySelectorAll("*")].indexOf(one),
            markup: one.outerHTML.slice(0, 120),
            // A ring that the browser draws, or one of ours.
            isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none",
            isInSight: box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0,
          };
        });
        if (focused === null) {
          isThrough = true;
          break;
        }
        assert.ok(focused.index > last, `the order turns back at ${focused.markup}`);
        assert.ok(focused.isMarked, `no focus is seen at ${focused.markup}`);
        assert.ok(focused.isInSight, `out of sight: ${focused.markup}`);
        last = focused.index;
        if (count === 0) assert.match(focused.markup, /class="skip"/, "the skip link comes first");
      }
      const stops = await page.locator("a[href], button, input, select, textarea, summary, [tabindex='0']").count();
      assert.ok(isThrough || stops >= TABS_MAX, `the focus is trapped after ${last}`);
    });

    test("fits every width, in light and dark", async () => {
      const { page, troubles } = opened;
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await assertNoSidewaysScrolling(page).catch((error) => {
          throw new Error(`at ${width} px: ${error.message}`);
        });
      }
      for (const [name, width, colorScheme] of [["phone", 375, "light"], ["light", 1280, "light"], ["dark", 1280, "dark"]]) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        await assertAccessible(page);
        const file = join(screenshots, `everywhere-${fileName(address)}-${name}.jpeg`);
        await page.screenshot({ path: file, fullPage: true });
      }
      assert.deepEqual(troubles, []);
    });

    test("prints without its controls, with its charts", async () => {
      const { page } = opened;
      const charts = () =>
        page.$$eval("svg.chart", (charts) =>
          charts.filter((chart) => chart.checkVisibility({ visibilityProperty: true })).length,
        );
      const shown = await charts();
      await page.emulateMedia({ media: "print" });
      assert.equal(await charts(), shown);
      const controls = await page.$$eval("header.site nav, button, .skip", (controls) =>
        controls.filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 120)),
      );
      assert.deepEqual(controls, []);
      await page.emulateMedia({ media: "screen" });
    });

    test("comes back by back, and again by forward", async () => {
      const { page, troubles } = opened;
      const heading = await page.locator("h1").innerText();
      await page.locator("header.site .name").click();
      await page.waitForURL(`${server.address}/`);
      await page.goBack();
      assert.equal(page.url(), address);
      assert.equal(await page.locator("h1").innerText(), heading);
      await page.goForward();
      assert.equal(page.url(), `${server.address}/`);
      // A page that is left in haste has not loaded all.
      assert.deepEqual(troubles.filter((trouble) => !/\/((assets|demo)\/.*|leases) failed$/.test(trouble)), []);
    });
  });
}

describe("with scripts off", () => {
  let opened;

  before(async () => {
    opened = await open(browser, views["scripts off"]);
  });

  after(() => opened?.close());

  for (const address of [...pages, ...choices]) {
    test(path(address), async () => {
      const { page, troubles } = opened;
      const answer = await page.goto(address);
      assert.equal(answer.status(), 200);
      assert.ok(await page.locator("h1").isVisible());
      assert.ok((await page.locator("main").innerText()).length > 40);
      assert.deepEqual(troubles, []);
    });
  }
});
