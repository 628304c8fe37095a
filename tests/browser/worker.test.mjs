// The demo's module asked 20 questions, greedily: the same answers in both of its flavours, and in how many
// of them they are the command line's, whose processors sum in another order.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { root, serve, target } from "./served.mjs";

const QUESTIONS = 20;
const TOKENS_MAX = 24;
/** Every so manieth of the shipped questions: of many templates. */
const STEP = 541;

let folder, server, browser, native, questions, first;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-worker-"));
  const shipped = (await readFile(join(root, "datasets/world-facts/questions.jsonl"), "utf8")).split("\n");
  const lines = Array.from({ length: QUESTIONS }, (_, at) => shipped[at * STEP]);
  questions = lines.map((line) => JSON.parse(line).question);
  await writeFile(join(folder, "questions.jsonl"), lines.map((line) => `${line}\n`).join(""));
  const command = ["sample", "--model", "smollm2-135m", "--greedy", "--max-tokens", String(TOKENS_MAX)];
  execFileSync(join(target, "release/sayself"), [...command, "--questions", join(folder, "questions.jsonl"), "--out", join(folder, "out")], { stdio: "ignore" });
  const samples = (await readFile(join(folder, "out/greedy.jsonl"), "utf8")).trim().split("\n").map(JSON.parse);
  native = new Map(samples.map((sample) => [sample.question, sample]));
  server = await serve(join(root, "datasets/results"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

for (const flavour of ["simd", "relaxed"]) {
  test(`${flavour}: the same answers as the other`, async (test) => {
    const page = await browser.newPage();
    await page.goto(`${server.address}/demo`);
    await page.evaluate(
      async ([flavour, tokens]) => {
        const folder = new URL("/demo/", location.href);
        const { Model } = await import("/demo/web/model.js");
        const { openMemory } = await import("/demo/web/store.js");
        const { fetchFile } = await import("/demo/web/fetching.js");
        const about = await (await fetch(new URL("about.json", folder))).json();
        const file = about.model;
        const decoding = { temperature: 0, top_p: 1, top_k: 0, max_tokens: tokens, stop: [] };
        const before = { prompt: {}, decoding, record: null };
        const model = await Model.start(new URL("web/", folder), flavour, JSON.stringify({ ...about, before, after: null, adapter: null, kinds: [] }));
        const store = openMemory();
        await fetchFile(store, file, new URL(file.address, folder), { signal: new AbortController().signal, told() {} });
        await model.push(store, file, () => {});
        await model.call("load", { sha256: file.sha256 });
        window.model = model;
      },
      [flavour, TOKENS_MAX],
    );
    const answers = [];
    for (const question of questions) {
      const { texts } = await page.evaluate(
        (question) => window.model.call("ask", { side: "before", question, times: "once", seed: 0 }),
        question,
      );
      answers.push(texts[0].text);
    }
    const same = answers.filter((answer, at) => answer === native.get(questions[at]).response).length;
    test.diagnostic(`${same} of ${QUESTIONS} answers are those of the command line`);
    assert.ok(same > 0);
    first ??= answers;
    assert.deepEqual(answers, first);
    const bytes = await page.evaluate(() => window.model.call("memory"));
    assert.ok(bytes < 450e6, `the module has ${bytes} bytes of memory`);
    await page.close();
  });
}
