// The worker, asked by name; what it answers is awaited.

import { pieces } from "./fetching.js";

/** What the smallest module with a vector in it looks like, and one with a relaxed one. */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

/** Which of the two modules this browser can run; null for none. */
export function flavour() {
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") return null;
  if (WebAssembly.validate(new Uint8Array(RELAXED))) return "relaxed";
  return WebAssembly.validate(new Uint8Array(SIMD)) ? "simd" : null;
}

/** A module, plain or packed by gzip: hosts of plain files mostly pack nothing, so what lies there is packed. */
async function compiled(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isPacked) return WebAssembly.compile(bytes);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(plain).arrayBuffer());
}

/** Thrown with what the module says: title, text, next step, remedy. */
export class Trouble extends Error {
  constructor(trouble) {
    super(trouble.text);
    this.trouble = trouble;
  }
}

/** Thrown where the module has stopped for good. */
export class Stopped extends Error {
  constructor(text, bytes) {
    super(text);
    this.bytes = bytes;
  }
}

export class Model {
  #worker;
  #calls = new Map();
  #number = 0;

  /** Starts a worker with its module and tells it about the model. */
  static async start(web, kind, about) {
    const model = new Model();
    const module = await compiled(new URL(`${kind}/sayself_worker_bg.wasm`, web));
    model.#worker = new Worker(new URL("worker.js", web), { type: "module" });
    model.#worker.onerror = (event) => model.#stop(new Stopped(event.message ?? "the worker cannot be loaded", 0));
    model.#worker.onmessage = ({ data }) => model.#hear(data);
    await model.call("module", { module, flavour: kind, about });
    return model;
  }

  /** Asks the worker; `told` hears of progress. */
  call(kind, data = {}, told = () => {}, transfer = []) {
    this.#number += 1;
    const call = this.#number;
    return new Promise((done, failed) => {
      this.#calls.set(call, { done, failed, told });
      this.#worker.postMessage({ kind, call, ...data }, transfer);
    });
  }

  #hear({ call, kind, value, state, trouble, text, bytes }) {
    const asked = this.#calls.get(call);
    if (!asked) return;
    if (kind === "progress") return asked.told(state);
    this.#calls.delete(call);
    if (kind === "done") asked.done(value);
    else if (kind === "trouble") asked.failed(new Trouble(trouble));
    else this.#stop(new Stopped(text, bytes), asked);
  }

  #stop(error, first) {
    first?.failed(error);
    for (const { failed } of this.#calls.values()) failed(error);
    this.#calls.clear();
    this.end();
  }

  /** Gives its memory back. */
  end() {
    this.#worker.terminate();
  }

  /** Hands a file over, piece by piece. */
  async push(store, file, told) {
    await this.call("begin", { bytes: file.bytes });
    for (let piece = 0; piece < pieces(file); piece += 1) {
      const bytes = await (await store.read(file.sha256, piece)).arrayBuffer();
      told(bytes.byteLength);
      await this.call("piece", { bytes }, undefined, [bytes]);
    }
  }
}
