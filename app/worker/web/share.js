// An answer in the address's fragment: whoever opens the link sees the same, with nothing stored anywhere.
// What comes of a link is its maker's word, and is read as such.

const MARK = "#answer=1.";
/** Characters of a fragment, of a question, of a response and of a sample that are read. */
const FRAGMENT_MAX = 16 * 1024;
const QUESTION_MAX = 500;
const RESPONSE_MAX = 4_000;
const SAMPLE_MAX = 400;
const SAMPLES_MAX = 10;
const SIDES = ["before", "after"];
/** Who answered, where it was not the model in the browser: the same on a server, or one that has no record here. */
const OTHERS = ["server", "other"];

function base64(text) {
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function text64(coded) {
  const binary = atob(coded.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (byte) => byte.charCodeAt(0)));
}

/** The fragment of what is shown; null where it is too long for an address. */
export function fragmentOf({ question, sides, samples }) {
  const rounded = (levels) => levels?.map((level) => Math.round(level * 1000) / 1000) ?? null;
  const said = Object.fromEntries(sides.map(({ side, text, levels, by }) => [side, [text, rounded(levels), ...(by ? [by] : [])]]));
  const fragment = MARK + base64(JSON.stringify({ question, said, samples }));
  return fragment.length <= FRAGMENT_MAX ? fragment : null;
}

const isText = (text, most) => typeof text === "string" && text.length <= most;
const isLevels = (levels) =>
  levels === null || (Array.isArray(levels) && levels.length === 10 && levels.every((level) => level >= 0 && level <= 1));

/** What a fragment holds; null where it holds no answer, or one that cannot be. */
export function readFragment(fragment) {
  if (!fragment.startsWith(MARK) || fragment.length > FRAGMENT_MAX) return null;
  try {
    const { question, said, samples } = JSON.parse(text64(fragment.slice(MARK.length)));
    const sides = SIDES.filter((side) => Array.isArray(said[side])).map((side) => {
      const [text, levels, by = null] = said[side];
      return { side, text, levels, by };
    });
    const isSound =
      isText(question, QUESTION_MAX) &&
      sides.length > 0 &&
      sides.every(({ text, levels, by }) => isText(text, RESPONSE_MAX) && isLevels(levels) && (by === null || OTHERS.includes(by))) &&
      (samples === null || (Array.isArray(samples) && samples.length <= SAMPLES_MAX && samples.every((text) => isText(text, SAMPLE_MAX))));
    return isSound ? { question, sides, samples } : null;
  } catch {
    return null;
  }
}
