// The rating page: one item after the other, from what the server hands out to what the outbox takes.

/** What comes sooner was not waited for. */
const SOON_MS = 500;
const LOOK_AGAIN_MS = 15_000;
const NOTHING_LEFT_MS = 60_000;
/** An item whose lease ends sooner is asked for again while somebody is at it. */
const LEASE_MS_MIN = 5 * 60_000;

/** Those to be rated, the first of them on the screen but for one that is rated again. */
let queue = [];
let current = null;
/** Those that were rated, the last one last, to be rated again. */
let earlier = [];
let hasAskedEarlier = false;
/** Assignments that were rated here and need not be shown again. */
const done = new Set();
let progress = data.batch.progress;
/** The server's clock minus ours. */
let ahead_ms = data.batch.now_ms - Date.now();
let hasBegun = false;
let isBusy = false;
let isPaused = false;
let isLeaving = false;
let isAsking = false;
let isWanted = false;
let ended = null;
let explaining = null;

const call = async (method, path, body) => {
  const answer = await fetch(data.api + path, {
    method,
    headers: { accept: "application/json", ...(body ? { "content-type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.timeout?.(SEND_MS_MAX),
  });
  if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { status: answer.status, problem: await answer.json().catch(() => null) });
  return answer.json();
};

const focusPanel = (id) => element(id).querySelector("h2").focus({ preventScroll: true });

/** To the page that says how one stands, once all is sent; what was refused is shown there too. */
const leave = async () => {
  if (isLeaving) return;
  isLeaving = true;
  const { waiting } = await outbox.count();
  if (waiting > 0) {
    isLeaving = false;
    show("run-out");
  } else location.replace(data.page);
};

const next = () => {
  const [first] = queue;
  if (first) draw(first);
  else {
    current = null;
    if (ended) leave();
    else setTimeout(runOut, SOON_MS);
  }
  topUp();
};

/** Nothing is here, and nothing came. */
const runOut = () => {
  if (current || isPaused || explaining || !element("run-out").hidden) return;
  show("run-out");
  focusPanel("run-out");
  showProgress();
};

/** Takes in what the server hands out. */
const take = async (batch) => {
  progress = batch.progress;
  ahead_ms = batch.now_ms - Date.now();
  const unsent = new Set((await outbox.all(data.project)).map(({ request }) => request.assignment));
  const items = batch.items.filter(({ assignment }) => !done.has(assignment) && !unsent.has(assignment));
  ended = ["training", "ready"].includes(batch.standing) ? null : batch.standing;
  const isAgain = Boolean(current?.said);
  const held = current && !isAgain ? items.find(({ assignment }) => assignment === current.assignment) : null;
  const others = items.filter((item) => item !== held);
  if (held) {
    Object.assign(current, { lease_ends_ms: held.lease_ends_ms });
    queue = [current, ...others];
  } else if (current && !isAgain && !ended && !drafts.of(current.assignment) && items.length > 0) {
    // Nothing was said of it yet, and it has gone to somebody else.
    queue = others;
    sayAside("The item before this one has gone to somebody else, who rates it now.");
    draw(queue[0]);
  } else if (current && !isAgain) {
    queue = [current, ...others];
  } else {
    queue = others;
    if (!current && !isPaused && !explaining && queue.length > 0) draw(queue[0]);
  }
  if (ended && !current && queue.length === 0) leave();
  showProgress();
};

/** Asks for items while there are fewer than are wanted ahead. */
const topUp = async ({ always = false } = {}) => {
  if (!hasBegun || data.preview || isPaused) return;
  if (!always && (ended || queue.length > data.ahead)) return;
  isWanted = true;
  if (isAsking || isLeaving) return;
  isAsking = true;
  try {
    while (isWanted && !isLeaving) {
      isWanted = false;
      const unsent = (await outbox.all(data.project)).filter(({ refused }) => !refused).length;
      await take(await call("POST", "/leases", { want: data.ahead + 1 + unsent }));
    }
  } catch (error) {
    // What is at hand can still be rated; later it is asked again.
    if (error.problem?.detail && !current) sayAside(foreign(`${error.problem.detail} ${error.problem.next ?? ""}`));
  } finally {
    isAsking = false;
  }
};

/** Says something of the item on the screen: it is safe once this returns. */
const say = async (part) => {
  if (isBusy || !current) return;
  isBusy = true;
  element("send").disabled = true;
  const item = current;
  aside = "";
  try {
    if (data.preview) {
      queue.push(queue.shift());
      draw(queue[0]);
      sayAside("Preview: nothing was kept.");
      return;
    }
    const request = {
      assignment: item.assignment,
      revision: item.revisions + 1,
      ...part,
      spans: marks.spans(),
      note: form.elements.note.value,
      active_ms: clock.spent(),
      made_ms: Date.now(),
    };
    const entry = await outbox.put(data.api, data.project, request);
    outbox.rated(item.assignment);
    done.add(item.assignment);
    item.revisions = request.revision;
    item.said = request;
    earlier = [...earlier.filter(({ assignment }) => assignment !== item.assignment), item];
    drafts.drop(item.assignment);
    queue = queue.filter(({ assignment }) => assignment !== item.assignment);
    if (item.training) explain(entry.key, request);
    else {
      // The next item never stands beside a "Saved." that was said of the one before.
      await tellStanding();
      next();
    }
  } catch {
    element("send").disabled = false;
    sayAside("This browser could not keep it. Try again; if it stays, load the page again: what you typed is there still.");
  } finally {
    isBusy = false;
  }
};

/** What was expected stands where the form was, beside what it is about. */
const explain = (key, request) => {
  current = null;
  explaining = key;
  const panel = element("explained");
  form.before(panel);
  put("right", "Saving…", panel);
  put("expected", wordsOf(request), panel);
  put("explanation", "What was expected is told as soon as the server has it.", panel);
  element("item").classList.add("told");
  panel.hidden = false;
  focusPanel("explained");
  panel.scrollIntoView({ block: "nearest" });
};

const explained = (told, request) => {
  const panel = element("explained");
  put("right", told.right ? "As expected." : "Not as expected.", panel);
  put("expected", `${wordsOf(request)} Expected: ${foreign(told.expected)}.`, panel);
  put("explanation", foreign(told.explanation), panel);
  focusPanel("explained");
};

/** Puts those before that only the server knows, with what is still unsent counted in. */
const askEarlier = async () => {
  const items = await call("GET", "/last?n=10").catch(() => null);
  if (!items) return;
  hasAskedEarlier = true;
  const unsent = await outbox.all(data.project);
  const known = new Set(earlier.map(({ assignment }) => assignment));
  const older = items.filter(({ assignment }) => !known.has(assignment)).reverse();
  for (const item of older) {
    const own = unsent.filter(({ request }) => request.assignment === item.assignment).map(({ request }) => request);
    item.revisions = Math.max(item.revisions, ...own.map(({ revision }) => revision));
    item.said = own.at(-1) ?? item.said;
    done.add(item.assignment);
  }
  earlier = [...older, ...earlier];
};

/** The one that was rated before the one on the screen. */
const before = () => {
  const at = earlier.findIndex(({ assignment }) => assignment === current?.assignment);
  return at < 0 ? earlier.at(-1) : earlier[at - 1];
};

const undo = async () => {
  if (isBusy || isPaused || data.preview) return;
  isBusy = true;
  try {
    if (!before() && !hasAskedEarlier) await askEarlier();
    const item = before();
    if (!item) {
      sayAside(earlier.length > 0 ? "This is the first one that can be rated again." : "There is nothing to undo yet.");
      return;
    }
    explaining = null;
    aside = "";
    tellStanding();
    draw(item);
  } finally {
    isBusy = false;
  }
};

const pause = async () => {
  if (isPaused || data.preview) return;
  isPaused = true;
  current = null;
  queue = [];
  explaining = null;
  show("paused");
  focusPanel("paused");
  // Items that are held go to others. While the network is away they do so when their lease ends.
  await call("POST", "/pause", { paused: true }).catch(() => {});
};

const goOn = async () => {
  if (!isPaused) return;
  isPaused = false;
  await call("POST", "/pause", { paused: false }).catch(() => {});
  await topUp({ always: true });
  if (!current) show("run-out");
};

const wire = () => {
  for (const one of work.querySelectorAll("[data-lively], #keys-button")) one.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { score, choice } = fields();
    if (score !== undefined) say({ score: Number(score) });
    else if (choice !== undefined) say({ choice });
  });
  form.addEventListener("input", keepDraft);
  marks.heard(keepDraft);
  const skipForm = element("skip-form");
  const more = element("skip-more");
  skipForm.addEventListener("input", () => { more.required = skipForm.elements.skip.value === ""; });
  skipForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const reason = [skipForm.elements.skip.value, more.value.trim()].filter(Boolean).join(": ");
    say({ skip: reason });
  });
  element("undo")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    undo();
  });
  element("leave-it").addEventListener("click", (event) => {
    if (data.preview) return;
    event.preventDefault();
    drafts.drop(current.assignment);
    next();
  });
  element("pause-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    pause();
  });
  element("paused-on").addEventListener("click", goOn);
  element("explained-on").addEventListener("click", () => { explaining = null; next(); });
  element("run-out-on").addEventListener("click", () => { outbox.flush(); topUp({ always: true }); });
  element("open-all").addEventListener("click", openAll);
  // Whether the rubric is in the way is the person's choice.
  const rubric = element("rubric");
  rubric.open = remembered.get("sayself-rubric") !== "closed";
  rubric.addEventListener("toggle", () => remembered.set("sayself-rubric", rubric.open ? "open" : "closed"));
  wireKeys();
};

/** Until it has begun, the page is a plain form and works as one. */
const begin = async () => {
  const unsent = await outbox.all(data.project);
  const said = new Set(unsent.map(({ request }) => request.assignment));
  const [first] = data.batch.items;
  // An item that is shown again is not one of those to come.
  const again = first?.said ? first : null;
  queue = data.batch.items.filter((item) => item !== again && !said.has(item.assignment) && !done.has(item.assignment));
  hasBegun = true;
  wire();
  if (again) draw(again, { isFirst: true });
  else if (queue.length > 0) draw(queue[0], { isFirst: queue[0] === first });
  else next();
  topUp();
};

outbox.start({
  changed() { tellStanding(); },
  saved(entry, answer) {
    hasSaved = true;
    if (entry.project === data.project) {
      progress = answer.progress;
      if (isRating) showProgress();
      if (explaining === entry.key) {
        if (answer.explained) explained(answer.explained, entry.request);
        else { explaining = null; next(); }
      }
      // The last one is sent: what comes next is known now.
      if (!current && !explaining) topUp({ always: true });
    }
    tellStanding();
  },
  refused(entry) {
    if (entry.project === data.project) {
      showRefused();
      showProgress();
    }
    if (explaining === entry.key) { explaining = null; next(); }
    tellStanding();
  },
  rated(assignment) {
    // In another tab.
    done.add(assignment);
    queue = queue.filter((item) => item.assignment !== assignment);
    if (current?.assignment === assignment && !current.said) {
      sayAside("You rated that item in another tab.");
      next();
    }
  },
});
showRefused();
tellStanding();

if (isRating) {
  begin();
  setInterval(() => {
    if (document.hidden || isPaused) return;
    const endsSoon = current && !current.said && current.lease_ends_ms - (Date.now() + ahead_ms) < LEASE_MS_MIN;
    if (!element("run-out").hidden || (endsSoon && !clock.isIdle())) topUp({ always: true });
  }, LOOK_AGAIN_MS);
  addEventListener("online", () => topUp());
} else if (["nothing-left", "waiting"].includes(data.batch.standing) && !data.preview) {
  setInterval(async () => {
    if (document.hidden) return;
    const batch = await call("POST", "/leases", { want: data.ahead + 1 }).catch(() => null);
    if (batch && batch.standing !== data.batch.standing) location.replace(data.page);
  }, NOTHING_LEFT_MS);
}
