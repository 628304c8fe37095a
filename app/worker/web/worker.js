// Runs the model. This worker's own policy lets it load its scripts and nothing else: what is asked of
// it cannot leave it but for the page.

/** Milliseconds between two words of what is being written. */
const TOLD_MS = 60;

let wasm, demo;
/** Reads what models say of which there is no record here. */
let unmeasured;
/** The number of what is asked: work for an older one is left. */
let asking = 0;

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

/** Asks and computes until it is done or left; tells of texts, and of how fast they come. */
async function ask({ side, question, times, seed }, tell) {
  const mine = (asking += 1);
  demo.ask(JSON.stringify(side), question, JSON.stringify(times), seed);
  const began = performance.now();
  let [told, drawn, first] = [0, 0, 0];
  for (;;) {
    const { drawn: tokens, done, texts } = JSON.parse(demo.pass());
    const now = performance.now();
    drawn += tokens;
    // The first tokens come of the prompt, whose time is no matter of theirs.
    if (first === 0 && drawn > 0) first = now;
    const seconds = (now - first) / 1000;
    const speed = drawn > texts.length && seconds > 0 ? (drawn - texts.length) / seconds : null;
    const state = { texts, drawn, speed, waited: (first || now) - began };
    if (done) return state;
    if (now - told >= TOLD_MS) {
      told = now;
      tell(state);
    }
    await pause();
    if (mine !== asking) return null;
  }
}

/** What is told of the model, with no record of what it said. */
function withoutRecords(about) {
  const told = JSON.parse(about);
  for (const way of [told.before, told.after]) if (way) way.record = null;
  return JSON.stringify({ ...told, examples: [], questions: [] });
}

const answers = {
  /** Makes the module ready; its memory, where helpers are to share it. */
  async module({ module, flavour, about, helpers }) {
    const { default: init, Demo, expect_helpers } = await import(`./${flavour}/sayself_worker.js`);
    wasm = await init({ module_or_path: module });
    if (helpers > 0) expect_helpers(helpers);
    demo = new Demo();
    demo.about(about);
    unmeasured = new Demo();
    unmeasured.about(withoutRecords(about));
    return helpers > 0 ? wasm.memory : null;
  },
  begin: ({ bytes }) => void demo.begin(bytes),
  piece: ({ bytes }) => void demo.push(new Uint8Array(bytes)),
  /** How fast a text is read, as it is and none of it known before. */
  measure({ prompt }) {
    const began = performance.now();
    const tokens = JSON.parse(demo.prompt(prompt));
    while (!JSON.parse(demo.pass()).done);
    return { tokens, seconds: (performance.now() - began) / 1000 };
  },
  load: ({ sha256 }) => void demo.load(sha256),
  adapt: ({ config, sha256 }) => void demo.adapt(config, sha256),
  ask,
  leave() {
    asking += 1;
    demo.leave();
  },
  read: ({ side, question, text, levels, id, isMeasured = true }) =>
    JSON.parse((isMeasured ? demo : unmeasured).read(JSON.stringify(side), question, text, JSON.stringify(levels ?? null), id)),
  cluster: ({ texts, stated, rationale, question }) =>
    JSON.parse(demo.cluster(JSON.stringify(texts), stated ?? "", rationale ?? "", question)),
  compare: ({ guesses }) => JSON.parse(demo.compare(JSON.stringify(guesses))),
  memory: () => wasm.memory.buffer.byteLength,
};

onmessage = async ({ data }) => {
  const { kind, call } = data;
  try {
    const value = await answers[kind](data, (state) => postMessage({ call, kind: "progress", state }));
    postMessage({ call, kind: "done", value });
  } catch (error) {
    // What the module refuses, it says in JSON; all else has stopped it.
    if (typeof error === "string") postMessage({ call, kind: "trouble", trouble: JSON.parse(error) });
    else postMessage({ call, kind: "broken", text: String(error), bytes: wasm?.memory.buffer.byteLength ?? 0 });
  }
};
