"""`sayself infer` asked by OpenAI's own Python client. Started by `cargo xtask openai-clients`.

SAYSELF_INFER is the server's address with /v1, SAYSELF_KEY its key, SAYSELF_MODEL a model's name.
"""

import os

import openai

address, key, model = (os.environ[f"SAYSELF_{name}"] for name in ("INFER", "KEY", "MODEL"))
client = openai.OpenAI(base_url=address, api_key=key, max_retries=0)
question = [
    {"role": "user", "content": "What is the capital of Portugal?"},
    {"role": "assistant", "content": "Answer: Lisbon\nConfidence: 8"},
    {"role": "user", "content": "What is the capital of Kenya?"},
]
# What it goes on with is begun, so that it states its confidence whatever the processor rounds.
begun = [*question, {"role": "assistant", "content": "Answer: Nai"}]
greedy = {"model": model, "messages": begun, "temperature": 0, "max_tokens": 24, "extra_body": {"continue_final_message": True}}

names = [one.id for one in client.models.list()]
assert model in names, names
assert client.models.retrieve(model).id == model

whole = client.chat.completions.create(**greedy)
text = whole.choices[0].message.content
assert text and whole.choices[0].finish_reason in ("stop", "length"), whole
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens

# The extension field comes through as it is.
own = whole.choices[0].model_extra["sayself"]
assert 1 <= own["confidence"] <= 10 and own["answer"], own
assert abs(sum(own["confidence_distribution"]) - 1) < 1e-4, own

pieces, usage, told = [], None, None
for chunk in client.chat.completions.create(**greedy, stream=True, stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        pieces.append(choice.delta.content or "")
        told = (choice.model_extra or {}).get("sayself", told)
assert "".join(pieces) == text, (pieces, text)
assert usage == whole.usage and told == own

with_logprobs = client.chat.completions.create(**greedy, logprobs=True, top_logprobs=3)
content = with_logprobs.choices[0].logprobs.content
assert bytes(byte for token in content for byte in token.bytes).decode() == text
assert all(len(token.top_logprobs) == 3 for token in content)

several = client.chat.completions.create(model=model, messages=question, n=3, seed=7, max_tokens=8)
again = client.chat.completions.create(model=model, messages=question, n=3, seed=7, max_tokens=8)
assert len(several.choices) == 3 and [c.message for c in several.choices] == [c.message for c in again.choices]

stopped = client.chat.completions.create(**greedy, stop=["\n"])
assert stopped.choices[0].message.content == text.split("\n")[0] and stopped.choices[0].finish_reason == "stop"

completion = client.completions.create(model=model, prompt="The sky is", temperature=0, max_tokens=4, logprobs=2, echo=True)
assert completion.choices[0].text.startswith("The sky is")
assert completion.choices[0].logprobs.token_logprobs[0] is None
assert len(completion.choices[0].logprobs.tokens) == len(completion.choices[0].logprobs.token_logprobs)

# Closing a stream is how a client gives up.
with client.chat.completions.create(model=model, messages=question, max_tokens=500, stream=True) as stream:
    next(iter(stream))

for refused, kind in [
    ({"model": "gpt-5"}, openai.NotFoundError),
    ({"temperature": 9}, openai.BadRequestError),
    ({"messages": []}, openai.BadRequestError),
]:
    try:
        client.chat.completions.create(**{**greedy, **refused})
        raise SystemExit(f"{refused} was not refused")
    except kind as error:
        assert error.body["message"] and error.param, error
try:
    openai.OpenAI(base_url=address, api_key="wrong", max_retries=0).models.list()
    raise SystemExit("a wrong key was not refused")
except openai.AuthenticationError as error:
    assert error.code == "invalid_api_key"
print(f"openai {openai.__version__} (Python): all as expected")
