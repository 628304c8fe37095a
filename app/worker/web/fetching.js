// The model's files, fetched in pieces: each is kept as soon as it is there, so that a download that
// breaks off goes on where it was.

/** Bytes of a piece: what is lost at most when the connection breaks. */
export const PIECE_BYTES = 4 * 1024 * 1024;
/** Tries of a piece, and the seconds before each of the later ones. */
const WAITS_S = [1, 2, 4];
/** Milliseconds between two words of progress. */
const TOLD_MS = 100;

/** Thrown where the server cannot be reached, or breaks off again and again. */
export class BrokenOff extends Error {}

const wait = (seconds, signal) =>
  new Promise((done, failed) => {
    const timer = setTimeout(done, 1000 * seconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), failed(signal.reason)), { once: true });
  });

export const pieces = (file) => Math.ceil(file.bytes / PIECE_BYTES);
export const pieceBytes = (file, piece) => Math.min(PIECE_BYTES, file.bytes - piece * PIECE_BYTES);

/** Bytes of a file that are kept already. */
export async function keptBytes(store, file) {
  let kept = 0;
  for (let piece = 0; piece < pieces(file); piece += 1) {
    const blob = await store.read(file.sha256, piece);
    if (blob?.size === pieceBytes(file, piece)) kept += blob.size;
  }
  return kept;
}

/** Fetches what is missing of a file; `told(bytes)` hears of each part that came, and of what is taken back. */
export async function fetchFile(store, file, address, { signal, told }) {
  for (let piece = 0; piece < pieces(file); piece += 1) {
    const blob = await store.read(file.sha256, piece);
    if (blob?.size === pieceBytes(file, piece)) continue;
    for (let attempt = 0; ; attempt += 1) {
      let came = 0;
      try {
        const whole = await fetchPiece(store, file, address, piece, signal, (bytes) => {
          came += bytes;
          told(bytes);
        });
        if (whole) return;
        break;
      } catch (error) {
        told(-came);
        if (signal.aborted) throw signal.reason;
        // What the browser or the server says for good is not asked again.
        if (!(error instanceof TypeError || error instanceof BrokenOff)) throw error;
        if (attempt === WAITS_S.length) throw new BrokenOff(error.message);
        await wait(WAITS_S[attempt], signal);
      }
    }
  }
}

/** Fetches one piece; true where the server knows no ranges and so gave all of the file. */
async function fetchPiece(store, file, address, piece, signal, told) {
  const start = piece * PIECE_BYTES;
  const end = start + pieceBytes(file, piece);
  const answer = await fetch(address, {
    headers: { range: `bytes=${start}-${end - 1}` },
    // It is kept here; the browser's own cache would keep it once more.
    cache: "no-store",
    signal,
  });
  if (answer.status === 200) {
    await takeWhole(store, file, answer.body, piece, told);
    return true;
  }
  if (answer.status !== 206) throw new Error(`the server answered ${answer.status}`);
  // Not told to pages of other origins.
  const range = answer.headers.get("content-range");
  if (range && !range.startsWith(`bytes ${start}-${end - 1}/`)) throw new Error(`the server gave ${range} where bytes ${start}-${end - 1} were asked for`);
  const parts = [];
  for await (const part of partsOf(answer.body)) {
    parts.push(part);
    told(part.byteLength);
  }
  const blob = new Blob(parts);
  if (blob.size !== end - start) throw new BrokenOff(`${blob.size} bytes came of ${end - start}`);
  await store.write(file.sha256, piece, blob);
  return false;
}

/** Cuts a whole file into pieces as it comes; the first ones are there. */
async function takeWhole(store, file, body, first, told) {
  let [piece, parts, length] = [0, [], 0];
  for await (let part of partsOf(body)) {
    while (part.byteLength > 0) {
      const wanted = pieceBytes(file, piece) - length;
      const taken = part.subarray(0, wanted);
      parts.push(taken);
      length += taken.byteLength;
      if (piece >= first) told(taken.byteLength);
      part = part.subarray(taken.byteLength);
      if (length === pieceBytes(file, piece)) {
        if (piece >= first) await store.write(file.sha256, piece, new Blob(parts));
        [piece, parts, length] = [piece + 1, [], 0];
        if (piece === pieces(file)) return;
      }
    }
  }
  throw new BrokenOff("the file ended too early");
}

async function* partsOf(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Calls `show` at most every so often, and with the last word always. */
export function seldom(show) {
  let last = 0;
  let timer;
  return (...state) => {
    clearTimeout(timer);
    const due = last + TOLD_MS - performance.now();
    const now = () => {
      last = performance.now();
      show(...state);
    };
    if (due <= 0) now();
    else timer = setTimeout(now, due);
  };
}
