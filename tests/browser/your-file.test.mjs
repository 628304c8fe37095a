// The Your file page in the system's Chromium: measured in a worker, nothing sent, figures as the
// library has them.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
import { hostile } from "./made_run.mjs";
import { root, serve } from "./served.mjs";

const fixtures = join(root, "app/your-file/tests");
const scored = await readFile(join(fixtures, "scored.csv"));
const figures = JSON.parse(await readFile(join(fixtures, "scored.json"), "utf8"));
/** Other mathematics than the library's rounds its last digit in another way. */
const TOLERANCE = 1e-9;
/** An interval's end may move by a resample where such a digit decides a draw. */
const INTERVAL_TOLERANCE = 2e-3;

let folder, server, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-your-file-"));
  server = await serve(join(root, "datasets/results"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
const csv = file("scored.csv", scored);

async function ready(view, path = "/your-file", prepare = async () => {}) {
  const opened = await open(browser, view);
  await prepare(opened.page);
  await opened.page.goto(server.address + path);
  await opened.page.locator("#file:not([disabled])").waitFor();
  return opened;
}

const inState = (page, state) => page.locator(`#your-file[data-state="${state}"]`).waitFor();

async function choose(page, chosen) {
  await page.locator("#file").setInputFiles(chosen);
}

async function measured(page, chosen = csv) {
  await choose(page, chosen);
  await inState(page, "done");
}

async function picture(page, name) {
  await page.screenshot({ path: join(screenshots, `your-file-${name}.png`.replaceAll(" ", "-")), fullPage: true });
}

const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** Rows of CSV; `level` and `right` of each row's number. */
function table(n, level, right) {
  let text = "confidence,correct\n";
  for (let at = 0; at < n; at += 1) text += `${level(at)},${right(at) ? 1 : 0}\n`;
  return text;
}

for (const look of ["wide", "phone", "dark"]) {
  describe(look, () => {
    test("empty", async () => {
      const { page, troubles, close } = await ready(views[look]);
      await picture(page, `empty-${look}`);
      await assertNoSidewaysScrolling(page);
      await assertAccessible(page);
      assert.deepEqual(troubles, []);
      await close();
    });

    test("measured", async () => {
      const { page, troubles, close } = await ready(views[look]);
      await measured(page);
      await picture(page, `measured-${look}`);
      await assertNoSidewaysScrolling(page);
      await assertAccessible(page);
      await page.locator("#columns-details summary").click();
      await picture(page, `columns-${look}`);
      await assertNoSidewaysScrolling(page);
      await assertAccessible(page);
      assert.deepEqual(troubles, []);
      await close();
    });
  });
}

for (const width of [320, 2560]) {
  test(`${width} pixels wide`, async () => {
    const { page, troubles, close } = await ready({ viewport: { width, height: 900 } });
    await measured(page);
    await page.locator("#columns-details summary").click();
    await picture(page, `measured-${width}`);
    await assertNoSidewaysScrolling(page);
    assert.deepEqual(troubles, []);
    await close();
  });
}

test("with scripts off it says what to type", async () => {
  const { page, troubles, close } = await open(browser, views["scripts off"]);
  await page.goto(`${server.address}/your-file`);
  const text = await page.locator("main").innerText();
  assert.match(text, /Scripts are off\./);
  assert.match(text, /sayself metrics FILE --bootstrap 1000/);
  assert.ok(!(await page.locator("#file").isVisible()));
  await picture(page, "scripts off");
  assert.deepEqual(troubles, []);
  await close();
});

test("without WebAssembly it says what to type", async () => {
  const { page, close } = await open(browser, views.wide);
  await page.addInitScript(() => delete globalThis.WebAssembly);
  await page.goto(`${server.address}/your-file`);
  await page.locator("#file-fallback").waitFor();
  assert.match(await page.locator("#file-fallback").innerText(), /sayself metrics FILE/);
  assert.ok(!(await page.locator("#file").isVisible()));
  await assertAccessible(page);
  await picture(page, "no-webassembly");
  await close();
});

test("the figures are the library's", async () => {
  const { page, troubles, close } = await ready(views.wide);
  await measured(page);
  const download = page.waitForEvent("download");
  await page.locator('[data-download="measures.json"]').click();
  const found = JSON.parse(await readFile(await (await download).path(), "utf8"));
  assert.deepEqual(Object.keys(found), Object.keys(figures));
  for (const [name, wanted] of Object.entries(figures)) {
    const tolerance = name.endsWith("_ci") ? INTERVAL_TOLERANCE : TOLERANCE;
    const pairs = Array.isArray(wanted) ? wanted.map((end, at) => [end, found[name][at]]) : [[wanted, found[name]]];
    for (const [one, other] of pairs) {
      if (typeof one === "number") assert.ok(Math.abs(one - other) <= tolerance, `${name}: ${other}, not ${one}`);
      else assert.deepEqual(other, one, name);
    }
  }
  const shown = await page.locator("#result").innerText();
  assert.ok(shown.includes(figures.brier.toFixed(4)), "the Brier score is not on the page");
  assert.match(shown, /of 1,000 resamples/);
  assert.match(await page.locator('[data-piece="lede"]').innerText(), /When this model says/);
  assert.deepEqual(troubles, []);
  await close();
});

test("nothing is sent once the page has loaded", async () => {
  const requests = [];
  const { page, troubles, close } = await ready(views.wide, "/your-file", async (opened) => {
    opened.context().on("request", (request) => requests.push(request));
    opened.on("websocket", (socket) => requests.push(socket));
  });
  for (const request of requests) {
    assert.equal(request.method(), "GET");
    assert.equal(request.postData(), null);
    assert.ok(request.url().startsWith(server.address), request.url());
  }
  const loaded = requests.length;
  await measured(page);
  await page.locator("#bins").selectOption("5");
  await page.locator("#figures-title").fill("Mine");
  await page.waitForFunction(() => document.title.startsWith("Mine"));
  const download = page.waitForEvent("download");
  await page.locator('[data-download="diagram.svg"]').click();
  assert.match(await readFile(await (await download).path(), "utf8"), /^<\?xml .*<svg xmlns=.*Mine/s);
  const picture = page.waitForEvent("download");
  await page.locator('[data-download="diagram.png"]').click();
  const bytes = await readFile(await (await picture).path());
  assert.equal((await picture).suggestedFilename(), "diagram.png");
  assert.deepEqual([...bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  await page.locator("#copy").click();
  await choose(page, file("other.csv", "confidence,correct\n0.5,1\n0.6,0\n"));
  await inState(page, "done");
  const sent = requests.slice(loaded).map((request) => request.url());
  assert.deepEqual(sent.filter((url) => !url.startsWith("blob:")), []);
  // Not even if it tried: the worker's own policy lets it reach nothing.
  const [worker] = page.workers();
  const tried = await worker.evaluate(() =>
    fetch("/healthz").then(
      () => "sent",
      () => "refused",
    ),
  );
  assert.equal(tried, "refused");
  // That the policy spoke up is what was wanted.
  assert.deepEqual(troubles.filter((text) => !/Content Security Policy|healthz/.test(text)), []);
  await close();
});

test("the link keeps the figures, and shows them elsewhere", async () => {
  const { page, troubles, close } = await ready(views.wide);
  await measured(page);
  await page.locator("#figures-title").fill(`Model A ${hostile.slice(0, 60)}`);
  await page.waitForFunction(() => document.title.startsWith("Model A"));
  const link = page.url();
  assert.ok(link.length < 8_000, `${link.length} letters`);
  const content = async (of) => ({
    measures: await of.locator('[data-piece="measures"]').innerText(),
    diagram: await of.locator('[data-piece="diagram"]').innerHTML(),
    risk: await of.locator('[data-piece="risk"]').innerHTML(),
    lede: await of.locator('[data-piece="lede"]').innerText(),
    heading: await of.locator("#result-heading").innerText(),
  });
  const sent = await content(page);
  const elsewhere = await ready(views.wide, new URL(link).pathname + new URL(link).hash);
  await inState(elsewhere.page, "done");
  assert.deepEqual(await content(elsewhere.page), sent);
  const notices = await elsewhere.page.locator('[data-piece="notices"]').innerText();
  assert.match(notices, /From a shared link: figures as their sender made them\./);
  assert.equal(await elsewhere.page.evaluate(() => window.hacked), undefined);
  await elsewhere.page.locator("#bins").selectOption("10");
  await picture(elsewhere.page, "from-a-link");
  await assertAccessible(elsewhere.page);
  assert.deepEqual([...troubles, ...elsewhere.troubles], []);
  await elsewhere.close();
  await close();
});

test("a link that was cut or is of another version says so", async () => {
  const { page, close } = await ready(views.wide);
  await measured(page);
  const hash = new URL(page.url()).hash;
  await close();
  for (const [damaged, wanted] of [
    [hash.slice(0, -3), /This link is damaged/],
    [hash.replace("figures=1.", "figures=9."), /another version/],
    ["#figures=", /This link is damaged/],
  ]) {
    const opened = await ready(views.wide, `/your-file${damaged}`);
    await inState(opened.page, "failed");
    assert.match(await opened.page.locator("#trouble").innerText(), wanted);
    assert.ok(!(await opened.page.locator("#result").isVisible()));
    await assertAccessible(opened.page);
    assert.deepEqual(opened.troubles, []);
    await opened.close();
  }
});

test("back and forward", async () => {
  const { page, troubles, close } = await ready(views.wide);
  await measured(page);
  const first = await page.locator('[data-piece="measures"]').innerText();
  await measured(page, file("two.csv", table(300, (at) => (at % 10) / 10, (at) => at % 3 === 0)));
  const second = await page.locator('[data-piece="measures"]').innerText();
  assert.notEqual(first, second);
  await page.goBack();
  await page.waitForFunction((text) => document.querySelector('[data-piece="measures"]').innerText === text, first);
  // What was measured before the last file is known by its address alone.
  assert.match(await page.locator('[data-piece="notices"]').innerText(), /From a shared link/);
  await page.goBack();
  await inState(page, "empty");
  assert.ok(!(await page.locator("#result").isVisible()));
  await page.goForward();
  await inState(page, "done");
  assert.equal(await page.locator('[data-piece="measures"]').innerText(), first);
  await page.goForward();
  await page.waitForFunction((text) => document.querySelector('[data-piece="measures"]').innerText === text, second);
  await page.reload();
  await inState(page, "done");
  assert.equal(await page.locator('[data-piece="measures"]').innerText(), second);
  assert.deepEqual(troubles, []);
  await close();
});

test("back to the file just measured, it is still one's own", async () => {
  const { page, troubles, close } = await ready(views.wide);
  await measured(page);
  await page.goBack();
  await inState(page, "empty");
  await page.goForward();
  await inState(page, "done");
  assert.equal(await page.locator('[data-piece="notices"]').innerText(), "");
  assert.ok(await page.locator("#columns").isVisible());
  assert.deepEqual(troubles, []);
  await close();
});

test("by keyboard alone", async () => {
  const { page, troubles, close } = await ready(views.wide);
  const tabTo = async (selector) => {
    for (let step = 0; step < 60; step += 1) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`the Tab key does not reach ${selector}`);
  };
  // Asked for well before the key: until the browser knows of it, the chooser is its own.
  const chooser = page.waitForEvent("filechooser");
  await tabTo("#file");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(csv);
  await inState(page, "done");
  await tabTo("#columns-details summary");
  await page.keyboard.press("Enter");
  await tabTo('#choices select[name="confidence"]');
  await tabTo("#measure");
  await page.keyboard.press("Enter");
  await inState(page, "done");
  await tabTo("#bins");
  const before = await page.locator('[data-piece="diagram"]').innerHTML();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.waitForFunction((markup) => document.querySelector('[data-piece="diagram"]').innerHTML !== markup, before);
  await tabTo("#figures-title");
  await page.keyboard.type("By keyboard");
  await page.waitForFunction(() => document.querySelector("#result-heading").textContent === "By keyboard");
  await tabTo("#copy");
  await page.keyboard.press("Enter");
  await page.locator("#copied", { hasText: /link/ }).waitFor();
  await tabTo('[data-download="bins.csv"]');
  const download = page.waitForEvent("download");
  await page.keyboard.press("Enter");
  assert.match(await readFile(await (await download).path(), "utf8"), /^low,high,mean_confidence,n/);
  assert.deepEqual(troubles, []);
  await close();
});

test("a file can be dropped", async () => {
  const { page, troubles, close } = await ready(views.wide);
  const drop = (names) =>
    page.evaluate(
      ([wanted, text]) => {
        const data = new DataTransfer();
        for (const name of wanted) data.items.add(new File([text], name));
        for (const kind of ["dragover", "drop"]) {
          document.querySelector("h1").dispatchEvent(
            new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }),
          );
        }
      },
      [names, scored.toString()],
    );
  await drop(["dropped.csv"]);
  await inState(page, "done");
  assert.match(await page.locator("#columns-name").innerText(), /^dropped\.csv/);
  await drop(["a.csv", "b.csv"]);
  await page.locator("#trouble", { hasText: "One file at a time." }).waitFor();
  assert.deepEqual(troubles, []);
  await close();
});

const wrong = [
  ["empty.csv", "", /The file is empty/],
  ["names.csv", "confidence,correct\n", /There are no rows/],
  ["nameless.csv", "0.5,1\n0.6,0\n", /The columns have no names/],
  ["list.json", "[{}]", /one JSON list/],
  ["object.json", '{\n "a": 1\n}', /not a log of Inspect/],
  ["page.html", "<html>", /page or XML/],
  ["packed.csv.gz", "\u001f\u008b\b", /gzip/, "latin1"],
  ["broken.eval", "PK\u0003\u0004torn", /not a ZIP archive/],
  ["text.jsonl", "{no\n{json\n", /No line is a JSON object/],
  ["far.csv", "confidence,correct\n0.5,perhaps\n0.6,unknown\n", /choose it/i],
  ["open.csv", `confidence,correct\n0.5,1\n0.6,0\n"${"x".repeat(17 * 1024 * 1024)}`, /A row does not end/],
];

test("wrong files say what was found and what to do", async () => {
  const { page, troubles, close } = await ready(views.wide);
  for (const [name, text, wanted, encoding] of wrong) {
    await choose(page, { name, mimeType: "text/plain", buffer: Buffer.from(text, encoding) });
    await page.locator("#trouble:not([hidden]), #columns-missing:not([hidden])", { hasText: wanted }).waitFor();
    assert.ok(!(await page.locator("#result").isVisible()), name);
  }
  await assertAccessible(page);
  // The page goes on.
  await measured(page);
  assert.deepEqual(troubles, []);
  await picture(page, "after-wrong-files");
  await close();
});

test("columns that are not guessed can be chosen", async () => {
  const { page, troubles, close } = await ready(views.wide);
  const text = `"how <b>sure</b>",graded,topic\n${Array.from({ length: 200 }, (_, at) => `${at % 10 + 1},${at % 4 ? "good" : "bad"},t${at % 7}\n`).join("")}`;
  await choose(page, file("own.csv", text));
  await inState(page, "choose");
  await picture(page, "choose");
  await assertAccessible(page);
  assert.match(await page.locator("#columns-missing").innerText(), /choose both/);
  assert.ok(await page.locator("#measure").isDisabled());
  await page.locator('#choices [name="confidence"]').selectOption({ label: "how <b>sure</b>" });
  await page.locator("#columns-sentence", { hasText: "levels from 1 to 10" }).waitFor();
  await page.locator('#choices [name="correct"]').selectOption({ label: "graded" });
  await page.locator("#preview-rows", { hasText: "neither right nor wrong" }).waitFor();
  await page.locator("#measure").click();
  await page.locator("#trouble", { hasText: /No row of the right shape among 200.*found bad, expected/ }).waitFor();
  const right = text.replaceAll("good", "right").replaceAll("bad", "wrong");
  await choose(page, file("own.csv", right));
  await inState(page, "choose");
  await page.locator('#choices [name="confidence"]').selectOption({ label: "how <b>sure</b>" });
  await page.locator("#measure:not([disabled])").click();
  await inState(page, "done");
  await page.locator('#choices [name="group"]').selectOption({ label: "topic" });
  await page.locator("#columns-sentence", { hasText: "drawn together" }).waitFor();
  await page.locator("#measure").click();
  await page.locator('[data-piece="facts"]', { hasText: "7 groups" }).waitFor();
  await inState(page, "done");
  // A choice that leads nowhere leaves the figures so far, and what can be done with them.
  await page.locator('#choices [name="correct"]').selectOption({ label: "topic" });
  await page.locator("#preview-rows", { hasText: "neither right nor wrong" }).waitFor();
  await page.locator("#measure").click();
  await inState(page, "failed");
  const drawn = await page.locator('[data-piece="diagram"]').innerHTML();
  await page.locator("#bins").selectOption("5");
  await page.waitForFunction((markup) => document.querySelector('[data-piece="diagram"]').innerHTML !== markup, drawn);
  assert.match(await page.locator("#trouble").innerText(), /No row of the right shape/);
  assert.deepEqual(troubles, []);
  await close();
});

test("rows that are left out are counted and shown", async () => {
  const { page, troubles, close } = await ready(views.wide);
  const rows = Array.from({ length: 300 }, (_, at) => ({ id: `q${at}`, confidence: (at % 10) / 10, correct: at % 3 > 0 }));
  const wrongs = [{ id: hostile, confidence: 7, correct: true }, { confidence: 0.5, correct: "perhaps" }];
  await measured(page, file("some.jsonl", `${lines(rows)}${lines(wrongs)}{"confidence":\n`));
  const notices = page.locator('[data-piece="notices"]');
  assert.match(await notices.innerText(), /3 rows left out of 303\./);
  await notices.locator("summary").click();
  const told = await notices.innerText();
  assert.match(told, /line 301 .*confidence: found 7, expected a probability from 0 to 1/);
  assert.match(told, /line 302: right or wrong: found perhaps/);
  assert.match(told, /line 303: not a JSON object/);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await picture(page, "left-out");
  await assertAccessible(page);
  assert.deepEqual(troubles, []);
  await close();
});

test("few answers, and one outcome only", async () => {
  const { page, troubles, close } = await ready(views.wide);
  await measured(page, file("few.csv", table(30, (at) => (at % 5) / 5, () => false)));
  const notices = await page.locator('[data-piece="notices"]').innerText();
  assert.match(notices, /Few answers\. 30 answers: read the intervals, not the dots\. .* by chance/);
  assert.match(notices, /One outcome only\. All 30 answers are wrong/);
  await picture(page, "few");
  await assertAccessible(page);
  assert.deepEqual(troubles, []);
  await close();
});

test("logs of Inspect and lm-evaluation-harness", async () => {
  const { page, troubles, close } = await ready(views.wide);
  const samples = Array.from({ length: 120 }, (_, at) => ({
    id: at, epoch: 1, input: `Which? ${hostile}`, target: "Paris",
    output: { completion: `Answer: Paris\nConfidence: ${at % 10 + 1}` },
    scores: { match: { value: at % 3 ? "C" : "I" } },
  }));
  const log = { version: 2, eval: { task: "inspect_evals/capitals", model: "openai/m" }, samples };
  await measured(page, file("log.json", JSON.stringify(log, null, 1)));
  assert.match(await page.locator("#columns-sentence").innerText(), /log of Inspect: task capitals, model openai\/m/);
  assert.match(await page.locator('[data-piece="facts"]').innerText(), /120/);
  const harness = samples.map((_, at) => ({
    doc_id: at, doc: { question: "Which?" }, target: "1", arguments: {}, filter: "none", acc: at % 3 ? 1 : 0,
    resps: [[["-2.0", "False"]], [[`${-1 - at / 100}`, "True"]]], filtered_resps: [],
  }));
  await measured(page, file("samples_arc_easy_2026-01-31T10-20-30.jsonl", lines(harness)));
  assert.match(await page.locator("#columns-sentence").innerText(), /log of lm-evaluation-harness/);
  // Its details are closed: the text is there, and not shown.
  assert.match(await page.locator("#preview-rows").textContent(), /0\.73, wrong/);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await assertAccessible(page);
  assert.deepEqual(troubles, []);
  await close();
});

test("reading can be cancelled, and another file chosen", async () => {
  const { page, troubles, close } = await ready(views.wide);
  const text = table(4_500_000, (at) => (at % 997) / 1000, (at) => at % 3 === 0);
  const large = join(folder, "large.csv");
  await writeFile(large, text);
  await choose(page, large);
  await inState(page, "reading");
  await page.locator("#progress-line", { hasText: "rows" }).waitFor();
  await picture(page, "reading");
  await page.locator("#cancel").click();
  await inState(page, "cancelled");
  assert.ok(!(await page.locator("#result").isVisible()));
  assert.match(await page.locator(".cancelled").innerText(), /Nothing of the file is kept/);
  await picture(page, "cancelled");
  await assertAccessible(page);
  await measured(page);
  assert.deepEqual(troubles, []);
  await close();
});

test("refining can be stopped, and the figures stay", async () => {
  const { page, troubles, close } = await ready(views.wide);
  // Groups are drawn row by row, which takes its time.
  let text = "confidence,correct,group\n";
  for (let at = 0; at < 200_000; at += 1) text += `${(at * 7919 % 9973) / 9973},${at % 3 ? 1 : 0},g${Math.floor(at / 2)}\n`;
  await choose(page, file("groups.csv", text));
  await inState(page, "refining");
  await page.locator('[data-piece="resamples"]', { hasText: "so far" }).waitFor({ timeout: 60_000 });
  await page.locator("#cancel").click();
  await inState(page, "done");
  assert.match(await page.locator('[data-piece="resamples"]').innerText(), /resamples so far/);
  assert.ok(await page.locator("#result").isVisible());
  assert.deepEqual(troubles, []);
  await close();
});

test("a module that has no more memory is told, and started again", async () => {
  const { page, troubles, close } = await ready(views.wide, "/your-file", (opened) =>
    opened.addInitScript(() => {
      const Real = Worker;
      let isBroken = false;
      globalThis.Worker = class extends Real {
        postMessage(message) {
          if (message.kind !== "open" || isBroken) return super.postMessage(message);
          isBroken = true;
          const { question } = message;
          this.onmessage({ data: { kind: "broken", question, bytes: 2 ** 32, text: "unreachable" } });
        }
      };
    }),
  );
  await choose(page, csv);
  await page.locator("#trouble", { hasText: "The browser has no more memory." }).waitFor();
  assert.match(await page.locator("#trouble").innerText(), /sayself metrics FILE/);
  await assertAccessible(page);
  await measured(page);
  assert.deepEqual(troubles, []);
  await close();
});
