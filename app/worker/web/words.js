// Text and numbers, as the pages write them.

export const place = (id) => document.getElementById(id);
export const number = new Intl.NumberFormat("en");

/** Sizes in megabytes: `42 of 118 MB`. */
export function megabytes(...bytes) {
  const each = bytes.map((one) => number.format(Math.round(one / 1e6)));
  return `${each.join(" of ")} MB`;
}

/** A time in the coarsest words that help. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** Control characters and marks that turn the direction of text, shown as what they are. */
export function visible(text) {
  const named = (character) => {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  };
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, named);
}

/** An element with text from a model or a visitor: text, never markup. */
export function foreign(tag, text, className) {
  const element = document.createElement(tag);
  const inner = document.createElement("bdi");
  inner.className = "foreign";
  inner.textContent = visible(text);
  element.append(inner);
  if (className) element.className = className;
  return element;
}

/** An element of our own words. */
export function words(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** A drawing that the module has made and escaped. */
export function drawing(svg, tag = "div", className = "drawing") {
  const element = document.createElement(tag);
  element.className = className;
  element.innerHTML = svg;
  return element;
}

/** What is said to those who do not see the page change. */
export function speak(text) {
  if (place("spoken").textContent !== text) place("spoken").textContent = text;
}
