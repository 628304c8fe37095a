// The model on this server, asked by the same names as the one in the worker.

import { Trouble } from "./model.js";

export class Remote {
  #address;
  /** What the last state said of its texts, so that it need not be asked for. */
  #known = null;
  #leaving = null;

  constructor(address) {
    this.#address = address;
  }

  /** Asks the server; `told` hears of the place in the line and of what is written. */
  async call(kind, data = {}, told = () => {}) {
    if (kind === "ask") return this.#ask(data, told);
    if (kind === "leave") return void this.#leaving?.abort();
    return this.#said(kind, data) ?? (await this.#post(kind, data)).json();
  }

  end() {
    this.#leaving?.abort();
  }

  #said(kind, { text, texts }) {
    const { once, ten, reading, clustered } = this.#known ?? {};
    if (kind === "read" && reading && text === once) return reading;
    if (kind === "cluster" && clustered && JSON.stringify(texts) === ten) return clustered;
    return null;
  }

  async #ask(asked, told) {
    this.#leaving?.abort();
    const leaving = (this.#leaving = new AbortController());
    try {
      const response = await this.#post("ask", asked, leaving.signal);
      for await (const event of events(response)) {
        const { kind, ...state } = event;
        if (kind === "place") told({ place: state.place });
        else if (kind === "trouble") throw dead(state.text);
        else {
          this.#keep(state);
          if (kind === "done") return state;
          told(state);
        }
      }
      throw dead("The connection broke off in the middle of the answer.");
    } catch (error) {
      if (leaving.signal.aborted) return null;
      throw error instanceof Trouble ? error : dead("The server cannot be reached.");
    }
  }

  #keep({ texts, reading, clustered }) {
    const ten = JSON.stringify(texts.filter(({ done }) => done).map(({ text }) => text));
    this.#known = { once: texts[0].text, ten, reading, clustered };
  }

  async #post(kind, data, signal) {
    const response = await fetch(`${this.#address}/${kind}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream, application/json" },
      body: JSON.stringify(data),
      signal,
    });
    if (response.ok) return response;
    const { detail, next } = await response.json().catch(() => ({ detail: `The server answered ${response.status}.`, next: "" }));
    throw new Trouble({ title: "The server did not answer it.", text: detail, next: next ?? "", remedy: "none" });
  }
}

const dead = (text) =>
  new Trouble({ title: "The model on this server does not answer.", text, next: "Ask again in a while, or let the model run in this browser.", remedy: "none" });

/** The events of a stream, each once it is whole. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
      if (data.length > 0) yield JSON.parse(data.join("\n"));
    }
  }
}
