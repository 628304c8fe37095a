// `sayself infer` asked by OpenAI's own JavaScript client. Started by `cargo xtask openai-clients`.
//
// SAYSELF_INFER is the server's address with /v1, SAYSELF_KEY its key, SAYSELF_MODEL a model's name.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const { SAYSELF_INFER: baseURL, SAYSELF_KEY: apiKey, SAYSELF_MODEL: model } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [
  { role: "user", content: "What is the capital of Portugal?" },
  { role: "assistant", content: "Answer: Lisbon\nConfidence: 8" },
  { role: "user", content: "What is the capital of Kenya?" },
];
// What it goes on with is begun, so that it states its confidence whatever the processor rounds.
const begun = [...messages, { role: "assistant", content: "Answer: Nai" }];
const greedy = { model, messages: begun, temperature: 0, max_tokens: 24, continue_final_message: true };

const names = [];
for await (const one of client.models.list()) names.push(one.id);
assert(names.includes(model), names.join());

const whole = await client.chat.completions.create(greedy);
const text = whole.choices[0].message.content;
assert(text.length > 0);
const own = whole.choices[0].sayself;
assert(own.confidence >= 1 && own.confidence <= 10 && own.answer);

let streamed = "";
let usage;
let told;
const stream = await client.chat.completions.create({
  ...greedy, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  usage = chunk.usage ?? usage;
  for (const choice of chunk.choices) {
    streamed += choice.delta.content ?? "";
    told = choice.sayself ?? told;
  }
}
assert.equal(streamed, text);
assert.deepEqual(usage, whole.usage);
assert.deepEqual(told, own);

// The client's own way of putting a stream together.
const gathered = await client.chat.completions.stream(greedy).finalChatCompletion();
assert.equal(gathered.choices[0].message.content, text);

const scored = await client.chat.completions.create({ ...greedy, logprobs: true, top_logprobs: 2 });
const bytes = scored.choices[0].logprobs.content.flatMap((token) => token.bytes);
assert.equal(Buffer.from(bytes).toString("utf8"), text);

const completion = await client.completions.create({
  model, prompt: ["One, two,", "A, B,"], temperature: 0, max_tokens: 3, logprobs: 1,
});
assert.equal(completion.choices.length, 2);
assert.equal(completion.choices[1].logprobs.tokens.length, 3);

// Giving up in the middle.
const giving = new AbortController();
const long = await client.chat.completions.create(
  { model, messages, max_tokens: 500, stream: true }, { signal: giving.signal },
);
for await (const _ of long) {
  giving.abort();
  break;
}

await assert.rejects(client.chat.completions.create({ ...greedy, model: "gpt-5" }), OpenAI.NotFoundError);
await assert.rejects(client.chat.completions.create({ ...greedy, top_p: 2 }), (error) =>
  error instanceof OpenAI.BadRequestError && error.param === "top_p");
const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
await assert.rejects(stranger.chat.completions.create(greedy), OpenAI.AuthenticationError);
const { version } = JSON.parse(readFileSync(new URL("node_modules/openai/package.json", import.meta.url)));
console.log(`openai ${version} (JavaScript): all as expected`);
