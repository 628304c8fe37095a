// Ratings on their way. Each is put into this browser's storage first, then sent under its own key until
// the server has acknowledged it, and only then taken out. Sent twice, it is kept once: the key says so.

const SEND_MS_MAX = 20_000;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 30_000;
/** A browser that takes longer to open its storage has none for us. */
const OPEN_MS_MAX = 3_000;

/** How ratings stand, in words: so many wait, so many were refused. */
const outboxWords = ({ waiting, refused, hasFailed, isSignedOut, isLasting }) => {
  const words = [];
  if (waiting > 0 && isSignedOut) words.push(`You are signed out. Kept in this browser (${waiting}): sign in again, and they are sent.`);
  else if (waiting > 0 && !isLasting) words.push(`Not sent yet (${waiting}), and this browser stores nothing: keep this page open.`);
  else if (waiting > 0 && !hasFailed) words.push("Saving…");
  else if (waiting > 0) words.push(`Kept in this browser, will be sent (${waiting}).`);
  if (refused > 0) words.push(`Not taken by the server (${refused}).`);
  return words.join(" ");
};

/** A random UUID (v4); `crypto.randomUUID` is missing where the page came without TLS. */
const newKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
};

/** What waits, in IndexedDB; where there is none, as long as the page lasts. */
const kept = (() => {
  const NAME = "sayself-outbox";
  const FIRST_IN_MEMORY = 2 ** 52;
  const memory = new Map();
  /** Of the last entry in memory: a number that was given is not given again. */
  let last = FIRST_IN_MEMORY;
  let database = null;

  const opened = () => {
    database ??= new Promise((done, failed) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("ratings", { keyPath: "number", autoIncrement: true });
      request.onsuccess = () => {
        // Another version, or the browser itself, may close it: then it is opened anew.
        request.result.onversionchange = () => { request.result.close(); database = null; };
        request.result.onclose = () => { database = null; };
        done(request.result);
      };
      request.onerror = () => failed(request.error);
      setTimeout(() => failed(new Error("slow")), OPEN_MS_MAX);
    });
    database.catch(() => { database = null; });
    return database;
  };

  /** Done once it is on the disk, as far as the browser can tell. */
  const act = async (mode, work) => {
    const transaction = (await opened()).transaction("ratings", mode, { durability: "strict" });
    return new Promise((done, failed) => {
      const request = work(transaction.objectStore("ratings"));
      transaction.oncomplete = () => done(request.result);
      transaction.onerror = () => failed(transaction.error);
      transaction.onabort = () => failed(transaction.error);
    });
  };

  return {
    get isLasting() { return memory.size === 0; },
    async put(entry) {
      if (!(entry.number >= FIRST_IN_MEMORY)) {
        try {
          const number = await act("readwrite", (store) => store.put(entry));
          return { ...entry, number };
        } catch (error) {
          // What is stored already stays as it was.
          if (entry.number !== undefined) throw error;
        }
      }
      const number = entry.number ?? (last += 1);
      memory.set(number, { ...entry, number });
      return { ...entry, number };
    },
    async remove(number) {
      if (number >= FIRST_IN_MEMORY) memory.delete(number);
      else await act("readwrite", (store) => store.delete(number));
    },
    /** In the order in which they were made. */
    async all() {
      const stored = await act("readonly", (store) => store.getAll()).catch(() => []);
      return [...stored, ...memory.values()];
    },
  };
})();

const outbox = (() => {
  let listener = { changed() {}, saved() {}, refused() {} };
  let waitMs = WAIT_MS_MIN;
  let timer = null;
  let hasFailed = false;
  let isSignedOut = false;
  let isRunning = false;
  let isWanted = false;

  // Several tabs tell one another what became of a rating.
  const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("sayself-outbox") : null;
  const tell = (kind, ...parts) => {
    listener[kind]?.(...parts);
    channel?.postMessage({ kind, parts });
  };
  if (channel) channel.onmessage = ({ data }) => listener[data.kind]?.(...data.parts);

  /** One tab sends at a time; where there are no locks, both may, and the key makes one of it. */
  const alone = (work) => (navigator.locks ? navigator.locks.request("sayself-outbox", work) : work());

  const later = (seconds) => {
    clearTimeout(timer);
    const wait = seconds ? seconds * 1_000 : waitMs * (0.8 + 0.4 * Math.random());
    waitMs = Math.min(WAIT_MS_MAX, 2 * waitMs);
    timer = setTimeout(flush, wait);
  };

  /** Sends one; whether the others can be sent too. */
  const send = async (entry) => {
    const answer = await fetch(`${entry.api}/ratings/${entry.key}`, {
      method: "PUT",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(entry.request),
      // What answers in the server's place (a hotel's network) is no acknowledgement.
      redirect: "error",
      signal: AbortSignal.timeout?.(SEND_MS_MAX),
    }).catch(() => null);
    const body = await answer?.json().catch(() => null);
    const kind = answer?.headers.get("content-type") ?? "";
    if (answer?.ok && body?.key === entry.key) {
      waitMs = WAIT_MS_MIN;
      hasFailed = isSignedOut = false;
      await kept.remove(entry.number);
      tell("saved", entry, body);
      return true;
    }
    const isOurs = kind.startsWith("application/problem+json") && body !== null;
    isSignedOut = isOurs && answer.status === 401;
    const comesBack = !isOurs || answer.status >= 500 || [401, 408, 425, 429].includes(answer.status);
    if (comesBack) {
      hasFailed = true;
      later(Number(answer?.headers.get("retry-after")) || 0);
      return false;
    }
    const { title, detail, next, kept: before } = body;
    const refused = { status: answer.status, title, detail, next, kept: before };
    await kept.put({ ...entry, refused });
    tell("refused", { ...entry, refused });
    return true;
  };

  const sendAll = async () => {
    const tried = new Set();
    for (;;) {
      const entry = (await kept.all()).find(({ number, refused }) => !refused && !tried.has(number));
      if (!entry) return;
      tried.add(entry.number);
      const goesOn = await send(entry).catch(() => {
        hasFailed = true;
        later();
        return true;
      });
      tell("changed");
      if (!goesOn) return;
    }
  };

  const flush = async () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    clearTimeout(timer);
    try {
      while (isWanted) {
        isWanted = false;
        await alone(sendAll);
      }
    } finally {
      isRunning = false;
    }
  };

  return {
    flush,
    /** Keeps a rating and sends it. It is safe from here on. */
    async put(api, project, request) {
      const entry = await kept.put({ key: newKey(), api, project, request });
      tell("changed");
      flush();
      return entry;
    },
    /** Those of a project, or of all. */
    async all(project) {
      const entries = await kept.all();
      return entries.filter((entry) => project === undefined || entry.project === project);
    },
    /** How many wait; of those that were refused, how many of this project, or of all. */
    async count(project) {
      const entries = await kept.all();
      const waiting = entries.filter((entry) => !entry.refused).length;
      const refused = entries.filter((entry) => entry.refused && (project === undefined || entry.project === project)).length;
      return { waiting, refused, hasFailed, isSignedOut, isLasting: kept.isLasting };
    },
    /** Sends one that was refused once more. */
    async again(entry) {
      await kept.put({ ...entry, refused: undefined });
      tell("changed");
      flush();
    },
    /** Forgets one that was refused, at the person's wish. */
    async forget(entry) {
      await kept.remove(entry.number);
      tell("changed");
    },
    /** Tells other tabs that an assignment has been rated here. */
    rated(assignment) {
      channel?.postMessage({ kind: "rated", parts: [assignment] });
    },
    async start(heard) {
      listener = heard;
      addEventListener("online", () => { waitMs = WAIT_MS_MIN; flush(); });
      document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
      addEventListener("beforeunload", (event) => { if (!kept.isLasting) event.preventDefault(); });
      // Somebody else may have been signed in when these were refused.
      for (const entry of await kept.all()) {
        if ([403, 404].includes(entry.refused?.status)) await kept.put({ ...entry, refused: undefined });
      }
      flush();
    },
  };
})();
