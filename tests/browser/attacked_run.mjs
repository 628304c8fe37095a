// Runs whose every text is an attack (attacks.json), and the addresses of all pages that show them.
// Whoever adds a page adds its address to `attackedPages`, and a field that it shows to `makeAttackedRuns`.

import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What each attack is, and its text. */
export const attacks = JSON.parse(readFileSync(join(import.meta.dirname, "attacks.json"), "utf8"));
/** All of them in one text. */
export const attack = attacks.map(({ text }) => text).join(" ");
/** One line of a million characters; too long for a file under version control. */
export const long = `<script class="attack">window.hacked = 30</script>\u202e${"long <b class=attack>line</b> ".repeat(36_000)}`;

// Names of folders hold no slash and no null, and 255 bytes at most.
export const run = `<svg class=attack onload=window.hacked=31>"'&\u202e`;
export const label = `<img class=attack src=x onerror=window.hacked=32>"'&`;
export const question = `<b class="attack" onclick="window.hacked=33">q</b>/../?#%00`;

const at = (...parts) => parts.map(encodeURIComponent).join("/");
const query = (parameters) => `?${new URLSearchParams(parameters)}`;

/** Every page that shows a text of a run. */
export const attackedPages = [
  "/",
  `/${query({ q: attack.slice(0, 60) })}`,
  `/runs/${at(run)}`,
  `/runs/${at(run)}${query({ label })}`,
  `/runs/${at("failed")}`,
  `/runs/${at("damaged")}`,
  `/runs/${at(run)}/answers`,
  `/runs/${at(run)}/answers${query({ label, bin: 7, outcome: "wrong", failed: "yes", sort: "surest" })}`,
  `/runs/${at(run)}/answers${query({ label, template: attack.slice(0, 200), q: "</title><script>" })}`,
  `/runs/${at(run)}/questions/${at(question)}`,
  `/runs/${at(run)}/questions/${at(question)}?threshold=0.3`,
  `/runs/${at("long")}`,
  `/runs/${at("long")}/answers`,
  `/runs/${at("long")}/questions/${at(question)}`,
];

/** Pages that are not there, whose addresses are the attack. */
export const missingPages = [
  `/${at(`<script class=attack>window.hacked=34</script>`)}`,
  `/runs/${at(`<img class=attack src=x onerror=window.hacked=35>`)}`,
  `/runs/${at(run)}/questions/${at(`</title><svg class=attack onload=window.hacked=36>`)}`,
  `/runs/${at(run)}/answers${query({ label: `"><img class=attack src=x onerror=window.hacked=37>` })}`,
];

const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** A TOML string; JSON's escapes are TOML's but for one character that TOML wants escaped. */
const toml = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");

async function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** A run in whose every field the text stands. */
function filesOf(text) {
  const asked = { id: question, question: text, answers: [text, text], template: text, entity: text };
  const sample = (index) => ({
    id: `${question}/${index}`,
    question_id: question,
    question: text,
    index,
    response: `${index} ${text}`,
    finish_reason: "end-of-turn",
    tokens: 3,
  });
  const cluster = (members, correct) => ({ answer: text, members, share: members.length / 4, correct });
  const answer = (index) => ({
    id: index === 0 ? question : `q${index}`,
    question_id: index === 0 ? question : `q${index}`,
    template: text,
    entity: text,
    question: text,
    response: text,
    answer: text,
    rationale: `${text} Canberra ${text}`,
    confidence: null,
    probability: 0.7,
    correct: index % 2 === 1,
    failure: text,
    gold: text,
  });
  const metrics = { n: 120, method: text, model: text, questions: text, parse_failures: 120, accuracy: 0.5, ece_10: 0.2 };
  const event = (stage, kind, more) => ({ time_ms: 1_700_000_000_000, stage, kind, ...more });
  const files = {
    "run.toml": `title = ${toml(text)}\nmodel = ${toml(text)}\n\n[questions]\nsource = ${toml(text)}\n`,
    "events.jsonl": lines([
      event(text, "started", { done: 0, total: 4, unit: text }),
      event(text, "note", { message: text }),
      event(text, "finished", { seconds: 1 }),
      event("run", "finished", { seconds: 1 }),
    ]),
    "skipped.jsonl": lines([{ stage: text, record: text, reason: text }]),
    "questions.jsonl": lines([asked]),
    "sample/samples.jsonl": lines([0, 1, 2, 3].map(sample)),
    "cluster/clusters.jsonl": lines([
      {
        id: question,
        question: text,
        template: text,
        method: `embedding: ${text}, cosine above 0.84`,
        clusters: [cluster([0, 1, 2], true), cluster([3], false)],
      },
    ]),
    "cluster/heights.jsonl": lines([
      { id: question, samples: [0, 1, 2, 3], heights: [[], [[0.9, 0]], [[0.9, 0]], [[0.4, 0]]] },
    ]),
    "rationalize/rationales.jsonl": lines([{ id: question, question: text, rationale: text, teacher: text }]),
  };
  for (const folder of [label, "sayself"]) {
    files[`evaluate/${folder}/answers.jsonl`] = lines(Array.from({ length: 120 }, (_, index) => answer(index)));
    files[`evaluate/${folder}/metrics.json`] = JSON.stringify(metrics);
  }
  return files;
}

/** Makes the runs in a folder. */
export async function makeAttackedRuns(folder) {
  await write(join(folder, run), filesOf(attack));
  const files = filesOf(attack);
  const records = filesOf(long);
  for (const name of Object.keys(files)) {
    // Not in the small files, and a long line for each of a few answers.
    if (name.endsWith(".jsonl")) files[name] = records[name].split("\n").slice(0, 4).join("\n") + "\n";
  }
  await write(join(folder, "long"), files);
  const failed = [
    { time_ms: Date.now(), stage: attack, kind: "started", done: 0, total: 4, unit: attack },
    { time_ms: Date.now(), stage: attack, kind: "failed", error: attack },
  ];
  await write(join(folder, "failed"), { "run.toml": `title = ${toml(attack)}\n`, "events.jsonl": lines(failed) });
  await write(join(folder, "damaged"), { "run.toml": `title = ${attack.replaceAll("\n", " ")}`, "evaluate/x/metrics.json": attack });
}
