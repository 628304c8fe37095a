// Words of a rationale that the samples bear out or contradict: selected by pointer, touch or keys, and
// marked. Places are UTF-16 code units of the text as the server sent it.

const SPANS_MAX = 100;
const FOREIGN_CHARACTERS_MAX = 20_000;
const VERDICTS = { "born-out": "born out", contradicted: "contradicted" };

/** Control characters and marks that turn the direction of text, shown as what they are. */
const visible = (text) =>
  text
    .replace(/[\0-\x08\x0b-\x1f]/g, (one) => String.fromCharCode(0x2400 + one.charCodeAt(0)))
    .replace(/\x7f/g, "\u2421")
    .replace(/[\x80-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, (one) =>
      `[U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

/** Very long text is cut, with a word. */
const cut = (text) => {
  const characters = text.length > FOREIGN_CHARACTERS_MAX ? [...text] : [];
  const more = characters.length - FOREIGN_CHARACTERS_MAX;
  if (more <= 0) return [text, ""];
  return [characters.slice(0, FOREIGN_CHARACTERS_MAX).join(""), `… (${more.toLocaleString("en")} character${more === 1 ? "" : "s"} more)`];
};

const foreign = (text) => visible(cut(text).join(""));

const marks = (() => {
  const sides = [...document.querySelectorAll("#item blockquote[data-side]")].map((quote) => ({
    quote,
    box: quote.querySelector("bdi"),
    list: document.querySelector(`ul[data-marks="${quote.dataset.side}"]`),
    name: quote.closest("section").querySelector("h3").textContent,
    text: "",
    words: [],
  }));
  const told = document.getElementById("marked");
  const template = document.getElementById("mark-template");
  const isOn = template !== null;
  let spans = [];
  // Words from `first` to `last` of a side; `end` is where keys extend it.
  let picked = null;
  let changed = () => {};

  const say = (words) => { if (told) told.textContent = words; };

  const wordsOf = (text) => {
    if ("Segmenter" in Intl) {
      const segments = [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)];
      return segments
        .filter(({ isWordLike }) => isWordLike)
        .map(({ index, segment }) => ({ start: index, end: index + segment.length }));
    }
    return [...text.matchAll(/[\p{L}\p{M}\p{N}]+/gu)].map(({ index, 0: word }) => ({ start: index, end: index + word.length }));
  };

  const draw = (index) => {
    const side = sides[index];
    const own = spans.filter((span) => span.side === index).sort((one, other) => one.start - other.start);
    const [text, rest] = cut(side.text);
    const parts = document.createDocumentFragment();
    let mark = null;
    let place = 0;
    let next = 0;
    const put = (end, word) => {
      if (end <= place) return;
      const shown = visible(text.slice(place, end));
      const inside = own.find((span) => span.start <= place && end <= span.end);
      if (inside !== mark?.span) mark = null;
      if (inside && !mark) {
        const element = document.createElement("mark");
        element.className = inside.verdict;
        parts.append(element);
        mark = { span: inside, element };
      }
      const into = mark?.element ?? parts;
      if (word === undefined) into.append(shown);
      else {
        const element = document.createElement("span");
        element.className = "word";
        element.dataset.word = word;
        element.append(shown);
        into.append(element);
      }
      place = end;
      if (inside && place === inside.end) {
        const told = document.createElement("span");
        told.className = "unseen";
        told.append(` [${VERDICTS[inside.verdict]}]`);
        into.append(told);
      }
    };
    // Pieces end where a word or a mark does.
    const edges = [...new Set([...own.flatMap(({ start, end }) => [start, end]), ...side.words.flatMap(({ start, end }) => [start, end]), text.length])]
      .filter((edge) => edge <= text.length)
      .sort((one, other) => one - other);
    for (const edge of edges) {
      while (side.words[next] && side.words[next].end <= place) next += 1;
      const word = side.words[next];
      const isWord = isOn && word && word.start <= place && edge <= word.end;
      put(edge, isWord ? next : undefined);
    }
    parts.append(rest);
    side.box.replaceChildren(parts);
    if (side.list) {
      side.list.hidden = own.length === 0;
      side.list.replaceChildren(...own.map((span) => row(side, span)));
    }
    paint();
  };

  const row = (side, span) => {
    const one = template.content.firstElementChild.cloneNode(true);
    const words = visible(side.text.slice(span.start, span.end));
    const [verdict, of] = [one.querySelector("[data-slot=verdict]"), one.querySelector("[data-slot=of]")];
    verdict.className = `sample ${span.verdict}`;
    verdict.textContent = VERDICTS[span.verdict];
    one.querySelector("[data-slot=words]").textContent = words;
    of.textContent = ` the mark on ${words}`;
    one.querySelector("button").addEventListener("click", () => {
      spans = spans.filter((other) => other !== span);
      redraw(span.side);
      // The button is gone: the focus goes to the next one, or to the rationale's name.
      const name = side.quote.closest("section").querySelector("h3");
      name.tabIndex = -1;
      (side.list.querySelector("button") ?? name).focus({ preventScroll: true });
    });
    return one;
  };

  const redraw = (index) => {
    draw(index);
    changed();
  };

  /** Shows which words are selected. */
  const paint = () => {
    for (const [index, { box }] of sides.entries()) {
      for (const element of box.querySelectorAll(".word")) {
        const word = Number(element.dataset.word);
        const isPicked = picked?.side === index && picked.first <= word && word <= picked.last;
        element.classList.toggle("picked", isPicked);
        element.classList.toggle("at", isPicked && picked.end === word);
      }
    }
  };

  const pick = (side, first, last, end = last) => {
    picked = first === null ? null : { side, first: Math.min(first, last), last: Math.max(first, last), end };
    paint();
  };

  const pickedText = () => {
    const { text, words } = sides[picked.side];
    return visible(text.slice(words[picked.first].start, words[picked.last].end));
  };

  /** Takes a stretch out of the marks of a side; what stands before and after it stays. */
  const clear = (side, start, end) => {
    spans = spans.flatMap((span) => {
      if (span.side !== side || span.end <= start || end <= span.start) return [span];
      return [{ ...span, end: start }, { ...span, start: end }]
        .filter((rest) => rest.start < rest.end && /\S/.test(sides[side].text.slice(rest.start, rest.end)));
    });
  };

  const mark = (verdict) => {
    if (!isOn) return;
    if (!picked) {
      say("Select words first.");
      return;
    }
    const { side, first, last } = picked;
    const { words } = sides[side];
    const [start, end] = [words[first].start, words[last].end];
    const said = pickedText();
    clear(side, start, end);
    if (spans.length >= SPANS_MAX) {
      say(`No more than ${SPANS_MAX} marks fit: remove one first.`);
      return;
    }
    spans.push({ side, start, end, verdict });
    say(`Marked as ${VERDICTS[verdict]}: ${said}`);
    getSelection()?.removeAllRanges();
    // By keys one goes on from here; by pointer one is through with these words.
    if (sides[side].quote.getAttribute("role") !== "application") picked = null;
    redraw(side);
  };

  const unmark = () => {
    if (!picked) return;
    const { side, first, last } = picked;
    const { words } = sides[side];
    clear(side, words[first].start, words[last].end);
    say("No mark here.");
    redraw(side);
  };

  // By pointer: what is selected as text, or word by word: one click begins, another extends.
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    if (!isOn || !selection || selection.isCollapsed || selection.rangeCount === 0) return;
    const range = selection.getRangeAt(0);
    const index = sides.findIndex(({ box }) => box.contains(range.commonAncestorContainer) || box.parentElement === range.commonAncestorContainer);
    if (index < 0) return;
    const chosen = [...sides[index].box.querySelectorAll(".word")].filter((element) => {
      const inside = document.createRange();
      inside.selectNodeContents(element);
      // Touching an end is not enough.
      return range.compareBoundaryPoints(Range.END_TO_START, inside) < 0 && range.compareBoundaryPoints(Range.START_TO_END, inside) > 0;
    });
    if (chosen.length === 0) return;
    const [first, last] = [chosen[0], chosen.at(-1)].map((element) => Number(element.dataset.word));
    pick(index, first, last);
  });
  for (const [index, { box, quote }] of sides.entries()) {
    box.addEventListener("click", ({ target }) => {
      if (!isOn || !(getSelection()?.isCollapsed ?? true)) return;
      const element = target.closest(".word");
      if (!element) return;
      const word = Number(element.dataset.word);
      if (picked?.side !== index) pick(index, word, word);
      else if (picked.first <= word && word <= picked.last) pick(index, null);
      else pick(index, Math.min(picked.first, word), Math.max(picked.last, word), word);
      if (picked) say(`Selected: ${pickedText()}`);
    });
    quote.addEventListener("keydown", (event) => {
      if (quote.getAttribute("role") !== "application" || event.ctrlKey || event.metaKey || event.altKey) return;
      const last = sides[index].words.length - 1;
      const at = picked?.side === index ? picked.end : -1;
      const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last, ArrowUp: at - 8, ArrowDown: at + 8 };
      if (event.key in moves) {
        const to = Math.max(0, Math.min(last, moves[event.key]));
        // The end that stays while the other moves.
        const from = event.shiftKey && at >= 0 ? (picked.end === picked.last ? picked.first : picked.last) : to;
        pick(index, from, to, to);
        say(`${pickedText()}`);
      } else if (event.key === "m") mark("born-out");
      else if (event.key === "c") mark("contradicted");
      else if (["Delete", "Backspace"].includes(event.key)) unmark();
      else if (event.key === "Escape") document.getElementById("mark-words").focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    quote.addEventListener("blur", () => {
      for (const name of ["role", "tabindex", "aria-label", "aria-roledescription"]) quote.removeAttribute(name);
      document.getElementById("mark-words")?.setAttribute("aria-pressed", "false");
    });
  }

  /** The words get the keys: arrows move, Shift extends. */
  const byKeys = () => {
    if (!isOn) return;
    const index = picked?.side ?? 0;
    const side = sides[index];
    if (side.words.length === 0) return;
    const attributes = {
      role: "application",
      tabindex: "0",
      "aria-roledescription": "words",
      "aria-label": `${side.name}: arrows move from word to word, Shift extends, m marks as born out, c as contradicted, Delete removes a mark, Escape ends`,
    };
    for (const [name, value] of Object.entries(attributes)) side.quote.setAttribute(name, value);
    document.getElementById("mark-words").setAttribute("aria-pressed", "true");
    side.quote.focus();
    if (!picked) pick(index, 0, 0);
    say(pickedText());
  };

  const wire = (id, act) => {
    const button = document.getElementById(id);
    // The selection stays while the button is pressed.
    button?.addEventListener("pointerdown", (event) => event.preventDefault());
    button?.addEventListener("click", act);
  };
  wire("born-out", () => mark("born-out"));
  wire("contradicted", () => mark("contradicted"));
  // With two rationales the button leads to one, then to the other.
  wire("mark-words", () => {
    if (document.activeElement?.id === "mark-words" && picked && sides.length > 1) pick((picked.side + 1) % sides.length, 0, 0);
    byKeys();
  });

  return {
    mark,
    byKeys,
    heard(listener) { changed = listener; },
    spans: () => spans,
    show(texts, given) {
      picked = null;
      spans = given.map((span) => ({ ...span }));
      say("");
      for (const [index, side] of sides.entries()) {
        side.text = texts[index] ?? "";
        side.words = wordsOf(cut(side.text)[0]);
        draw(index);
      }
    },
  };
})();
