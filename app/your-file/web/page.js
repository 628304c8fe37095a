// The page beside the worker: takes the file, shows what the worker says, and keeps the figures in the
// address. The file itself goes to the worker alone.

const MARK = "#figures=";
/** Milliseconds after the last key before a new title is drawn. */
const TITLE_MS = 300;
/** Resamples of intervals that are as fine as they become. */
const RESAMPLES = 1_000;
/** Bytes of memory beyond which a module that stops has most likely had too little. */
const MUCH_MEMORY = 400 * 1024 * 1024;

const place = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

/** Sizes in the unit of the last and largest: `13 kB`, `4.2 of 35 MB`. */
function sizes(...bytes) {
  const [unit, word] = bytes.at(-1) < 1e6 ? [1e3, "kB"] : [1e6, "MB"];
  const each = bytes.map((one) => (one / unit).toFixed(one < 10 * unit ? 1 : 0));
  return `${each.join(" of ")} ${word}`;
}

/** A picture of an SVG file, at twice its size. */
async function drawn(svg) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * picture.naturalWidth;
  canvas.height = 2 * picture.naturalHeight;
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

let module, worker;
/** Numbers what the worker is asked for: what it says to an older question is not heard. */
let question = 0;
/** What is shown: "file", "link", or nothing. */
let shown = null;
/** The piece of the address that keeps what is shown, and the one of the file measured last. */
let [fragment, own] = ["", ""];
/** Whether the address already keeps the file that is being measured. */
let isKept = false;

export async function start() {
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") throw new Error("no WebAssembly");
  module = await compiled(place("your-file").dataset.packed);
  await startWorker();
  listen();
  place("file").disabled = false;
  state("empty");
  follow();
}

/** The module; among plain files it lies packed, and `packed` is added to its name. */
async function compiled(packed = "") {
  const answer = await fetch(new URL(`your_file_bg.wasm${packed}`, import.meta.url));
  if (!answer.ok) throw new Error(`the module's address answered ${answer.status}`);
  if (!packed) return WebAssembly.compileStreaming(answer);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // A host may have called it packed, and the browser has unpacked it then.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return WebAssembly.compile(bytes);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(plain).arrayBuffer());
}

/** Resolves once the worker is ready; fails where it cannot be. */
function startWorker() {
  worker?.terminate();
  return new Promise((ready, failed) => {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    worker.onerror = () => failed(new Error("the worker cannot be loaded"));
    worker.onmessage = ({ data }) => {
      if (data.question !== question) return;
      if (data.kind === "ready") return ready();
      heard[data.kind](data);
    };
    begin("module", { module });
  });
}

/** Asks for something beside the work under way. */
const ask = (kind, more = {}) => worker.postMessage({ kind, question, ...more });

/** Asks for other work; what was under way is left. */
function begin(kind, more = {}) {
  question += 1;
  ask(kind, more);
}

/** `empty`, `reading`, `refining`, `done`, `choose`, `cancelled` or `failed`. */
function state(name, words = "") {
  place("your-file").dataset.state = name;
  const works = name === "reading" || name === "refining";
  place("progress").hidden = !works;
  place("cancel").textContent = name === "refining" ? "Stop refining" : "Cancel";
  if (place("spoken").textContent !== words) place("spoken").textContent = words;
  if (name !== "failed") place("trouble").hidden = true;
}

function trouble({ title, text, next }) {
  place("trouble-title").textContent = title;
  place("trouble-text").textContent = text;
  place("trouble-next").textContent = next;
  place("trouble").hidden = false;
  state("failed");
}

function progress({ words, done, all, rows, unit }) {
  const bar = place("progress-bar");
  if (all) {
    bar.max = all;
    bar.value = done;
  } else {
    bar.removeAttribute("value");
  }
  const parts = [words];
  if (all && unit) parts.push(`${number.format(done)} of ${number.format(all)} ${unit}`);
  else if (all) parts.push(sizes(done, all));
  if (rows) parts.push(`${number.format(rows)} rows`);
  place("progress-line").textContent = parts.join(" · ");
}

/** Puts markup, which the module has made and escaped, into its places. */
function put(pieces) {
  for (const [name, markup] of Object.entries(pieces)) {
    const target = document.querySelector(`[data-piece="${name}"]`);
    if (target) target.innerHTML = markup;
  }
}

function show(figures) {
  put(figures.pieces);
  place("result").hidden = false;
  if (document.activeElement !== place("figures-title")) place("figures-title").value = figures.title;
  document.title = `${figures.title || "Your file"} · sayself`;
  keep(figures);
}

/** The address keeps the figures: one entry for a file, brought up to date as they are refined. */
function keep(figures) {
  fragment = `#${figures.fragment}`;
  shown = figures.is_link ? "link" : "file";
  own = figures.is_link ? "" : fragment;
  if (location.hash === fragment) return;
  const isSame = isKept || figures.is_link;
  history[isSame ? "replaceState" : "pushState"](null, "", fragment);
  isKept = true;
}

const heard = {
  plan({ plan, name, size, isNew }) {
    if (isNew) place("columns-name").textContent = `${name}, ${sizes(size)}`;
    drawPlan(plan);
    if (plan.missing) state("choose", plan.missing);
  },
  progress(what) {
    // Intervals are refined while figures are shown.
    if (what.unit === undefined) state("reading", place("spoken").textContent);
    progress(what);
  },
  figures({ figures, isRefining = true }) {
    show(figures);
    if (figures.is_link) return state("done", "Figures of a shared link are shown.");
    const words = `Measured ${number.format(figures.rows)} rows.`;
    if (!isRefining || figures.resamples === RESAMPLES) state("done", words);
    else state("refining", `${words} Intervals are being refined.`);
  },
  /** A new title changes no state. */
  named({ figures }) {
    show(figures);
  },
  refined({ figures, done, all }) {
    show(figures);
    progress({ words: "Refining the intervals", done, all, unit: "resamples" });
    if (done === all) state("done", `Intervals of ${number.format(all)} resamples are shown.`);
    else state("refining", place("spoken").textContent);
  },
  pieces({ pieces }) {
    put(pieces);
  },
  async download({ name, picture, text }) {
    const types = { svg: "image/svg+xml", csv: "text/csv", json: "application/json" };
    const type = types[name.split(".").pop()];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(picture ? await drawn(text) : new Blob([text], { type }));
    link.download = picture ? name.replace(/svg$/, "png") : name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  },
  trouble(what) {
    trouble(what.trouble);
  },
  async broken({ bytes, text }) {
    const hadMuch = bytes > MUCH_MEMORY || /memory/i.test(text);
    trouble(
      hadMuch
        ? {
            title: "The browser has no more memory.",
            text: `It had given ${Math.round(bytes / 1e6)} MB.`,
            next: "Close other pages, or measure the file at the command line: sayself metrics FILE.",
          }
        : {
            title: "Measuring has stopped by a mistake of this page.",
            text: `The module says: ${text}`,
            next: "Measure the file at the command line (sayself metrics FILE), and please report it.",
          },
    );
    // What the module had is gone with it.
    [shown, own] = [null, ""];
    for (const id of ["result", "columns"]) place(id).hidden = true;
    await startWorker().catch(unavailable);
  },
};

/** The choices and the first rows, as text alone. */
function drawPlan({ sentence, choices, preview, missing }) {
  place("columns").hidden = false;
  place("columns-sentence").textContent = sentence;
  const warning = place("columns-missing");
  warning.textContent = missing ?? "";
  warning.hidden = !missing;
  place("measure").disabled = Boolean(missing);
  if (missing) place("columns-details").open = true;
  const focused = document.activeElement?.name;
  place("choices").replaceChildren(
    ...choices.map(({ name, label, options, chosen }) => {
      const select = document.createElement("select");
      select.name = name;
      for (const [value, words] of options) {
        select.append(new Option(words, value, value === chosen, value === chosen));
      }
      const labelled = document.createElement("label");
      labelled.append(label, select);
      return labelled;
    }),
  );
  if (focused) place("choices").querySelector(`[name="${focused}"]`)?.focus();
  const row = (cells, kind) => {
    const line = document.createElement("tr");
    for (const text of cells) {
      const cell = document.createElement(kind);
      if (kind === "th") cell.scope = "col";
      cell.textContent = text;
      line.append(cell);
    }
    return line;
  };
  place("preview-head").replaceChildren(row(preview.names, "th"));
  place("preview-rows").replaceChildren(...preview.rows.map((cells) => row(cells, "td")));
  const more = preview.left_out;
  place("preview-more").textContent = more ? `${number.format(more)} more columns are not shown.` : "";
}

function chosen() {
  const selects = place("choices").querySelectorAll("select");
  return Object.fromEntries([...selects].map(({ name, value }) => [name, value]));
}

/** The title of a link is its sender's; that of a file is the visitor's. */
function title() {
  return place("figures-title").value;
}

function open(file) {
  [shown, isKept] = [null, false];
  place("result").hidden = true;
  place("columns").hidden = true;
  place("columns-details").open = false;
  place("figures-title").value = "";
  place("copied").textContent = "";
  state("reading", `Reading ${file.name}.`);
  progress({ words: "Reading" });
  begin("open", { file, title: "" });
}

function openOne(files) {
  if (files.length === 1) return open(files[0]);
  if (files.length > 1) {
    trouble({
      title: "One file at a time.",
      text: `${files.length} files were dropped.`,
      next: "Drop one of them.",
    });
  }
}

/** Shows what the address keeps: figures, or the choice of a file. */
function follow() {
  if (!location.hash.startsWith(MARK)) {
    begin("cancel");
    place("result").hidden = true;
    place("columns").hidden = true;
    place("file-form").reset();
    [shown, isKept] = [null, false];
    document.title = "Your file · sayself";
    return state("empty");
  }
  if (location.hash === fragment && shown) return;
  place("result").hidden = true;
  isKept = true;
  if (location.hash === own) {
    place("columns").hidden = false;
    return begin("again");
  }
  [shown, own] = [null, ""];
  place("columns").hidden = true;
  begin("share", { fragment: location.hash });
}

function listen() {
  const input = place("file");
  input.addEventListener("change", () => openOne(input.files));
  // The same file, changed meanwhile, can be chosen again.
  input.addEventListener("click", () => (input.value = ""));
  place("file-form").addEventListener("submit", (event) => event.preventDefault());

  const zone = place("file-form");
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    openOne(event.dataTransfer.files);
  });

  place("cancel").addEventListener("click", () => {
    const wasReading = place("your-file").dataset.state === "reading";
    begin("cancel");
    if (shown && wasReading) return state("done", "Cancelled: the figures are those measured before.");
    if (shown) return state("done", "Stopped: the intervals are those of the resamples so far.");
    state("cancelled", "Cancelled. Nothing of the file is kept.");
    input.focus();
  });
  place("choices").addEventListener("change", (event) => {
    const all = chosen();
    // Another column may be on another scale: it is guessed anew.
    if (event.target.name === "confidence") delete all.scale;
    ask("plan", { chosen: all });
  });
  place("columns-form").addEventListener("submit", (event) => {
    event.preventDefault();
    state("reading", "Reading with these columns.");
    progress({ words: "Reading" });
    begin("read", { chosen: chosen(), title: title() });
  });
  place("bins").addEventListener("change", ({ target }) => ask("draw", { bins: Number(target.value) }));
  let waiting;
  place("figures-title").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => ask("name", { title: title() }), TITLE_MS);
  });
  place("copy").addEventListener("click", copy);
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.download;
      const picture = name.endsWith(".png");
      ask("download", { name: picture ? name.replace(/png$/, "svg") : name, picture });
    });
  }
  addEventListener("popstate", follow);
}

async function copy() {
  const box = place("link");
  box.value = location.href;
  try {
    await navigator.clipboard.writeText(location.href);
    place("copied").textContent = "The link is copied. It holds the figures, not the file.";
  } catch {
    // The browser does not let a page copy here: the visitor can.
    place("link-box").hidden = false;
    box.focus();
    box.select();
    place("copied").textContent = "Copy the link from the box. It holds the figures, not the file.";
  }
}

/** Says what to do where nothing can be measured here. */
export function unavailable() {
  place("file-form").hidden = true;
  place("file-fallback").hidden = false;
}
