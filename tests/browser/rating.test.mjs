// Rating by keys and by pointer.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { agree, begin, end, live, look, make, moved, question, ratings, saved, tabTo, work } from "./annotating.mjs";
import { open, views } from "./chromium.mjs";

let server, browser;

before(async () => {
  ({ server, browser } = await begin());
});

after(end);

test("by keys alone: consent, training, twenty items, and the end", async () => {
  const id = await make({ title: "By keys", sample_size: 16, training_size: 4 });
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/annotate`);
  await tabTo(page, `a[href="/annotate/${id}/work"]`);
  await page.keyboard.press("Enter");
  await page.waitForURL(work(id));
  await tabTo(page, 'input[name="agreed"]');
  await page.keyboard.press("Space");
  await tabTo(page, "form.agree button");
  await page.keyboard.press("Enter");
  const seen = new Set();
  for (let turn = 0; turn < 20; turn += 1) {
    await page.locator("#item:not([hidden])").waitFor();
    const shown = await question(page);
    seen.add(shown);
    assert.equal(await page.getByText("Training.", { exact: true }).isVisible(), turn < 4, `turn ${turn}`);
    await page.keyboard.press(turn % 5 === 4 ? "t" : String((turn * 3) % 10));
    assert.equal(await page.locator('input[name="score"]:checked').count(), 1);
    await page.keyboard.press("Enter");
    if (turn < 4) {
      await page.getByText(/^(As|Not as) expected\.$/).waitFor();
      assert.match(await page.locator("#explained").innerText(), /Expected: /);
      await page.keyboard.press("Enter");
    }
    if (turn < 19) await moved(page, shown);
  }
  await page.getByRole("heading", { name: "Nothing is left for you now" }).waitFor();
  assert.equal(seen.size, 20);
  assert.deepEqual(troubles, []);
  const kept = await ratings(id);
  assert.equal(kept.length, 16);
  await look(page, "work-nothing-left", views.wide, "wide");
  await close();
});

test("pairs are rated by arrows, signs and numbers", async () => {
  const id = await make({ kind: "pairs", sample_size: 4 });
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const said = [];
  for (const [key, choice] of [["ArrowLeft", "left"], ["2", "right"], ["=", "tie"], ["x", "both-bad"]]) {
    const shown = await question(page);
    await page.keyboard.press(key);
    assert.equal(await page.locator('input[name="choice"]:checked').inputValue(), choice);
    said.push(choice);
    await page.keyboard.press("Enter");
    if (said.length < 4) await moved(page, shown);
  }
  await page.getByRole("heading", { name: "Nothing is left for you now" }).waitFor();
  const kept = await ratings(id);
  // Sides are turned back to the order of the runs: what was left may be the second.
  assert.deepEqual(kept.map(({ choice }) => choice).filter((choice) => ["tie", "both-bad"].includes(choice)).sort(), ["both-bad", "tie"]);
  assert.equal(kept.length, 4);
  assert.deepEqual(troubles, []);
  await close();
});

test("undo leads back, and what is said then is the second word on it", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = [];
  for (const score of ["3", "8"]) {
    shown.push(await question(page));
    await page.keyboard.press(score);
    await page.keyboard.press("Enter");
    await moved(page, shown.at(-1));
  }
  const third = await question(page);
  // What was begun of the third is there when one comes back.
  await page.keyboard.press("5");
  await page.keyboard.press("u");
  await moved(page, third);
  assert.equal(await question(page), shown[1]);
  assert.match(await page.locator('[data-slot="again"]').innerText(), /You rated this 8/);
  await page.keyboard.press("u");
  await moved(page, shown[1]);
  assert.equal(await question(page), shown[0]);
  await page.keyboard.press("9");
  await page.keyboard.press("Enter");
  await moved(page, shown[0]);
  assert.equal(await question(page), third);
  assert.equal(await page.locator('input[name="score"]:checked').inputValue(), "5");
  await saved(page);
  // After a reload it is the server that knows what was last.
  await page.reload();
  assert.equal(await question(page), third);
  await page.locator("#undo").click();
  await moved(page, third);
  await page.getByRole("link", { name: "Leave it as it is" }).click();
  assert.equal(await question(page), third);
  const kept = await ratings(id);
  assert.deepEqual(kept.map(({ score, revision }) => [score, revision]).sort(), [[8, 1], [9, 2]]);
  assert.deepEqual(troubles, []);
  await close();
});

test("a reload in the middle keeps what was begun", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = await question(page);
  await page.keyboard.press("6");
  await page.keyboard.press("n");
  await page.keyboard.type("half a note");
  await page.reload();
  assert.equal(await question(page), shown);
  assert.equal(await page.locator('input[name="score"]:checked').inputValue(), "6");
  assert.equal(await page.locator("#note").inputValue(), "half a note");
  await page.getByRole("button", { name: "Save and go on" }).click();
  await moved(page, shown);
  await saved(page);
  assert.deepEqual((await ratings(id)).map(({ score, note }) => [score, note]), [[6, "half a note"]]);
  assert.deepEqual(troubles, []);
  await close();
});

test("skip has a reason, by keys", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = await question(page);
  await page.keyboard.press("s");
  assert.equal(await page.evaluate(() => document.activeElement.name), "skip");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  // Something else wants words.
  assert.equal(await question(page), shown);
  await page.locator("#skip-more").fill("the question is cut off");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await saved(page);
  assert.match(await page.locator('[data-slot="own"]').innerText(), /skipped 1/);
  await page.keyboard.press("u");
  await page.locator('[data-slot="again"]', { hasText: "You skipped this: the question is cut off." }).waitFor();
  assert.deepEqual(troubles, []);
  await close();
});

test("a double click and a held Enter send once", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = await question(page);
  await page.keyboard.press("4");
  await page.locator("#send").dblclick();
  await moved(page, shown);
  await saved(page);
  const second = await question(page);
  await page.locator("#asked").focus();
  await page.keyboard.press("2");
  for (let press = 0; press < 5; press += 1) await page.keyboard.down("Enter");
  await page.keyboard.up("Enter");
  await moved(page, second);
  await saved(page);
  assert.deepEqual((await ratings(id)).map(({ score }) => score).sort(), [2, 4]);
  assert.deepEqual(troubles, []);
  await close();
});

test("words are marked by pointer and by keys", async () => {
  const id = await make({ sample_size: 3 });
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const shown = await question(page);
  await page.locator("#born-out").waitFor();
  const words = page.locator('blockquote[data-side="0"] .word');
  const text = await page.locator('blockquote[data-side="0"] bdi').innerText();
  // Two clicks select from one word to another.
  await words.nth(1).click();
  await words.nth(3).click();
  await page.locator("#born-out").click();
  assert.equal(await page.locator("mark.born-out").count(), 1);
  await look(page, "work-marked", views.wide, "wide");
  // By keys: into the words, two on, two more, contradicted.
  await page.locator("#mark-words").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("c");
  assert.equal(await page.locator("mark.contradicted").count(), 1);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.id), "mark-words");
  await page.locator("#asked").focus();
  await page.keyboard.press("8");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await saved(page);
  const [{ spans }] = await ratings(id);
  assert.deepEqual(spans.map(({ side, verdict }) => [side, verdict]), [[0, "born-out"], [0, "contradicted"]]);
  const marked = spans.map(({ start, end }) => text.slice(start, end));
  assert.match(marked[0], /^\S+ \S+ \S+$/);
  assert.ok(text.trimEnd().replace(/\W+$/, "").endsWith(marked[1]), `${marked[1]} at the end of ${text}`);
  // A mark that is taken away is gone.
  const second = await question(page);
  await page.keyboard.press("u");
  await moved(page, second);
  await page.getByRole("button", { name: /^Remove/ }).first().click();
  assert.equal(await page.locator("mark").count(), 1);
  assert.deepEqual(troubles, []);
  await close();
});

test("keys can be switched off, and stay so", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  await live(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await look(page, "work-keys", views.wide, "wide");
  await page.getByRole("checkbox", { name: /Keys without/ }).uncheck();
  await page.getByRole("button", { name: "Close" }).click();
  await page.keyboard.press("7");
  assert.equal(await page.locator('input[name="score"]:checked').count(), 0);
  await page.reload();
  await live(page);
  await page.keyboard.press("7");
  assert.equal(await page.locator('input[name="score"]:checked').count(), 0);
  // All can be done without them.
  await tabTo(page, 'input[name="score"]');
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator('input[name="score"]:checked').inputValue(), "1");
  const shown = await question(page);
  await tabTo(page, "#send");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  await saved(page);
  assert.deepEqual(troubles, []);
  await close();
});

test("pause gives back what is held, and goes on", async () => {
  const id = await make();
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  await live(page);
  await page.keyboard.press("p");
  await page.getByRole("heading", { name: "Paused" }).waitFor();
  await look(page, "work-paused", views.wide, "wide");
  await page.keyboard.press("Enter");
  await page.locator("#item:not([hidden])").waitFor();
  assert.deepEqual(troubles, []);
  await close();
});
