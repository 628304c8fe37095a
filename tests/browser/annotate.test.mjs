// Annotation, as annotators and researchers meet it: how its pages look, its forms without scripts, and
// that they tell nothing of where items come from.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { agree, api, asked, begin, end, live, look, make, moved, question, ratings, without, work } from "./annotating.mjs";
import { assertNoSidewaysScrolling, open, views } from "./chromium.mjs";

let server, browser;

before(async () => {
  ({ server, browser } = await begin());
});

after(end);

test("without a project the page says what to do", async () => {
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/annotate`);
  await look(page, "annotate-empty", views.wide, "wide");
  await page.getByRole("link", { name: "Make the first one" }).click();
  assert.equal(await page.locator("h1").innerText(), "New project");
  assert.deepEqual(troubles, []);
  await close();
});

test("scripts off: a project is made by the form, opened, rated, paused and closed", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/annotate/new`);
  await page.locator("#title").fill("By form");
  await page.locator('input[name="run"][value^="first"]').check();
  await page.locator("#sample_size").fill("5");
  for (const [name, value] of [["training_size", "0"], ["gold_share", "0"], ["attention_share", "0"], ["repeat_share", "0"], ["overlap", "1"]]) {
    await page.locator(`#${name}`).fill(value);
  }
  await page.locator("#contact").fill("Ada, ada@example.org");
  await page.getByRole("button", { name: "Make a draft" }).click();
  await page.waitForURL(/\/annotate\/[0-9a-f-]{36}$/);
  assert.match(await page.locator("main").innerText(), /A draft: nobody is asked/);
  const id = page.url().split("/").at(-1);
  await page.getByRole("button", { name: "Open it" }).click();
  assert.match(await page.locator("main").innerText(), /Open: items are handed out/);

  await page.goto(work(id));
  assert.match(await page.locator("main").innerText(), /You may stop at any time/);
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: "Begin" }).click();
  const first = await asked(page);
  await page.locator('input[name="score"][value="7"]').check();
  await page.locator("#noting summary").click();
  await page.locator("#note").fill("a <b> note");
  await page.getByRole("button", { name: "Save and go on" }).click();
  assert.notEqual(await asked(page), first);
  assert.match(await page.locator("#saved").innerText(), /Saved/);

  // Undo shows it again with what was said.
  await page.getByRole("link", { name: "Undo" }).click();
  assert.equal(await asked(page), first);
  assert.ok(await page.locator('input[name="score"][value="7"]').isChecked());
  assert.equal(await page.locator("#note").inputValue(), "a <b> note");
  await page.locator('input[name="score"][value="4"]').check();
  await page.getByRole("button", { name: "Save and go on" }).click();

  // Skipped, with a reason.
  await page.locator("#skipping summary").first().click();
  await page.getByRole("radio", { name: "I would rather not look at it" }).check();
  await page.getByRole("button", { name: "Skip it" }).click();
  const kept = await ratings(id);
  assert.deepEqual(kept.map(({ score, revision, note }) => [score, revision, note]).filter(([score]) => score !== null && score !== undefined), [[4, 2, "a <b> note"]]);

  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForURL(`${server.address}/annotate`);
  await page.getByRole("link", { name: /^Go on where you paused.*By form/ }).click();
  assert.ok(await page.locator("#rate").isVisible());

  await page.goto(`${server.address}/annotate/${id}`);
  await page.locator("summary", { hasText: "Close…" }).click();
  await page.getByRole("button", { name: "Close it" }).click();
  await page.getByText("Closed: nothing is handed out any more.").waitFor();
  await page.goto(work(id));
  assert.match(await page.locator("main").innerText(), /This project is closed/);
  assert.deepEqual(troubles, []);
  await close();
});

test("a form that is wrong comes back with what was typed", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/annotate/new`);
  await page.locator("#title").fill("Wrong");
  await page.getByRole("radio", { name: /Two rationales/ }).check();
  await page.locator("#rubric").fill("\n\nlines\n  kept");
  await page.getByRole("button", { name: "Make a draft" }).click();
  assert.match(await page.getByRole("alert").innerText(), /Pairs need 2/);
  assert.equal(await page.locator("#title").inputValue(), "Wrong");
  assert.ok(await page.getByRole("radio", { name: /Two rationales/ }).isChecked());
  assert.match(await page.locator("#rubric").inputValue(), /lines\n {2}kept/);
  assert.deepEqual(without(troubles, /422/), []);
  await close();
});

describe("how it looks", () => {
  let single, pairs, fresh;

  before(async () => {
    single = await make({ title: "Does it say what it doubts?", contact: "Ada, ada@example.org", instructions: "About **40 minutes**." });
    pairs = await make({ title: "Which says it better?", kind: "pairs" });
    fresh = await make({ title: "Not agreed to yet" });
    await agree(single);
    await agree(pairs);
  });

  for (const [viewName, view] of Object.entries(views)) {
    test(viewName, async () => {
      const { page, troubles, close } = await open(browser, view);
      for (const [name, path, words] of [
        ["annotate", "/annotate", /Does it say what it doubts\?/],
        ["annotate-new", "/annotate/new", /Whose rationales/],
        ["annotate-project", `/annotate/${single}`, /Invite annotators/],
        ["annotate-preview", `/annotate/${single}/preview`, /Nothing is kept here/],
        ["annotate-preview-consent", `/annotate/${pairs}/preview?step=consent`, /What you agree to/],
        ["work-consent", `/annotate/${fresh}/work`, /What you agree to/],
        ["work", `/annotate/${single}/work`, /Evidence/],
        ["work-pairs", `/annotate/${pairs}/work`, /Which rationale tells better/],
      ]) {
        const answer = await page.goto(server.address + path);
        assert.equal(answer.status(), 200);
        assert.equal(await page.locator("h1").count(), 1);
        assert.match(await page.locator("main").innerText(), words, name);
        await look(page, name, view, viewName);
        for (const width of [320, 768, 2560]) {
          if (viewName !== "wide") break;
          await page.setViewportSize({ width, height: 900 });
          await assertNoSidewaysScrolling(page);
        }
        await page.setViewportSize(view.viewport);
      }
      assert.equal(await page.evaluate(() => window.hacked).catch(() => undefined), undefined);
      assert.deepEqual(troubles, []);
      await close();
    });
  }

  test("targets are large enough for fingers", async () => {
    const { page, close } = await open(browser, views.phone);
    await page.goto(work(single));
    await live(page);
    const small = await page.locator("#item button, #item .point, #item summary, .work-actions a, .work-actions button, #item input[type=radio]:visible").evaluateAll((targets) =>
      targets
        .filter((one) => one.checkVisibility())
        .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 44 || height < 44)
        .map(([markup, { width, height }]) => `${markup}: ${width} × ${height}`));
    assert.deepEqual(small, []);
    await close();
  });

  test("nothing moves as the page wakes", async () => {
    const { page, close } = await open(browser, views.wide);
    await page.addInitScript(() => {
      window.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto(work(single));
    await live(page);
    await page.waitForTimeout(500);
    assert.ok((await page.evaluate(() => window.shift)) <= 0.02);
    await close();
  });
});

test("what is sent to annotators tells nothing of where items come from", async () => {
  const id = await make({ kind: "pairs", gold_share: 0.3, attention_share: 0.1, sample_size: 20 });
  await agree(id);
  const page = await (await fetch(work(id))).text();
  const bare = page.replace(/<style[^]*?<\/style>/g, "").replace(/<script (?!type="application\/json")[^]*?<\/script>/g, "");
  const batch = JSON.stringify(await api("POST", `/api/work/${id}/leases`, { want: 20 }));
  for (const text of [bare.slice(bare.indexOf('id="work"'), bare.indexOf("</main>")), batch]) {
    for (const word of ["first", "second", "direct-prompting", "smollm", "confidence", "gold", "attention", "\"main\"", "80% sure", "correct", "capital-of-country", "stratum", "\"q1"]) {
      const found = text.toLowerCase().indexOf(word.toLowerCase());
      assert.ok(found < 0, `${word} stands in …${text.slice(Math.max(0, found - 60), found + 60)}…`);
    }
  }
});

test("a preview looks like the work and keeps nothing", async () => {
  const id = await make({ title: "Previewed" });
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(`${server.address}/annotate/${id}/preview`);
  const shown = await question(page);
  await page.keyboard.press("9");
  await page.keyboard.press("Enter");
  await moved(page, shown);
  assert.match(await page.locator("#saved").innerText(), /nothing was kept/);
  assert.equal((await ratings(id)).length, 0);
  assert.deepEqual(troubles, []);
  await close();
  const plain = await open(browser, views["scripts off"]);
  await plain.page.goto(`${server.address}/annotate/${id}/preview`);
  const first = await asked(plain.page);
  await plain.page.locator('input[name="score"][value="5"]').check();
  await plain.page.getByRole("button", { name: "Save and go on" }).click();
  assert.notEqual(await asked(plain.page), first);
  assert.equal((await ratings(id)).length, 0);
  assert.deepEqual(plain.troubles, []);
  await plain.close();
});

test("hostile text stays text, drawn by the server and by scripts", async () => {
  const known = (question_id) => ({ question_id, low: 0, high: 10, explanation: "<img src=x onerror=window.hacked=4>" });
  const id = await make({ training_size: 2, training: [known("q0"), known("q1")] });
  await agree(id);
  const { page, troubles, close } = await open(browser, views.wide);
  await page.goto(work(id));
  const seen = [];
  for (let turn = 0; turn < 2; turn += 1) {
    const shown = await question(page);
    seen.push(await page.locator("#item").innerText());
    await page.keyboard.press("5");
    await page.keyboard.press("Enter");
    await page.getByText("As expected.").waitFor();
    assert.match(await page.locator("#explained").innerText(), /<img src=x/);
    await page.keyboard.press("Enter");
    await moved(page, shown);
  }
  const hostile = seen.find((text) => text.includes("<script>window.hacked"));
  assert.ok(hostile, seen.join("\n"));
  // Marks that turn text about are written out.
  assert.match(hostile, /\[U\+202E\]/);
  // And in the undo, which is drawn by the script whatever came first.
  await page.keyboard.press("u");
  await page.keyboard.press("u");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(troubles, []);
  await close();
});
