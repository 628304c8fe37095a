// The demo's module asked 20 questions, greedily: word for word the command line's answers. With relaxed SIMD
// its sums are fused, as a processor's are; without, they are those of the command line's portable kernels on
// x86-64 (elsewhere these are fused too, and that flavour is left out).
// How many threads compute changes nothing. So it is before teaching and after.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./chromium.mjs";
import { root, serveWith, target } from "./served.mjs";

const QUESTIONS = 20;
const TOKENS_MAX = 24;
/** Every so manieth of the shipped questions: of many templates. */
const STEP = 541;

/** What the command line is told to compute with, for each flavour of the module. */
const KERNELS = {
  ...(process.arch === "x64" && { simd: { SAYSELF_SIMD: "scalar" } }),
  relaxed: {},
  threads: {},
};

let folder, adapter, server, browser, questions;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-worker-"));
  const shipped = (await readFile(join(root, "datasets/world-facts/questions.jsonl"), "utf8")).split("\n");
  const lines = Array.from({ length: QUESTIONS }, (_, at) => shipped[at * STEP]);
  questions = lines.map((line) => JSON.parse(line).question);
  await writeFile(join(folder, "questions.jsonl"), lines.map((line) => `${line}\n`).join(""));
  const data = join(root, "datasets/fixtures/stage_1/sft_reason_conf.jsonl");
  const taught = join(folder, "sft");
  sayself(["sft", "--model", "smollm2-135m", "--data", data, "--epochs", "4", "--out", taught]);
  adapter = join(taught, "adapter");
  server = await serveWith([join(root, "datasets/results")], "--demo-adapter", adapter);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

function sayself(command, env = {}) {
  execFileSync(join(target, "release/sayself"), command, { stdio: "ignore", env: { ...process.env, ...env } });
}

/** The command line's answers, in the order of the questions. */
async function natively(flavour, side) {
  const out = join(folder, `${flavour}-${side}`);
  const command = ["sample", "--model", "smollm2-135m", "--greedy", "--max-tokens", String(TOKENS_MAX)];
  const taught = side === "after" ? ["--adapter", adapter] : [];
  sayself([...command, ...taught, "--questions", join(folder, "questions.jsonl"), "--out", out], KERNELS[flavour]);
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
        const decoding = { temperature: 0, top_p: 1, top_k: 0, max_tokens: tokens, stop: [] };
        const way = { prompt: {}, decoding, record: null };
        const told = JSON.stringify({ ...about, before: way, after: way, kinds: [] });
        const model = await Model.start(new URL("web/", folder), flavour, told);
        const store = openMemory();
        for (const file of [about.model, about.adapter.weights]) {
          await fetchFile(store, file, new URL(file.address, folder), { signal: new AbortController().signal, told() {} });
          await model.push(store, file, () => {});
          if (file === about.model) await model.call("load", { sha256: file.sha256 });
          else await model.call("adapt", { config: about.adapter.config, sha256: file.sha256 });
        }
        window.model = model;
      },
      [flavour, TOKENS_MAX],
    );
    assert.equal(await page.evaluate(() => window.model.flavour), flavour);
    for (const side of ["before", "after"]) {
      const answers = [];
      for (const question of questions) {
        const { texts } = await page.evaluate(
          ([side, question]) => window.model.call("ask", { side, question, times: "once", seed: 0 }),
          [side, question],
        );
        answers.push(texts[0].text);
      }
      assert.deepEqual(answers, await natively(flavour, side));
    }
    const bytes = await page.evaluate(() => window.model.call("memory"));
    assert.ok(bytes < 450e6, `the module has ${bytes} bytes of memory`);
    await page.close();
  });
}
