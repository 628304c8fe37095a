// Reads and measures the visitor's file. This worker's own policy lets it load its two scripts and
// nothing else: what it reads cannot leave it but for the page.

import init, { YourFile } from "./your_file.js";

/** Bytes read at one go. */
const SLICE_BYTES = 4 * 1024 * 1024;
/** Resamples before the first intervals are shown, between two looks after that, and at one go. */
const FIRST_RESAMPLES = 100;
const RESAMPLES_SHOWN = 200;
const RESAMPLES_AT_ONCE = 50;
/** Milliseconds that a step may take before the next one is made smaller. */
const STEP_MS_MAX = 400;

let wasm, session, file;
/** The page numbers what it asks for: work for an older question is left. */
let question = 0;

const say = (kind, more = {}) => postMessage({ kind, question, ...more });

/** Lets messages in that came meanwhile. */
function pause() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}

/** Thrown where a newer question has come. */
const LEFT = Symbol("left");

async function breathe(mine) {
  await pause();
  if (mine !== question) throw LEFT;
}

/** Hands the file over slice by slice; the next is read while one is taken. */
async function slices(mine, words, take) {
  const read = (at) => file.slice(at, at + SLICE_BYTES).arrayBuffer();
  let next = read(0);
  for (let at = 0; at < file.size; at += SLICE_BYTES) {
    const bytes = new Uint8Array(await next);
    if (mine !== question) throw LEFT;
    next = at + SLICE_BYTES < file.size ? read(at + SLICE_BYTES) : null;
    // Were it to fail while a slice is taken, that is told when it is waited for.
    next?.catch(() => {});
    take(bytes);
    say("progress", {
      words,
      done: Math.min(at + SLICE_BYTES, file.size),
      all: file.size,
      rows: session.rows(),
    });
  }
}

async function look(mine) {
  const head = await file.slice(0, YourFile.headBytes()).arrayBuffer();
  if (mine !== question) throw LEFT;
  const { whole, plan } = JSON.parse(session.look(file.name, file.size, new Uint8Array(head)));
  if (!whole) return plan;
  await slices(mine, "Reading", (bytes) => session.hold(bytes));
  return JSON.parse(session.lookWhole());
}

async function measure(mine, chosen, title) {
  const needsBytes = JSON.parse(session.begin(JSON.stringify(chosen)));
  if (needsBytes) {
    await slices(mine, "Reading", (bytes) => session.push(bytes));
  } else {
    while (!JSON.parse(session.step())) {
      say("progress", { words: "Reading samples", rows: session.rows() });
      await breathe(mine);
    }
  }
  say("progress", { words: "Measuring", rows: session.rows() });
  await breathe(mine);
  say("figures", { figures: JSON.parse(session.measure(title)) });
  await breathe(mine);
  say("figures", { figures: JSON.parse(session.band()) });
  await breathe(mine);
  await refine(mine);
}

/** Few resamples first, so that intervals come at once; then more. */
async function refine(mine, from = 0) {
  const all = YourFile.resamples();
  let [done, shown, step] = [from, from, RESAMPLES_AT_ONCE];
  while (done < all) {
    const until = Math.min(all, done + step);
    const began = performance.now();
    const figures = JSON.parse(session.advanceTo(until));
    const took = performance.now() - began;
    done = until;
    const isDue = shown === 0 ? done >= FIRST_RESAMPLES : done - shown >= RESAMPLES_SHOWN;
    if (isDue || done === all) {
      shown = done;
      say("refined", { figures, done, all });
    } else {
      say("progress", { words: "Refining the intervals", done, all, unit: "resamples" });
    }
    if (took > STEP_MS_MAX) step = Math.max(1, Math.floor((step * STEP_MS_MAX) / took / 2));
    await breathe(mine);
  }
}

const answers = {
  async module(mine, { module }) {
    wasm = await init({ module_or_path: module });
    session = new YourFile();
    say("ready");
  },

  async open(mine, { file: opened, title }) {
    file = opened;
    const plan = await look(mine);
    say("plan", { plan, name: file.name, size: file.size, isNew: true });
    if (!plan.missing) await measure(mine, {}, title);
  },

  async read(mine, { chosen, title }) {
    await measure(mine, chosen, title);
  },

  /** Back to what was measured last. */
  async again(mine) {
    const figures = JSON.parse(session.figures());
    const isRefining = session.isRefining();
    say("figures", { figures, isRefining });
    if (isRefining) await refine(mine, figures.resamples);
  },

  async share(mine, { fragment }) {
    file = undefined;
    say("figures", { figures: JSON.parse(session.openLink(fragment)) });
  },
};

/** Asked beside the work under way, and answered at once. */
const asides = {
  plan({ chosen }) {
    say("plan", { plan: JSON.parse(session.plan(JSON.stringify(chosen))) });
  },
  draw({ bins }) {
    say("pieces", { pieces: JSON.parse(session.draw(bins)) });
  },
  name({ title }) {
    say("named", { figures: JSON.parse(session.name(title)) });
  },
  download({ name, picture }) {
    say("download", { name, picture, text: session.download(name) });
  },
  cancel({ question: next }) {
    question = next;
  },
};

function tell(error) {
  if (error === LEFT) return;
  // What the module refuses, it says in JSON.
  if (typeof error === "string") return say("trouble", { trouble: JSON.parse(error) });
  if (error instanceof DOMException) {
    return say("trouble", {
      trouble: {
        title: "The file cannot be read.",
        text: `The browser says: ${error.message}`,
        next: "It may be a folder, or have been changed or moved since it was chosen. Choose it again.",
      },
    });
  }
  // The module has stopped, and cannot go on.
  say("broken", { bytes: wasm?.memory.buffer.byteLength ?? 0, text: String(error) });
}

onmessage = async ({ data }) => {
  try {
    if (data.kind in asides) return asides[data.kind](data);
    question = data.question;
    await answers[data.kind](question, data);
  } catch (error) {
    // What an older question came to is no matter any more, unless the module has stopped.
    const isOld = data.question !== question && !(error instanceof WebAssembly.RuntimeError);
    if (!isOld) tell(error);
  }
};
