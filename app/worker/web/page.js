// The demo's page: consent, the model's files, a question asked of both sides, and what is told of the
// answers. What is typed goes to the worker alone.

import { BrokenOff, fetchFile, keptBytes, seldom } from "./fetching.js";
import * as guess from "./guess.js";
import { forgetPage, keepPage } from "./keeping.js";
import { Model, Stopped, Trouble, flavour } from "./model.js";
import { canUnpack, jsonAt } from "./packed.js";
import { drawn } from "./picture.js";
import { Remote } from "./remote.js";
import { AnswerCard, announce } from "./result.js";
import * as samples from "./samples.js";
import { fragmentOf, readFragment } from "./share.js";
import { Full, openMemory, openStore } from "./store.js";
import { duration, megabytes, place, speak, visible } from "./words.js";

const LOCK = "sayself-demo";
/** Milliseconds between two looks at what another tab has fetched. */
const WAITING_MS = 500;
/** Gigabytes that a device says it has, below which the model cannot be held. */
const DEVICE_GB_MIN = 1;
const SAMPLES = 10;
const SAMPLE_SEEDS = 2 ** 32;
/** States in which the model is to be fetched, and in which it is on its way. */
const AWAY = ["none", "broken-off", "stopped", "full"];
const COMING = ["fetching", "waiting"];

const folder = new URL(place("demo").dataset.folder, location.href);
const web = new URL("web/", folder);

let about, files, bytes, kind, store;
/** The worker, once it runs, and whether the model is in it. */
let worker, isLoaded;
/** The model on the server, while that is the one that is asked. */
let remote = null;
/** What is asked as soon as the model is there. */
let pending = null;
let cards = [];
/** What is shown: question, and the texts of its samples. */
let shown = null;
let fetching = null;

/** `none`, `fetching`, `waiting`, `broken-off`, `stopped`, `full`, `kept`, `opening`, `ready`, `asking` or `unfit`. */
function state(name) {
  // What goes on behind a server that is asked is not shown.
  if (remote && name !== "ready" && name !== "asking") return;
  place("demo").dataset.state = name;
  place("at-server").hidden = !remote;
  place("stays").hidden = Boolean(remote);
  if (place("goes")) place("goes").hidden = !remote;
  if (remote) return atServer(name);
  const isUnderWay = name === "opening" || COMING.includes(name);
  place("model").hidden = !isUnderWay && !AWAY.includes(name);
  place("fetching").hidden = !isUnderWay;
  place("fetch").hidden = isUnderWay;
  place("stop-fetch").hidden = !COMING.includes(name);
  place("kept").hidden = !["kept", "ready", "asking"].includes(name);
  place("ask-form").hidden = name === "unfit";
  place("cancel").hidden = name !== "asking";
  place("ask").hidden = name === "asking";
  // Its worker would end in the middle of a word.
  place("remove").disabled = name === "asking";
  if (["kept", "ready"].includes(name)) place("kept-text").textContent = keptWords();
  if (name !== "unfit") place("trouble").hidden = true;
  remember(["kept", "ready", "asking"].includes(name) && store?.keeps);
}

/** What is shown while the model on the server is asked. */
function atServer(name) {
  for (const id of ["model", "kept", "unfit", "trouble"]) place(id).hidden = true;
  place("ask-form").hidden = false;
  place("cancel").hidden = name !== "asking";
  place("ask").hidden = name === "asking";
  place("use-browser").hidden = !canBrowse();
  place("use-browser").disabled = name === "asking";
}

/** Whether this browser can be offered the model. */
const canBrowse = () => Boolean(about.model && kind);

/** A card for each side that is asked. */
function takeCards() {
  const isTaught = remote ? place("demo").dataset.serverTaught === "true" : Boolean(about.adapter);
  const sides = isTaught && about.after ? ["after", "before"] : ["before"];
  cards = sides.map((side) => new AnswerCard(side, about));
  for (const card of document.querySelectorAll(".answer")) card.hidden = !sides.includes(card.dataset.side);
}

/** From now on the server is asked, or this browser. */
async function askAt(isServer) {
  if (isServer) stopFetching();
  remote?.end();
  remote = isServer ? new Remote(place("demo").dataset.server) : null;
  takeCards();
  for (const id of ["result", "ten", "keep"]) place(id).hidden = true;
  if (!isServer) return begin();
  state("ready");
  speak("The model on this server is asked.");
  if (pending) await askAll(pending);
  else place("question").focus();
}

/** A mark by which the next visit does not offer first what is kept already. */
function remember(isKept) {
  try {
    if (isKept) localStorage.setItem("sayself-demo", "kept");
    else if (place("demo").dataset.state === "none") localStorage.removeItem("sayself-demo");
  } catch {
    // A browser that keeps nothing offers it each time.
  }
}

function keptWords() {
  const size = megabytes(bytes);
  return store.keeps ? `The model is kept in this browser (${size}).` : `The model is in memory (${size}), and gone when this page is closed.`;
}

function note(text) {
  place("model-note").textContent = text;
  place("model-note").hidden = text === "";
}

function trouble({ title, text, next }) {
  place("trouble-browser").hidden = !remote || !canBrowse();
  place("trouble-title").textContent = title;
  place("trouble-text").textContent = visible(text);
  place("trouble-next").textContent = next;
  place("trouble").hidden = false;
}

function unfit(title, text, { again } = {}) {
  state("unfit");
  place("unfit-title").textContent = title;
  place("unfit-text").textContent = text;
  place("unfit").hidden = false;
  const button = place("try-anyway");
  button.hidden = !again;
  button.onclick = () => {
    place("unfit").hidden = true;
    again();
  };
}

export async function start() {
  if (!canUnpack()) {
    if (place("guess")) place("guess").hidden = true;
    return unfit(
      "This browser cannot unpack what runs the model.",
      "Chrome and Edge can since version 80, Firefox since 113 and Safari since 16.4. Open this page in a newer browser; the recorded answers below can be read in any.",
    );
  }
  about = await jsonAt(folder, "about.json");
  files = [about.model, about.adapter?.weights].filter(Boolean);
  bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  listen();
  kind = flavour();
  if (kind) guess.wire(about, (guesses) => inWorker((model) => model.call("compare", { guesses })).catch((error) => void failed(error)));
  else if (place("guess")) place("guess").hidden = true;
  if (!about.model) {
    await askAt(true);
    return follow();
  }
  takeCards();
  if (!kind) {
    return unfit(
      "This browser cannot run the model.",
      "It lacks WebAssembly with SIMD, which Chrome and Edge have since version 91, Firefox since 89 and Safari since 16.4. Open this page in a newer browser; the recorded answers below can be read in any.",
    );
  }
  const memory = navigator.deviceMemory;
  if (memory !== undefined && memory < DEVICE_GB_MIN) {
    return unfit(
      "This device has little memory.",
      `It says ${memory} GB; the model needs about 450 MB of its own. Open this page on a larger device, or try it all the same.`,
      { again: begin },
    );
  }
  await begin();
}

/** Finds out what is kept, and shows what can be done. */
async function begin() {
  store = await openStore();
  if (!store.keeps) {
    note("This browser does not let the page keep files (a private window, or an address without https): the model would be fetched anew on each visit.");
  }
  const kept = await keptOf(store);
  state(kept === bytes ? "kept" : "none");
  if (kept > 0 && kept < bytes) note(`${megabytes(kept)} of it are here already, from a download that broke off.`);
  await follow();
}

async function keptOf(store) {
  let kept = 0;
  for (const file of files) kept += await keptBytes(store, file);
  return kept;
}

// The model's files

function progress(bar, line) {
  place("fetch-bar").value = bar;
  place("fetch-line").textContent = line;
}

/** Fetches what is missing. One tab does; others wait and then find it there. */
async function fetchModel() {
  fetching = new AbortController();
  const { signal } = fetching;
  state("fetching");
  note("");
  try {
    await alone(signal, fetchFiles);
    await store.forgetOthers(files.map(({ sha256 }) => sha256));
    // Asked for, so that the browser does not clear it first of all; it may refuse.
    await navigator.storage?.persist?.().catch(() => {});
    state("kept");
    speak("The model is here.");
    if (store.keeps) startWorker().then((model) => keepPage(folder, model.flavour)).catch(() => {});
    return true;
  } catch (error) {
    const kept = await keptOf(store).catch(() => 0);
    if (signal.aborted) broken("stopped", `Stopped at ${megabytes(kept, bytes)}. What came is kept.`);
    else if (error instanceof Full) await full();
    else if (error instanceof BrokenOff) broken("broken-off", `The connection broke off at ${megabytes(kept, bytes)}. What came is kept: go on when it is back.`);
    else {
      broken("broken-off", `It could not be fetched: ${error.message}.`);
    }
    return false;
  } finally {
    fetching = null;
  }
}

function stopFetching() {
  fetching?.abort(new DOMException("stopped", "AbortError"));
}

function broken(name, text) {
  state(name);
  place("fetch").textContent = "Go on";
  note(text);
  if (!remote) speak(text);
}

async function full() {
  state("full");
  const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  // The disk may be full where the browser would still allow more.
  const left = quota - usage;
  const free = left > 0 && left < bytes ? `, and ${megabytes(left)} are free` : "";
  const text = `The browser has no room to keep it: ${megabytes(bytes)} are needed${free}. Remove data of other sites, or go on without keeping it: then it is fetched anew on each visit.`;
  await store.remove();
  store = openMemory();
  place("fetch").textContent = "Fetch it without keeping it";
  note(text);
  speak(text);
}

async function fetchFiles(signal) {
  state("fetching");
  let came = await keptOf(store);
  const [began, before] = [performance.now(), came];
  const show = seldom(() => {
    const seconds = (performance.now() - began) / 1000;
    const rate = (came - before) / seconds;
    const parts = [megabytes(came, bytes)];
    if (seconds > 1 && rate > 0) parts.push(`${(rate / 1e6).toFixed(1)} MB/s`, `${duration((bytes - came) / rate)} left`);
    if (place("demo").dataset.state === "fetching") progress(came / bytes, parts.join(" · "));
  });
  show();
  for (const file of files) {
    await fetchFile(store, file, new URL(file.address, folder), { signal, told: (more) => ((came += more), show()) });
  }
}

/** Does work that one tab at a time may do. */
async function alone(signal, work) {
  if (!navigator.locks) return work(signal);
  const ifFree = (lock) => (lock ? work(signal).then(() => true) : false);
  if (await navigator.locks.request(LOCK, { ifAvailable: true }, ifFree)) return;
  state("waiting");
  progress(0, "Another tab fetches it; this one waits.");
  speak("Another tab fetches the model; this one waits for it.");
  const look = async () => progress((await keptOf(store)) / bytes, `Another tab fetches it; this one waits. ${megabytes(await keptOf(store), bytes)}`);
  await look();
  const timer = setInterval(look, WAITING_MS);
  try {
    await navigator.locks.request(LOCK, { signal }, () => (clearInterval(timer), work(signal)));
  } finally {
    clearInterval(timer);
  }
}

async function removeModel() {
  endWorker();
  await store.remove();
  await forgetPage();
  store = await openStore();
  offer("Removed: nothing of the model is left in this browser.");
}

/** The model is to be fetched again, at a click alone. */
function offer(text) {
  state("none");
  place("fetch").textContent = `Fetch the model, ${megabytes(bytes)}`;
  note(text);
  speak(text);
  place("fetch").focus();
}

// The worker

async function startWorker() {
  worker ??= Model.start(web, kind, JSON.stringify(about));
  try {
    return await worker;
  } catch (error) {
    worker = undefined;
    if (error instanceof Trouble || error instanceof Stopped) throw error;
    throw new Trouble({ title: "What runs the model cannot be loaded.", text: error.message, next: "Load the page again.", remedy: "none" });
  }
}

/** Asks the module something that needs no model. */
async function inWorker(work) {
  return work(await startWorker());
}

/** Whoever is asked: the server, or the worker. */
const asked = async () => remote ?? startWorker();

function endWorker() {
  worker?.then((model) => model.end()).catch(() => {});
  [worker, isLoaded] = [undefined, false];
}

/** Puts the kept files into the worker; a broken copy is fetched again, once. Whether the model can be asked now. */
async function openModel({ again = true } = {}) {
  if (isLoaded || remote) return true;
  state("opening");
  let done = 0;
  const told = (more) => progress((done += more) / bytes, "Opening the model and checking its copy");
  progress(0, "Opening the model");
  let file;
  try {
    const model = await startWorker();
    for (file of files) {
      await model.push(store, file, told);
      const { sha256 } = file;
      if (file === about.model) await model.call("load", { sha256 });
      else await model.call("adapt", { config: about.adapter.config, sha256 });
    }
    isLoaded = true;
    // The server was chosen meanwhile, and is asked by whoever chose it.
    if (remote) return false;
    state("ready");
    return true;
  } catch (error) {
    if (remote) return false;
    const kept = file ? await keptOf(store).catch(() => 0) : bytes;
    if (kept < bytes) return gone(kept);
    const isBroken = file && error instanceof Trouble && error.trouble.remedy === "fetch-again";
    if (isBroken && again) {
      speak("The copy of the model is broken; it is fetched again.");
      await store.forget(file.sha256);
      if (!(await fetchModel()) || remote) return false;
      return openModel({ again: false });
    }
    state("kept");
    failed(error);
    return false;
  }
}

/** The browser has let go of what it kept, or of a part of it. */
function gone(kept) {
  offer(kept > 0 ? `Only ${megabytes(kept, bytes)} of the model are left in this browser.` : "The model is no longer kept in this browser.");
  return false;
}

/** Says what went wrong in the worker. */
function failed(error) {
  if (error instanceof Trouble) return trouble(error.trouble);
  if (!(error instanceof Stopped)) throw error;
  endWorker();
  if (["ready", "asking"].includes(place("demo").dataset.state)) state("kept");
  const hadMuch = error.bytes > 100e6 || /memory/i.test(error.message);
  trouble(
    hadMuch
      ? { title: "The browser has no more memory.", text: `The model had ${megabytes(error.bytes)}.`, next: "Close other pages and ask again, or open this one on a larger device." }
      : { title: "The model has stopped by a mistake of this page.", text: `The module says: ${error.message}`, next: "Ask again, and please report it." },
  );
}

// Asking

function choose(question) {
  place("question").value = question;
  return submit(question);
}

/** Whether something can be asked now; where the model must be fetched first, its button is shown. */
function canAsk() {
  const now = place("demo").dataset.state;
  if (AWAY.includes(now)) {
    place("model").scrollIntoView({ block: "nearest" });
    speak("The model is to be fetched first.");
    place("fetch").focus();
  }
  return now === "kept" || now === "ready";
}

async function submit(question) {
  if (!question.trim()) return place("question").focus();
  if (canAsk()) return askAll(question);
  const now = place("demo").dataset.state;
  if (AWAY.includes(now) || COMING.includes(now)) pending = question;
  if (COMING.includes(now)) speak("It is asked as soon as the model is here.");
}

async function askAll(question) {
  // Until the model is open, the server may be chosen to answer it.
  pending = question;
  begins(question);
  if (!(await openModel())) return;
  pending = null;
  state("asking");
  place("result").scrollIntoView({ block: "nearest" });
  for (const card of cards) card.begin("Waiting for its turn.");
  try {
    for (const [at, card] of cards.entries()) {
      if (!(await askOne(card, question))) {
        for (const left of cards.slice(at)) left.leave("Cancelled.");
        speak("Cancelled.");
        break;
      }
    }
  } catch (error) {
    for (const card of cards) card.leave("");
    state("ready");
    return failed(error);
  }
  state("ready");
  settle();
  announce(cards);
}

/** Whether it answered; false where it was left. */
async function askOne(card, question) {
  const model = await asked();
  const { side } = card;
  card.begin(remote ? "Sent to the server." : "Reading the question.");
  const read = (text, levels, id) => model.call("read", { side, question, text, levels, id });
  let writing = Promise.resolve();
  const answered = await model.call("ask", { side, question, times: "once", seed: 0 }, (state) => {
    if (state.place) return card.begin(inLine(state.place));
    const { text } = state.texts[0];
    writing = writing.then(async () => card.write(await read(text, null, `gauge-${side}`), text, state));
    writing.catch(() => {});
  });
  await writing.catch(() => {});
  if (!answered) return false;
  const { text, levels } = answered.texts[0];
  const reading = await read(text, levels, `gauge-${side}`);
  card.finish(reading, text, levels, answered, whoSaid(model, side, reading));
  return true;
}

/** `null`: this browser's model; `server`: the same one, there; `other`: one on a server, of which this page has no record. */
function whoSaid(model, side, { confidence, gauge }) {
  if (!(model instanceof Remote)) return null;
  const [right, n] = about[side]?.record?.levels[confidence - 1] ?? [0, 0];
  return n > 0 && gauge?.n === n && gauge.right === right ? "server" : "other";
}

const inLine = (place) => (place === 1 ? "Next in the line." : `Place ${place} in the line.`);

/** A new question is shown, with nothing to it yet. */
function begins(question) {
  shown = { question, samples: null };
  place("asked").replaceChildren(...[document.createElement("bdi")].map((inner) => ((inner.className = "foreign"), (inner.textContent = visible(question)), inner)));
  place("result").hidden = false;
  place("shared-note").hidden = true;
  place("keep").hidden = true;
  place("ten").hidden = true;
  place("ask-ten").hidden = false;
  samples.clear();
  for (const card of cards) card.clear();
}

/** What can be done with answers that are whole. */
function settle() {
  const done = cards.filter((card) => card.reading);
  place("ten").hidden = done.length === 0;
  place("keep").hidden = done.length === 0;
  if (done.length === 0) return;
  const fragment = fragmentOf({ ...shown, sides: done });
  if (fragment && fragment !== location.hash) history.pushState(null, "", fragment);
}

/** Whose self-reflection is set beside samples: the taught one's, where there is one. */
const doubter = () => cards.find((card) => card.reading);

async function askTen() {
  // One at a time: what is under way has a state of its own.
  if (!canAsk()) return;
  const card = doubter();
  const { question } = shown;
  const { answer, rationale } = card.reading;
  if (!(await openModel())) return;
  state("asking");
  place("cancel").hidden = true;
  place("ask-ten").hidden = true;
  place("cancel-ten").hidden = false;
  place("ten-line").hidden = false;
  samples.clear();
  place("ten-line").hidden = false;
  try {
    const model = await asked();
    const clustered = (texts) => model.call("cluster", { texts, stated: answer, rationale, question });
    const show = async ({ texts, drawn, speed }) => {
      const done = texts.filter((text) => text.done).map(({ text }) => text);
      const writing = texts.filter((text) => !text.done).map(({ text }) => text);
      samples.show(await clustered(done), writing, SAMPLES);
      const parts = [`${done.length} of ${SAMPLES} samples`, `${drawn} tokens`];
      if (speed) parts.push(`${Math.round(speed)} a second`);
      place("ten-line").textContent = parts.join(", ");
    };
    const seed = Math.floor(Math.random() * SAMPLE_SEEDS);
    let showing = Promise.resolve();
    const answered = await model.call("ask", { side: card.side, question, times: "ten", seed, stated: answer, rationale }, (state) => {
      if (state.place) return void (place("ten-line").textContent = inLine(state.place));
      showing = showing.then(() => show(state));
      showing.catch(() => {});
    });
    await showing.catch(() => {});
    if (answered) {
      await show(answered);
      shown.samples = answered.texts.map(({ text }) => text);
      const fragment = fragmentOf({ ...shown, sides: cards.filter((card) => card.reading) });
      if (fragment) history.replaceState(null, "", fragment);
      speak(place("verdict").textContent || "Ten samples are there.");
    } else {
      place("ten-line").textContent = "Cancelled.";
      speak("Cancelled.");
    }
    state("ready");
  } catch (error) {
    state("ready");
    failed(error);
  } finally {
    place("ask-ten").hidden = false;
    place("cancel-ten").hidden = true;
  }
}

async function cancel() {
  if (remote) return remote.call("leave");
  if (worker) (await worker).call("leave").catch(() => {});
}

// Links

/** Shows what the address holds. */
async function follow() {
  if (place("demo").dataset.state === "asking") return;
  const found = readFragment(location.hash);
  if (!found) {
    for (const id of ["result", "ten", "keep"]) place(id).hidden = true;
    return;
  }
  begins(found.question);
  place("question").value = found.question;
  place("shared-note").hidden = false;
  try {
    const model = await asked();
    for (const { side, text, levels, by } of found.sides) {
      const card = cards.find((card) => card.side === side);
      if (!card) continue;
      const reading = await readBack(model, { side, question: found.question, text, levels, id: `gauge-${side}` }, by);
      card.finish(reading, text, levels, null, by);
    }
    // The one to ask here is not the one that said it.
    const isElsewhere = doubter()?.by === "other" && !remote;
    place("ten").hidden = !doubter() || (isElsewhere && !found.samples);
    place("ask-ten").hidden = isElsewhere;
    place("keep").hidden = !doubter();
    if (found.samples && doubter()) {
      const { answer, rationale } = doubter().reading;
      shown.samples = found.samples;
      samples.show(await model.call("cluster", { texts: found.samples, stated: answer, rationale, question: found.question }), [], SAMPLES);
    }
  } catch (error) {
    failed(error);
  }
}

/** Reads an answer of a link; one of a model that has no record here is set beside none. */
async function readBack(model, asked, by) {
  if (by !== "other") return model.call("read", asked);
  if (kind) return (await startWorker()).call("read", { ...asked, isMeasured: false });
  // The server draws its own record into the gauge.
  const reading = await model.call("read", asked);
  return { ...reading, gauge: reading.gauge && { drawing: null, record: null } };
}

async function copy() {
  const box = place("link");
  box.value = location.href;
  try {
    await navigator.clipboard.writeText(location.href);
    place("copied").textContent = "The link is copied. It holds the question and the answers.";
  } catch {
    // The browser does not let a page copy here: the visitor can.
    place("link-box").hidden = false;
    box.focus();
    box.select();
    place("copied").textContent = "Copy the link from the box. It holds the question and the answers.";
  }
}

/** Who said it, where, and what its record is of. */
function source({ by, reading }) {
  const name = about.model?.name ?? "The model";
  const who = { server: `${name}, asked on a server.`, other: "A model on a server." }[by] ?? `${name}, asked in a browser.`;
  if (by === "other") return `${who} ${reading.gauge?.record ? "Its record is that server's." : "There is no record of it here."}`;
  if (!reading.gauge?.record) return `${who} Its confidence was not measured.`;
  return `${who} Its record is on ${about.run?.questions ?? "the questions of its evaluation"}; your question may differ.`;
}

async function savePicture() {
  const card = doubter();
  const blob = await drawn({ question: shown.question, reading: card.reading, source: source(card) });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "answer.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function listen() {
  for (const button of document.querySelectorAll("#examples [data-question]")) {
    button.addEventListener("click", () => choose(button.dataset.question));
  }
  const all = [...about.examples, ...about.questions];
  place("random")?.addEventListener("click", () => choose(all[Math.floor(Math.random() * all.length)].question));
  place("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(place("question").value);
  });
  place("cancel").addEventListener("click", cancel);
  place("cancel-ten").addEventListener("click", cancel);
  place("fetch").addEventListener("click", async () => {
    if ((await fetchModel()) && pending) await askAll(pending);
  });
  place("stop-fetch").addEventListener("click", stopFetching);
  place("remove").addEventListener("click", removeModel);
  for (const id of ["use-server", "unfit-server"]) place(id)?.addEventListener("click", () => askAt(true));
  for (const id of ["use-browser", "trouble-browser"]) place(id).addEventListener("click", () => askAt(false));
  place("ask-ten").addEventListener("click", askTen);
  place("copy").addEventListener("click", copy);
  place("picture").addEventListener("click", () => savePicture().catch(() => (place("copied").textContent = "The picture could not be made.")));
  addEventListener("popstate", follow);
}
