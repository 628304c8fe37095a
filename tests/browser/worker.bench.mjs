// node worker.bench.mjs PLAN.json: the demo's worker beside wllama, both in this Chromium, each on one thread,
// in turn. PLAN: {"site","wllama","model","variants":{"NAME":"FILE"},"rounds"}. Prints
// {"decode":{"peer_name","rounds":[[ours,peer]…]},"prefill":{…}}, tokens a second.

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { launch } from "./chromium.mjs";

/** What is asked: a story goes on for as long as it may. */
const STORY = "Tell me a long story about a fox, a crow and a cheese.";
/** New tokens, and tokens of a prompt, about. */
const DECODED = 128;
const PREFILLED = 512;
const SENTENCE = "The quick brown fox jumps over the lazy dog near the old river bank. ";
const SENTENCE_TOKENS = 15;
/** A check that both sides are the same model. */
const QUESTION = "What is the capital of Germany?";
const ANSWER = "Berlin";
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

const plan = JSON.parse(await readFile(process.argv[2], "utf8"));
const folders = { site: plan.site, wllama: plan.wllama };

const server = createServer(async (request, response) => {
  const [, first, ...rest] = new URL(request.url, "http://localhost").pathname.split("/");
  const path =
    first === "file" ? { model: plan.model, ...plan.variants }[rest[0]] : first in folders ? join(folders[first], normalize(rest.join("/"))) : null;
  const found = path && (await stat(path).catch(() => null));
  if (!path) {
    response.writeHead(200, { "content-type": "text/html" });
    return response.end("<!DOCTYPE html><title>bench</title>");
  }
  if (!found?.isFile()) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "content-length": found.size });
  createReadStream(path).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const address = `http://127.0.0.1:${server.address().port}/`;
const browser = await launch();
const tell = (words) => process.stderr.write(`  ${words}\n`);

async function page(script, argument) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => tell(`the page says: ${error}`));
  await page.goto(address);
  await page.evaluate(script, argument);
  return page;
}

/** Our side: the demo's own worker, with the flavour that this browser can run. */
const ours = await page(
  async ({ bytes, count }) => {
    const { Model, flavour } = await import("/site/demo/model.js");
    const decoding = { temperature: 0, top_p: 1, top_k: 0, max_tokens: count, stop: [] };
    const blob = await (await fetch("/file/model")).blob();
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    const sha256 = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const file = { name: "model", address: "", bytes, sha256 };
    const before = { prompt: {}, decoding, record: null };
    const about = { model: file, adapter: null, before, after: null, run: null, kinds: [], examples: [], questions: [] };
    window.model = await Model.start(new URL("/site/demo/", location.href), flavour(), JSON.stringify(about));
    window.kind = flavour();
    const store = { read: async (_, piece) => blob.slice(piece * 4194304, (piece + 1) * 4194304) };
    await window.model.push(store, file, () => {});
    await window.model.call("load", { sha256 });
    window.ask = (question) => window.model.call("ask", { side: "before", question, times: "once", seed: 0 });
    window.memory = () => window.model.call("memory");
  },
  { bytes: (await stat(plan.model)).size, count: DECODED },
);
tell(`ours: ${await ours.evaluate(() => window.kind)}`);

/** A long prompt that begins as none before it: what was read once is known to our side. */
let numbered = 0;
const prompt = () => `${(numbered += 1)}. ${SENTENCE.repeat(Math.ceil(PREFILLED / SENTENCE_TOKENS))}`;

/** Tokens a second of our side: decoding a story, reading a prompt. */
async function ourRates() {
  const story = await ours.evaluate((question) => window.ask(question), STORY);
  const read = await ours.evaluate((prompt) => window.model.call("measure", { prompt }), prompt());
  return { decode: story.speed, prefill: read.tokens / read.seconds, text: story.texts[0].text };
}

async function peer(file, flash) {
  return page(
    async ({ file, flash }) => {
      const { Wllama } = await import("/wllama/esm/index.js");
      const quiet = { debug() {}, log() {}, warn() {}, error: console.error };
      window.wllama = new Wllama({ default: "/wllama/esm/wasm/wllama.wasm" }, { suppressNativeLog: true, logger: quiet });
      const blob = await (await fetch(`/file/${file}`)).blob();
      await window.wllama.loadModel([blob], { n_gpu_layers: 0, n_threads: 1, n_ctx: 2048, n_batch: 512, n_ubatch: 512, n_parallel: 1, flash_attn: flash, warmup: false });
      window.complete = (prompt, tokens) =>
        window.wllama.createCompletion({ prompt, max_tokens: tokens, temperature: 0, top_k: 1, cache_prompt: false });
    },
    { file, flash },
  );
}

const chat = (question) =>
  `<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;

async function peerRates(page) {
  const story = await page.evaluate(([prompt, tokens]) => window.complete(prompt, tokens), [chat(STORY), DECODED]);
  const read = await page.evaluate(([prompt, tokens]) => window.complete(prompt, tokens), [prompt(), 1]);
  return { decode: story.timings.predicted_per_second, prefill: read.timings.prompt_per_second, text: story.choices[0].text, read: read.timings.prompt_n };
}

const said = await ours.evaluate((question) => window.ask(question), QUESTION);
if (!said.texts[0].text.includes(ANSWER)) throw new Error(`ours answers ${JSON.stringify(said.texts[0].text)}`);

const tried = [];
for (const [name, path] of Object.entries(plan.variants)) {
  for (const flash of [false, true]) {
    const title = `wllama ${name}${flash ? ", flash attention" : ""}`;
    try {
      const page = await peer(name, flash);
      const answer = await page.evaluate(([prompt]) => window.complete(prompt, 12), [chat(QUESTION)]);
      if (!answer.choices[0].text.includes(ANSWER)) throw new Error(`it answers ${JSON.stringify(answer.choices[0].text)}`);
      const rates = await peerRates(page);
      tell(`${title}: decode ${rates.decode.toFixed(1)}, prefill ${rates.prefill.toFixed(1)} of ${rates.read} tokens`);
      tried.push({ title, name, flash, ...rates });
      await page.close();
    } catch (error) {
      tell(`${title}: left out, ${error.message} (${path})`);
    }
  }
}
if (tried.length === 0) throw new Error("wllama could not be run in any format");

const outcome = {};
await ourRates();
for (const work of ["decode", "prefill"]) {
  const best = tried.reduce((one, other) => (other[work] > one[work] ? other : one));
  const page = await peer(best.name, best.flash);
  const rounds = [];
  for (let round = 0; round < plan.rounds; round += 1) {
    rounds.push([(await ourRates())[work], (await peerRates(page))[work]]);
    tell(`${work}: ours ${rounds.at(-1)[0].toFixed(1)}, ${best.title} ${rounds.at(-1)[1].toFixed(1)}`);
  }
  outcome[work] = { peer_name: best.title, rounds };
  await page.close();
}
tell(`our module's memory: ${Math.round((await ours.evaluate(() => window.memory())) / 1e6)} MB`);
await browser.close();
server.close();
console.log(JSON.stringify(outcome));
