// Rating while the network is away, in two tabs, on two devices, where the browser stores nothing: nothing
// is lost, and nothing is doubled.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OFFLINE, agree, api, begin, end, live, look, make, moved, question, ratings, saved, without, work } from "./annotating.mjs";
import { open, views } from "./chromium.mjs";

let server, browser;

before(async () => {
  ({ server, browser } = await begin());
});

after(end);

test("a cut of the network: rating goes on, and each is sent once", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  await live(page);
  // What is handed out ahead is here.
  await page.waitForTimeout(500);
  await page.context().setOffline(true);
  for (let turn = 1; turn <= 4; turn += 1) {
    const shown = await question(page);
    await page.keyboard.press(String(turn));
    await page.keyboard.press("Enter");
    if (turn < 4) await moved(page, shown);
    await page.locator("#saved", { hasText: `Kept in this browser, will be sent (${turn}).` }).waitFor();
  }
  await page.getByRole("heading", { name: "No more items are here" }).waitFor();
  await look(page, "work-run-out", views.wide, "wide");
  assert.equal((await ratings(id)).length, 0);
  await page.context().setOffline(false);
  await saved(page);
  await page.locator("#item:not([hidden])").waitFor();
  assert.deepEqual((await ratings(id)).map(({ score }) => score).sort(), [1, 2, 3, 4]);
  assert.deepEqual(without(troubles, ...OFFLINE), []);
  await close();
});

test("an answer that is lost on its way is asked for again, and kept once", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  let lost = 0;
  await page.route(/\/ratings\//, async (route) => {
    await route.fetch();
    if ((lost += 1) <= 2) await route.abort();
    // A hotel's network answers in the server's place.
    else if (lost === 3) await route.fulfill({ status: 200, contentType: "text/html", body: "<h1>Welcome</h1>" });
    else await route.continue();
  });
  const shown = await question(page);
  await page.keyboard.press("5");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await page.locator("#saved", { hasText: "will be sent (1)" }).waitFor();
  await saved(page);
  assert.ok(lost >= 4);
  assert.deepEqual((await ratings(id)).map(({ score, revision }) => [score, revision]), [[5, 1]]);
  assert.deepEqual(without(troubles, ...OFFLINE), []);
  await close();
});

test("what was rated while away outlives the tab, and is sent from another page", async () => {
  const id = await make();
  await agree(id);
  const { page, close } = await open(browser, views.wide);
  await page.goto(work(id));
  await live(page);
  await page.context().setOffline(true);
  const shown = await question(page);
  await page.keyboard.press("3");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await page.locator("#saved", { hasText: "will be sent (1)" }).waitFor();
  await page.close({ runBeforeUnload: false });
  const context = browser.contexts().at(-1);
  await context.setOffline(false);
  const later = await context.newPage();
  await later.goto(`${server.address}/annotate`);
  for (let look = 0; look < 50 && (await ratings(id)).length === 0; look += 1) await later.waitForTimeout(100);
  assert.deepEqual((await ratings(id)).map(({ score }) => score), [3]);
  // And the item does not come again.
  await later.goto(work(id));
  assert.notEqual(await question(later), shown);
  await close();
});

test("two tabs do not rate the same item twice", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const other = await page.context().newPage();
  await other.goto(work(id));
  const shown = await question(page);
  assert.equal(await question(other), shown);
  await page.keyboard.press("2");
  await page.keyboard.press("Enter");
  await moved(other, shown);
  assert.match(await other.locator("#saved").innerText(), /You rated that item in another tab/);
  await saved(page);
  assert.equal((await ratings(id)).length, 1);
  assert.deepEqual(troubles, []);
  await close();
});

test("what another device said first is shown beside, and kept or replaced", async () => {
  for (const [button, score, revision] of [["Keep what is saved", 1, 1], ["Replace it by what was said here", 9, 2]]) {
    const id = await make();
    await agree(id);
    const { page, troubles, close } = await open(browser, views.wide);
    await page.goto(work(id));
    // Once it has asked for what comes next: else it would hear there of the other device.
    const shown = await question(page);
    await page.waitForLoadState("networkidle");
    const { items } = await api("POST", `/api/work/${id}/leases`, { want: 1 });
    assert.equal(items[0].question, shown);
    await api("PUT", `/api/work/${id}/ratings/${crypto.randomUUID()}`, { assignment: items[0].assignment, revision: 1, score: 1 });
    await page.keyboard.press("9");
    await page.keyboard.press("Enter");
    const refused = page.locator("#refused");
    await refused.waitFor();
    assert.match(await refused.innerText(), /There: You rated this 1\. Here, later: You rated this 9\./);
    await look(page, "work-refused", views.wide, "wide");
    // It outlives a reload.
    await page.reload();
    await refused.getByRole("button", { name: button }).click();
    await refused.waitFor({ state: "hidden" });
    for (let look = 0; look < 50; look += 1) {
      const [kept] = await ratings(id);
      if (kept.revision === revision) break;
      await page.waitForTimeout(100);
    }
    assert.deepEqual((await ratings(id)).map((kept) => [kept.score, kept.revision]), [[score, revision]]);
    assert.deepEqual(without(troubles, /409/), []);
    await close();
  }
});

test("what is refused for good is shown, and forgotten only by hand", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = await question(page);
  await page.route(/\/ratings\//, (route) => route.fulfill({
    status: 403,
    contentType: "application/problem+json",
    body: JSON.stringify({ type: "about:blank", status: 403, title: "Not allowed", detail: "You withdrew.", next: "Ask those who run it." }),
  }));
  await page.keyboard.press("9");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await page.locator("#refused").waitFor();
  assert.match(await page.locator("#refused").innerText(), /You rated this 9\. You withdrew\. Ask those who run it\./);
  assert.match(await page.locator("#saved").innerText(), /Not taken by the server \(1\)/);
  await page.unroute(/\/ratings\//);
  await page.getByRole("button", { name: "Send it again" }).click();
  await saved(page);
  assert.equal((await ratings(id)).length, 1);
  assert.deepEqual(without(troubles, /403/), []);
  await close();
});

test("who is signed out is asked to sign in, and then all is sent", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = await question(page);
  await page.route(/\/ratings\//, (route) => route.fulfill({
    status: 401,
    contentType: "application/problem+json",
    body: JSON.stringify({ type: "about:blank", status: 401, title: "Unauthorized", detail: "This is for people who signed in.", next: "Sign in." }),
  }));
  await page.keyboard.press("9");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await page.locator("#saved", { hasText: "You are signed out. Kept in this browser (1)" }).waitFor();
  const link = await page.locator("#saved a").getAttribute("href");
  assert.equal(link, `/sign-in?back=${encodeURIComponent(`/annotate/${id}/work`)}`);
  await page.unroute(/\/ratings\//);
  await saved(page);
  assert.equal((await ratings(id)).length, 1);
  assert.deepEqual(without(troubles, /401/), []);
  await close();
});

test("where the browser stores nothing, it says so, and sends all that wait", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.addInitScript(() => {
    Object.defineProperty(window, "indexedDB", { value: undefined });
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });
  });
  await page.goto(work(id));
  const rate = async (score) => {
    const shown = await question(page);
    await page.keyboard.press(String(score));
    await page.keyboard.press("Enter");
    await moved(page, shown);
  };
  await live(page);
  // What is handed out ahead is here.
  await page.waitForTimeout(500);
  await page.context().setOffline(true);
  await rate(9);
  await page.locator("#saved", { hasText: "this browser stores nothing: keep this page open" }).waitFor();
  await rate(8);
  await page.locator("#saved", { hasText: "Not sent yet (2)" }).waitFor();
  // The first is taken; a third is made while the second is on its way.
  const isSecond = (request) => request.url().includes("/ratings/") && request.postDataJSON().score === 8;
  let go;
  const held = new Promise((done) => (go = done));
  await page.route(/\/ratings\//, async (route) => {
    if (isSecond(route.request())) await held;
    await route.continue();
  });
  const second = page.waitForRequest(isSecond);
  await page.context().setOffline(false);
  await second;
  await rate(7);
  go();
  await saved(page);
  assert.deepEqual((await ratings(id)).map(({ score }) => score).sort(), [7, 8, 9]);
  assert.deepEqual(without(troubles, ...OFFLINE), []);
  await close();
});

test("time counts while somebody is at it", async () => {
  const id = await make();
  await agree(id);
  const { page, close } = await open(browser, views.wide);
  await page.clock.install();
  await page.goto(work(id));
  await live(page);
  await page.mouse.move(100, 100);
  // Thirty seconds at it, then away for ten minutes.
  await page.clock.runFor(30_000);
  await page.mouse.move(120, 120);
  await page.clock.runFor(600_000);
  const shown = await question(page);
  await page.keyboard.press("9");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await page.clock.runFor(2_000);
  await saved(page);
  const [{ active_ms }] = await ratings(id);
  assert.ok(active_ms >= 80_000 && active_ms <= 100_000, `${active_ms} ms`);
  await close();
});
