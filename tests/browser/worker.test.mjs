// The demo's module asked 20 questions, greedily: word for word the command line's answers. With relaxed SIMD
// its sums are fused, as a processor's are; without, they are those of the command line's portable kernels.
// How many threads compute changes nothing.

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

/** What the command line is told to compute with, for each flavour of the module. */
const KERNELS = { simd: { SAYSELF_SIMD: "scalar" }, relaxed: {}, threads: {} };

let folder, server, browser, questions;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-worker-"));
  const shipped = (await readFile(join(root, "datasets/world-facts/questions.jsonl"), "utf8")).split("\n");
  const lines = Array.from({ length: QUESTIONS }, (_, at) => shipped[at * STEP]);
  questions = lines.map((line) => JSON.parse(line).question);
  await writeFile(join(folder, "questions.jsonl"), lines.map((line) => `${line}\n`).join(""));
  server = await serve(join(root, "datasets/results"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The command line's answers, in the order of the questions. */
async function natively(flavour) {
  const out = join(folder, flavour);
  const command = ["sample", "--model", "smollm2-135m", "--greedy", "--max-tokens", String(TOKENS_MAX)];
  const files = ["--questions", join(folder, "questions.jsonl"), "--out", out];
  const env = { ...process.env, ...KERNELS[flavour] };
  execFileSync(join(target, "release/sayself"), [...command, ...files], { stdio: "ignore", env });
  const lines = (await readFile(join(out, "greedy.jsonl"), "utf8")).trim().split("\n");
  const of = new Map(lines.map(JSON.parse).map((sample) => [sample.question, sample.response]));
  return questions.map((question) => of.get(question));
}

for (const flavour of Object.keys(KERNELS)) {
  test(`${flavour}: the command line's answers, word for word`, async () => {
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
    assert.equal(await page.evaluate(() => window.model.flavour), flavour);
    assert.deepEqual(answers, await natively(flavour));
    const bytes = await page.evaluate(() => window.model.call("memory"));
    assert.ok(bytes < 450e6, `the module has ${bytes} bytes of memory`);
    await page.close();
  });
}
