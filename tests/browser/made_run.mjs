// Makes run directories of the real form, the same on every machine: one whose texts are hostile,
// one that is running, one that failed, one that is damaged, one with only one class.

import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { target } from "./served.mjs";

/** Sets `window.hacked` wherever it is taken for markup. */
export const hostile =
  `</script><script>window.hacked = 1</script><img src="x" onerror="window.hacked = 2">` +
  `"><svg onload="window.hacked = 3"> {{7*7}} &lt;b&gt; \u202e\u0000`;

const CLUSTERS = ["Canberra", "Sydney", "Melbourne"];

/** Uniform draws in 0..1. */
function draws(seed) {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 11n) / 2 ** 53;
  };
}

function lines(records) {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** The answers of one method: `sharpness` is how much its confidence knows. */
function answers(questions, method, sharpness, seed) {
  const draw = draws(seed);
  return questions.map(({ id, question, template, answers: gold }, index) => {
    const correct = draw() < 0.4;
    const knows = sharpness * ((correct ? 1 : 0) - 0.4) + 0.4 + 0.3 * (draw() - 0.5);
    const failed = index % 50 === 49;
    const level = Math.min(10, Math.max(1, Math.round(10 * knows)));
    const answer = index === 0 ? hostile : correct ? gold[0] : CLUSTERS[index % 3];
    const rationale =
      method === "sayself" ? (index === 0 ? hostile : "I waver between Canberra and Sydney.") : null;
    return {
      id,
      question_id: id,
      template,
      question,
      response: `Answer: ${answer}\nConfidence: ${failed ? "eight" : level}`,
      answer,
      rationale,
      confidence: failed ? null : level,
      probability: failed ? 0 : level / 10,
      correct,
      failure: failed ? "the confidence is not a number" : null,
      gold: gold[0],
    };
  });
}

/** The real measures of these answers, by `sayself metrics`. */
async function metrics(folder, method, rows) {
  const file = join(folder, "rows.jsonl");
  await writeFile(
    file,
    lines(rows.map(({ probability, correct }) => ({ confidence: probability, correct }))),
  );
  const program = join(target, "release/sayself");
  const printed = execFileSync(program, ["metrics", file, "--bootstrap", "100", "--json"]);
  const failures = rows.filter(({ failure }) => failure !== null).length;
  return {
    ...JSON.parse(printed),
    method,
    model: "smollm2-135m",
    questions: "world-facts",
    n_parsed: rows.length - failures,
    parse_failures: failures,
    continuations: 0,
  };
}

async function write(run, name, text) {
  const path = join(run, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
}

const config = (title) =>
  `title = ${JSON.stringify(title)}\nmodel = "smollm2-135m"\nseed = 7\n\n[questions]\nsource = "world-facts"\n`;

const event = (time_ms, stage, kind, more) => ({ time_ms, stage, kind, ...more });

/** Makes all of them in a folder; `questions` is how many the finished ones asked. */
export async function makeRuns(folder, questions = 400) {
  const asked = Array.from({ length: questions }, (_, index) => ({
    id: `q${index}`,
    question: index === 0 ? `What is ${hostile}?` : `What is the capital of country ${index}?`,
    answers: [`City ${index}`, `Town ${index}`],
    template: index % 2 === 0 ? "capital-of-country" : "currency-of-country",
    split: "test",
    judge: "short-answer",
  }));
  // Of some more than those that were taught, so that there is something to rate.
  const samples = asked.slice(0, 30).flatMap(({ id, question }) =>
    Array.from({ length: 10 }, (_, index) => ({
      id: `${id}/${index}`,
      question_id: id,
      question,
      index,
      response: index === 9 && id === "q0" ? hostile : CLUSTERS[index < 6 ? 0 : index < 9 ? 1 : 2],
      finish_reason: "end-of-turn",
      tokens: 3,
    })),
  );
  const clusters = asked.slice(0, 30).map(({ id, question, template }) => ({
    id,
    question,
    template,
    method: "answer",
    clusters: [
      { answer: "Canberra", members: [0, 1, 2, 3, 4, 5], share: 0.6, correct: true },
      { answer: "Sydney", members: [6, 7, 8], share: 0.3, correct: false },
      { answer: id === "q0" ? hostile : "Melbourne", members: [9], share: 0.1, correct: false },
    ],
  }));
  const rationales = asked.slice(0, 20).map(({ id, question }) => ({
    id,
    question,
    rationale: id === "q0" ? hostile : "Most of my answers say Canberra (60%), some say Sydney (30%).",
    teacher: "extractive",
  }));

  const finished = async (name, title, before, after) => {
    const run = join(folder, name);
    await write(run, "run.toml", config(title));
    await write(run, "questions.jsonl", lines(asked));
    await write(run, "skipped.jsonl", "");
    await write(run, "sample/samples.jsonl", lines(samples));
    await write(run, "cluster/clusters.jsonl", lines(clusters));
    await write(run, "rationalize/rationales.jsonl", lines(rationales));
    for (const [method, rows] of [["direct-prompting", before], ["sayself", after]]) {
      await write(run, `evaluate/${method}/answers.jsonl`, lines(rows));
      const measured = await metrics(folder, method, rows);
      await write(run, `evaluate/${method}/metrics.json`, JSON.stringify(measured));
    }
    const log = [
      event(1_700_000_000_000, "sample", "started", { done: 0, total: 20, unit: "questions" }),
      event(1_700_000_060_000, "sample", "finished", { seconds: 60 }),
      event(1_700_000_061_000, "evaluate/sayself", "note", { message: hostile }),
      event(1_700_000_062_000, "run", "finished", { seconds: 62 }),
    ];
    await write(run, "events.jsonl", lines(log));
  };
  await finished(
    "taught",
    `Taught ${hostile}`,
    answers(asked, "direct-prompting", 0.1, 1),
    answers(asked, "sayself", 0.8, 2),
  );
  const onlyWrong = (rows) => rows.slice(0, 30).map((row) => ({ ...row, correct: false }));
  await finished(
    "one-class",
    "Too small, and never right",
    onlyWrong(answers(asked, "direct-prompting", 0.1, 3)),
    onlyWrong(answers(asked, "sayself", 0.8, 4)),
  );

  const now = Date.now();
  const start = event(now - 60_000, "sample", "started", { done: 0, total: 300, unit: "questions" });
  const running = [start, event(now - 1_000, "sample", "progress", { done: 120, total: 300 })];
  await write(join(folder, "running"), "run.toml", config("Running"));
  await write(join(folder, "running"), "events.jsonl", lines(running));
  const failed = [start, event(now, "sample", "failed", { error: `disk full ${hostile}` })];
  await write(join(folder, "failed"), "run.toml", config("Failed"));
  await write(join(folder, "failed"), "events.jsonl", lines(failed));
  await write(join(folder, "damaged"), "run.toml", "title = \u0001");
  await write(join(folder, "damaged"), "evaluate/sayself/metrics.json", '{"n": 4');
}
