// One side's answer: written as it comes, then with its gauge and its record.

import { drawing, foreign, speak, visible, words } from "./words.js";

export class AnswerCard {
  #parts;

  constructor(side, about) {
    this.side = side;
    this.about = about;
    this.element = document.querySelector(`.answer[data-side="${side}"]`);
    this.body = this.element.querySelector("[data-part=body]");
    this.clear();
  }

  clear() {
    this.text = "";
    this.levels = null;
    this.reading = null;
    this.by = null;
    this.element.classList.remove("writing");
    const said = words("p", "", "said");
    const rest = document.createElement("div");
    const speed = words("p", "", "speed minor");
    this.#parts = { said, rest, speed };
    this.body.replaceChildren(said, rest, speed);
  }

  /** Something is about to come. */
  begin(note) {
    this.clear();
    this.element.classList.add("writing");
    this.#parts.speed.textContent = note;
  }

  /** What has come so far. */
  write(reading, text, state) {
    this.#say(reading);
    const shown = [];
    // A level is a level once its line has ended: a 1 may become a 10.
    if (reading.confidence && /confidence:[^\n]*\n/i.test(text)) shown.push(words("p", `Confidence ${reading.confidence} of 10`));
    if (reading.rationale) shown.push(quoted(reading.rationale));
    this.#parts.rest.replaceChildren(...shown);
    this.#tell(state);
  }

  /** All of it; `by` says who answered, where it was not the model in this browser. */
  finish(reading, text, levels, state, by) {
    this.element.classList.remove("writing");
    Object.assign(this, { reading, text, levels, by });
    this.#say(reading);
    const { rest } = this.#parts;
    rest.replaceChildren();
    if (reading.gauge) rest.append(pictureOf(reading), record(reading.gauge, this.about.run, by));
    else rest.append(words("p", `It stated no confidence that can be read: ${visible(reading.failure ?? "nothing was said")}.`, "minor"));
    if (reading.rationale) rest.append(quoted(reading.rationale));
    const details = document.createElement("details");
    const raw = foreign("pre", text);
    details.append(words("summary", "The response as it stands"), raw);
    rest.append(details);
    this.#tell(state);
  }

  /** It was left before it was done. */
  leave(note) {
    this.element.classList.remove("writing");
    this.#parts.speed.textContent = note;
  }

  /** In words, for those who do not see it. */
  spoken() {
    const { answer, confidence } = this.reading;
    const sure = confidence ? `Confidence ${confidence} of 10.` : "No confidence was stated.";
    return `${visible(answer ?? "No answer could be read")}. ${sure}`;
  }

  #say({ answer }) {
    const { said } = this.#parts;
    const next = answer ? foreign("p", answer, "said") : words("p", this.reading ? "no answer could be read" : "", "said none");
    said.replaceWith(next);
    this.#parts.said = next;
  }

  #tell(state) {
    if (!state) return;
    const parts = [`${state.drawn} tokens`];
    if (state.speed) parts.push(`${Math.round(state.speed)} a second`);
    if (state.waited > 100) parts.push(`the question was read in ${(state.waited / 1000).toFixed(1)} s`);
    this.#parts.speed.textContent = parts.join(", ");
  }
}

function quoted(text) {
  const quote = document.createElement("blockquote");
  quote.append(foreign("span", text));
  return quote;
}

function pictureOf({ confidence, gauge }) {
  return gauge.drawing ? drawing(gauge.drawing) : words("p", `Confidence ${confidence} of 10`);
}

/** What is known of the level, and of which questions. */
function record(gauge, run, by) {
  const element = document.createElement("div");
  element.className = "record";
  if (!gauge.record) {
    const none = by === "other"
      ? "There is no record here of the model that said this."
      : "There is no record of this model asked in this way: its confidence was not measured.";
    element.append(words("p", none, "minor"));
    return element;
  }
  element.append(words("p", gauge.record));
  if (gauge.of_kind) {
    element.append(words("p", `On questions of this kind (${gauge.of_kind.kind}): ${lower(gauge.of_kind.words)}`));
  }
  if (by === "other") {
    element.append(words("p", "Measured by the server that answered; your question may differ.", "minor"));
    return element;
  }
  const note = words("p", "", "minor");
  const set = run?.questions ?? "the questions of its evaluation";
  note.append(`Measured on ${set}; your question may differ.`);
  if (run) {
    const link = words("a", "The whole evaluation");
    link.href = document.getElementById("demo").dataset.run;
    note.append(" ", link);
  }
  element.append(note);
  return element;
}

const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);

/** Says aloud what came of all sides. */
export function announce(cards) {
  const names = { before: "Before teaching", after: "After teaching" };
  const said = cards.filter((card) => card.reading).map((card) => `${cards.length > 1 ? `${names[card.side]}: ` : ""}${card.spoken()}`);
  speak(said.join(" "));
}
