// Runs whose samples were clustered by embedding, by answer, and not at all; the same on every machine.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const SAMPLES = 100;
const QUESTION = "What is the capital of Australia?";

const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join("");

async function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** Of a hundred samples 55 say Sydney, 30 Canberra, 12 Melbourne, in words of their own; three nothing. */
function response(index) {
  const [answer, places] =
    index < 55 ? ["Sydney", ["", ".", ", the largest city", ", in New South Wales"]]
    : index < 85 ? ["Canberra", ["", ".", ", in the Australian Capital Territory", " (not Sydney)", ", I believe"]]
    : index < 97 ? ["Melbourne", [", the seat of government until 1927", ""]]
    : ["", [""]];
  return answer + places[index % places.length];
}

/** The first of each kind leads; the kinds join one another at 0.6 and 0.45. */
function steps(index) {
  const near = 0.86 + (index % 10) / 100;
  if (index === 0) return [];
  if (index < 55) return [[near, 0]];
  if (index === 55) return [[0.6, 0]];
  if (index < 85) return [[near, 55], [0.6, 0]];
  if (index === 85) return [[0.45, 0]];
  if (index < 97) return [[near, 85], [0.45, 0]];
  return [[0.3, 0]];
}

const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

const cluster = (answer, members, correct) => ({ answer, members, share: members.length / SAMPLES, correct });

function answer(index, method) {
  const level = (index % 10) + 1;
  const failed = index % 40 === 39;
  const right = (index * 7) % 10 < level;
  const [said, rationale] = {
    "direct-prompting": ["Sydney", "Sydney is the largest city of Australia and older than Perth."],
    sayself: ["Canberra", "My answers are spread over Sydney (55%), Canberra (30%) and others: I am not certain."],
  }[method];
  return {
    id: `q${index}`,
    question_id: `q${index}`,
    template: index % 3 === 0 ? "capital-of-country" : "currency-of-country",
    question: index === 0 ? QUESTION : `What is the capital of country ${index}?`,
    response: `Answer: ${said}\nConfidence: ${failed ? "eight" : level}\nSelf-reflection: ${rationale}`,
    answer: said,
    rationale,
    confidence: failed ? null : level,
    probability: failed ? 0 : level / 10,
    correct: right,
    failure: failed ? "the confidence is not a number" : null,
    gold: "Canberra",
  };
}

function filesOf(title, method) {
  const asked = range(0, 300).map((index) => ({
    id: `q${index}`,
    question: index === 0 ? QUESTION : `What is the capital of country ${index}?`,
    answers: index === 0 ? ["Canberra", "Canberra, ACT"] : [index === 3 ? "Perth" : `City ${index}`],
    template: index % 3 === 0 ? "capital-of-country" : "currency-of-country",
    split: "test",
    judge: "short-answer",
  }));
  const files = {
    "run.toml": `title = ${JSON.stringify(title)}\nmodel = "smollm2-135m"\n\n[questions]\nsource = "world-facts"\n`,
    "questions.jsonl": lines(asked),
  };
  if (method !== null) {
    files["cluster/clusters.jsonl"] = lines([
      {
        id: "q0",
        question: QUESTION,
        template: "capital-of-country",
        method,
        clusters: [
          cluster("Sydney", range(0, 55), false),
          cluster("Canberra", range(55, 85), true),
          cluster("Melbourne", range(85, 97), false),
          ...(method === "answer" ? [cluster("", range(97, 100), false)] : range(97, 100).map((index) => cluster("", [index], false))),
        ],
      },
    ]);
    files["rationalize/rationales.jsonl"] = lines([
      {
        id: "q0",
        question: QUESTION,
        rationale: "Most of my answers say Sydney (55%), but some say Canberra (30%): I am not certain which city is the capital.",
        teacher: "extractive",
      },
    ]);
  }
  files["sample/samples.jsonl"] = lines(
    range(0, SAMPLES).map((index) => ({
      id: `q0/${index}`,
      question_id: "q0",
      question: QUESTION,
      index,
      response: response(index),
      finish_reason: "end-of-turn",
      tokens: 4,
    })),
  );
  for (const label of ["direct-prompting", "sayself"]) {
    files[`evaluate/${label}/answers.jsonl`] = lines(range(0, 300).map((index) => answer(index, label)));
    files[`evaluate/${label}/metrics.json`] = JSON.stringify({
      n: 300,
      method: label,
      model: "smollm2-135m",
      questions: "world-facts",
      parse_failures: 7,
      accuracy: 0.55,
      ece_10: 0.1,
    });
  }
  return files;
}

/** Makes the runs `meanings`, `answers` and `samples`. */
export async function makeQuestions(folder) {
  const heights = { id: "q0", samples: range(0, SAMPLES), heights: range(0, SAMPLES).map(steps) };
  await write(join(folder, "meanings"), {
    ...filesOf("Clustered by meaning", "embedding: all-MiniLM-L6-v2, cosine above 0.84"),
    "cluster/heights.jsonl": lines([heights]),
  });
  await write(join(folder, "answers"), filesOf("Clustered by answer", "answer"));
  await write(join(folder, "samples"), filesOf("Not clustered yet", null));
}
