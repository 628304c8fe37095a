// An answer as a picture to be sent around: drawn here, in the light theme.

import { visible } from "./words.js";

const WIDTH = 1200;
const MARGIN = 64;
const GAUGE = { width: 960, height: 256 };

/** A colour of the style sheet in the light theme. */
function colour(name) {
  const probe = document.createElement("span");
  probe.style.colorScheme = "light";
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Lines of a text that fit a width; a word that does not is cut. */
function lines(pen, text, width) {
  const found = [];
  let line = "";
  const push = (part) => {
    if (pen.measureText(line + part).width <= width || line === "") line += part;
    else {
      found.push(line);
      line = part.trimStart();
    }
  };
  for (const word of visible(text).replaceAll("\n", " ").split(/(?<= )/)) {
    if (pen.measureText(word).width <= width) push(word);
    else for (const character of word) push(character);
  }
  return [...found, line];
}

async function gaugeOf(svg) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  return picture;
}

/** The picture of one side's answer, as a PNG. */
export async function drawn({ question, reading, source }) {
  const { serif, sans } = Object.fromEntries(
    ["serif", "sans"].map((name) => [name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)]),
  );
  const gauge = reading.gauge?.drawing ? await gaugeOf(reading.gauge.drawing) : null;
  const [text, muted, paper, line] = ["--text", "--muted", "--paper", "--after"].map(colour);
  const blocks = [
    { text: question, font: `40px ${serif}`, height: 52, colour: muted, most: 4, after: 20 },
    { text: reading.answer ?? "no answer could be read", font: `600 76px ${serif}`, height: 92, colour: text, most: 3, after: 28 },
    gauge && { gauge, after: 8 },
    reading.gauge?.record && { text: reading.gauge.record, font: `30px ${sans}`, height: 42, colour: text, most: 3, after: 24 },
    reading.rationale && { text: `“${reading.rationale}”`, font: `italic 34px ${serif}`, height: 48, colour: text, most: 6, after: 28 },
    { text: source, font: `24px ${sans}`, height: 34, colour: muted, most: 2, after: 0 },
  ].filter(Boolean);
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const width = WIDTH - 2 * MARGIN;
  for (const block of blocks) {
    pen.font = block.font ?? "10px sans-serif";
    block.lines = block.gauge ? [] : lines(pen, block.text, width).slice(0, block.most);
  }
  const height = blocks.reduce((sum, block) => sum + (block.gauge ? GAUGE.height : block.lines.length * block.height) + block.after, 2 * MARGIN);
  canvas.width = WIDTH;
  canvas.height = height;
  pen.fillStyle = paper;
  pen.fillRect(0, 0, WIDTH, height);
  pen.fillStyle = line;
  pen.fillRect(0, 0, WIDTH, 12);
  let y = MARGIN;
  for (const block of blocks) {
    if (block.gauge) {
      pen.drawImage(block.gauge, MARGIN, y, GAUGE.width, GAUGE.height);
      y += GAUGE.height;
    }
    pen.font = block.font ?? "10px sans-serif";
    pen.fillStyle = block.colour ?? text;
    pen.textBaseline = "top";
    for (const one of block.lines) {
      pen.fillText(one, MARGIN, y);
      y += block.height;
    }
    y += block.after;
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
