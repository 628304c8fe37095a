// The worker, asked by name; what it answers is awaited.

import { pieces } from "./fetching.js";
import { compiled, moduleOf, onlyFlavour } from "./packed.js";

/** What the smallest module with a vector in it looks like, and one with a relaxed one. */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

/** Threads that compute at most: more wait for memory, and the visitor has other things open. */
const THREADS_MAX = 4;

/** Workers that help the one that holds the model. */
const helpers = () => Math.min(navigator.hardwareConcurrency ?? 1, THREADS_MAX) - 1;

/** Which of the modules that are here this browser can run; null for none. */
export function flavour() {
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") return null;
  const runs = (test) => WebAssembly.validate(new Uint8Array(test));
  if (onlyFlavour !== "simd" && runs(RELAXED)) {
    return self.crossOriginIsolated && helpers() > 0 ? "threads" : "relaxed";
  }
  return runs(SIMD) ? "simd" : null;
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
  #helpers = [];
  #calls = new Map();
  #number = 0;

  /** Starts a worker with its module and tells it about the model. */
  static async start(web, kind, about) {
    try {
      return await Model.#started(web, kind, about);
    } catch (error) {
      // Memory to share, or this module, cannot be had everywhere.
      if (kind !== "threads") throw error;
      return Model.#started(web, "relaxed", about);
    }
  }

  static async #started(web, flavour, about) {
    const model = new Model();
    model.flavour = flavour;
    const module = await compiled(new URL(moduleOf(flavour), web));
    model.#worker = model.#begin(new URL("worker.js", web));
    model.#worker.onmessage = ({ data }) => model.#hear(data);
    const count = flavour === "threads" ? helpers() : 0;
    const memory = await model.call("module", { module, flavour, about, helpers: count });
    for (let index = 0; index < count; index += 1) {
      const helper = model.#begin(new URL("helper.js", web));
      helper.postMessage({ module, memory, flavour, index });
      model.#helpers.push(helper);
    }
    return model;
  }

  #begin(script) {
    const worker = new Worker(script, { type: "module" });
    worker.onerror = (event) => this.#stop(new Stopped(event.message ?? "the worker cannot be loaded", 0));
    return worker;
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
    for (const worker of [this.#worker, ...this.#helpers]) worker.terminate();
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
