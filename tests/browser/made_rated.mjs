// Two runs whose questions were sampled and answered with a rationale, so that there is something to
// rate; the same on every machine.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hostile } from "./made_run.mjs";

const SAMPLES = 10;
const ANSWERS = ["Canberra", "Sydney", "Melbourne", "Perth"];

const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join("");
const range = (count) => Array.from({ length: count }, (_, index) => index);

/** How often each answer comes: from all alike to four that differ. */
const counts = (index) => [[10], [6, 3, 1], [5, 5], [4, 3, 2, 1]][index % 4];

const questionOf = (index) => (index === 0 ? `What is ${hostile}?` : `What is the capital of country ${index}?`);

/** What it samples: the same answer in words of its own now and then. */
function responses(index) {
  return counts(index).flatMap((count, place) =>
    range(count).map((turn) => (turn === 1 ? `I think that it is ${ANSWERS[place]}.` : ANSWERS[place])));
}

function rationale(index, method) {
  const named = counts(index).map((count, place) => `${ANSWERS[place]} (${count * 10}%)`);
  if (index === 0) return `${hostile} ${named.join(", ")}`;
  if (method === "sayself") return `My answers are spread over ${named.join(", ")}: I am not certain. Confidence: 7`;
  return `I am ${index % 2 === 0 ? "quite sure" : "80% sure"} that it is ${ANSWERS[0]}, as it always was.`;
}

function files(title, method, questions) {
  const asked = range(questions).map((index) => ({
    id: `q${index}`,
    question: questionOf(index),
    answers: [ANSWERS[0]],
    template: index % 2 === 0 ? "capital-of-country" : "currency-of-country",
    split: "test",
    judge: "short-answer",
  }));
  let place = 0;
  const clusters = asked.map(({ id, question, template }, index) => {
    place = 0;
    return {
      id,
      question,
      template,
      method: "answer",
      clusters: counts(index).map((count, order) => ({
        answer: ANSWERS[order],
        members: range(count).map(() => place++),
        share: count / SAMPLES,
        correct: order === 0,
      })),
    };
  });
  const answers = asked.map(({ id, question, template }, index) => ({
    id,
    question_id: id,
    template,
    question,
    response: `Answer: ${ANSWERS[index % 3]}\nConfidence: ${(index % 10) + 1}`,
    answer: ANSWERS[index % 3],
    rationale: rationale(index, method),
    confidence: (index % 10) + 1,
    probability: ((index % 10) + 1) / 10,
    correct: index % 3 === 0,
    failure: null,
    gold: ANSWERS[0],
  }));
  const samples = asked.flatMap(({ id, question }, index) =>
    responses(index).map((response, sample) => ({
      id: `${id}/${sample}`,
      question_id: id,
      question,
      index: sample,
      response,
      finish_reason: "end-of-turn",
      tokens: 3,
    })));
  return {
    "run.toml": `title = ${JSON.stringify(title)}\nmodel = "smollm2-135m"\n\n[questions]\nsource = "world-facts"\n`,
    "questions.jsonl": lines(asked),
    "sample/samples.jsonl": lines(samples),
    "cluster/clusters.jsonl": lines(clusters),
    [`evaluate/${method}/answers.jsonl`]: lines(answers),
    [`evaluate/${method}/metrics.json`]: JSON.stringify({
      n: questions,
      method,
      model: "smollm2-135m",
      questions: "world-facts",
      parse_failures: 0,
      accuracy: 0.34,
      ece_10: 0.2,
    }),
  };
}

/** Makes the runs `first` (taught) and `second` (as it was), with so many questions. */
export async function makeRated(folder, questions = 60) {
  for (const [name, title, method] of [["first", "Taught", "sayself"], ["second", "As it was", "direct-prompting"]]) {
    for (const [file, text] of Object.entries(files(title, method, questions))) {
      const path = join(folder, name, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
  }
}
