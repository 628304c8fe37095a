// "Guess with me": ten questions to the visitor, then both diagrams.

import { drawing, foreign, place, speak, visible, words } from "./words.js";

const QUESTIONS = 10;

/** So many different places of a list, at random. */
function some(count, length) {
  const places = Array.from({ length }, (_, place) => place);
  for (let at = 0; at < Math.min(count, length); at += 1) {
    const other = at + Math.floor(Math.random() * (length - at));
    [places[at], places[other]] = [places[other], places[at]];
  }
  return places.slice(0, count);
}

/** Wires the section; `compare(guesses)` asks the module. */
export function wire(about, compare) {
  if (!place("guess")) return;
  place("guess").hidden = about.questions.length < QUESTIONS;
  if (place("guess").hidden) return;
  let asked, guesses;
  const form = place("guess-form");
  const show = (name) => {
    for (const [id, state] of [["guess-form", "asking"], ["guess-result", "done"]]) place(id).hidden = name !== state;
    place("begin-guess").parentElement.hidden = name !== "idle";
    place("guess").dataset.state = name;
  };
  const ask = () => {
    const question = about.questions[asked[guesses.length]].question;
    place("guess-count").textContent = `Question ${guesses.length + 1} of ${QUESTIONS}`;
    place("guess-question").replaceChildren(foreign("span", question));
    form.reset();
    place("guess-answer").focus();
  };
  const begin = () => {
    [asked, guesses] = [some(QUESTIONS, about.questions.length), []];
    show("asking");
    ask();
  };
  place("begin-guess").addEventListener("click", begin);
  place("again-guess").addEventListener("click", begin);
  place("stop-guess").addEventListener("click", () => {
    show("idle");
    place("begin-guess").focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const confidence = Number(new FormData(form).get("level"));
    guesses.push({ question: asked[guesses.length], answer: place("guess-answer").value, confidence });
    if (guesses.length < QUESTIONS) return ask();
    const compared = await compare(guesses);
    // Why it could not is told; the last answer can be given again.
    if (!compared) return void guesses.pop();
    draw(compared);
    show("done");
    place("guess-result").scrollIntoView({ block: "nearest" });
    speak(compared.words.join(" "));
  });
  show("idle");
}

function draw({ judged, yours, its, words: told }) {
  place("guess-words").replaceChildren(...told.map((text) => words("p", text)));
  place("your-chart").replaceChildren(drawing(yours));
  place("its-chart").replaceChildren(drawing(its));
  const outcome = (correct) => words("span", correct ? "✓ right" : "✗ wrong", `outcome ${correct ? "right" : "wrong"}`);
  const cell = (text, confidence, correct) => {
    const element = document.createElement("td");
    const sure = confidence ? `${confidence} of 10` : "no confidence";
    element.append(foreign("span", text || "–"), ` (${sure}) `, outcome(correct));
    return element;
  };
  const rows = judged.map((one) => {
    const row = document.createElement("tr");
    const head = foreign("th", one.question);
    head.scope = "row";
    row.append(head, foreign("td", visible(one.gold)), cell(one.yours, one.confidence, one.correct), cell(one.its, one.its_confidence, one.its_correct));
    return row;
  });
  place("guess-rows").replaceChildren(...rows);
}
