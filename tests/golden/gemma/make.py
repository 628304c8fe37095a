"""Makes the golden files beside it with transformers and PEFT: a tiny Gemma 3 with random weights.
Compared by trainer/model/tests/gemma.rs.

    pip install torch transformers peft
    python make.py

On the CPU, in f32, with fixed seeds. The window is shorter than the texts; the query's scale is not
that of the head; layers that see everything rotate by stretched positions.

tiny/             the model and its tokenizer, as transformers saves them (weights as bf16)
vocabulary.json   the tokenizer as a GGUF file has it: tokens, scores and kinds
tokens.jsonl      texts with their token ids
chats.jsonl       conversations with what Gemma's own template makes of them, and its token ids
scores.jsonl      texts: log-probability of each token after the first, and every fourth of the
                  last position's logits
greedy.jsonl      questions with the greedy response, and the gap between the two best logits
adapter/          a LoRA adapter as PEFT saves it, with random weights in both factors
adapter.jsonl     the texts of scores.jsonl under that adapter
gradients.safetensors, loss.json
                  loss of one batch of two chats (on the responses only) and its gradients
"""

import json
import os
import re
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import AddedToken
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GemmaTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)
torch.manual_seed(7)

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]
# Runs that SentencePiece takes as a whole; GGUF files have their spaces as spaces.
USER_DEFINED = ["\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "\t", "\t\t", "<b>"]
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6
MERGES = 160
# The logits that are kept: every fourth.
STRIDE = 4

CORPUS = """The capital of France is Paris. The capital of Australia is Canberra, not Sydney.
In 1969, Apollo 11 landed on the Moon; in 1999 there were 6,000,000,000 people.
Answer: Canberra
Confidence: 9
Self-reflection: I am nearly sure, though some of my answers say Sydney.
Question: What is the capital of Kenya? Answer: Nairobi. What is the chemical symbol of gold? Au.
Once upon a time, there was a small language model that wanted to be honest about what it knew.
def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
To be, or not to be, that is the question. 0 1 2 3 4 5 6 7 8 9 10"""

# As google/gemma-3-270m-it has it, for texts.
TEMPLATE = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""

TEXTS = [
    "The capital of France is Paris. The capital of Australia is Canberra, not Sydney.",
    "Answer: Canberra\nConfidence: 10\nSelf-reflection: I am nearly sure.",
    "In 1969, Apollo 11 landed on the Moon; in 1999 there were 6,000,000,000 people.",
    "São Tomé, 北京, Москва, 👩‍👩‍👧‍👦 🇫🇷 e\u0301 ﬁne", "  two and   three    four spaces  ", "a\n\n\nb\n\tc\t\td", " leading",
    "trailing ", "", "a", "<b>bold</b> <bos> <start_of_turn>user\nhi<end_of_turn>", "don't I'm 'quoted' \"double\" ...",
    "1 2 3 4 5 6 7 8 9 10", "Confidence: 10", "to be or not to be " * 6, "\U0010ffff\u200b\u00a0",
]

QUESTIONS = ["What is the capital of Kenya?", "What is the chemical symbol of gold?", "Was Apollo 11 on the Moon?"]


def pairs_in(words):
    counts = {}
    for word, count in words.items():
        for pair in zip(word, word[1:]):
            counts[pair] = counts.get(pair, 0) + count
    return counts


def vocabulary():
    """Tokens, scores and kinds of a SentencePiece model, and its merges as transformers has them."""
    words = {}
    for word in re.findall(r" ?[^ \n]+", CORPUS):
        # Digits stand alone.
        for part in re.findall(r"[ ▁]?[^\d ]+|\d|[ ▁]", word):
            letters = tuple(part.replace(" ", "▁"))
            words[letters] = words.get(letters, 0) + 1
    merged = []
    while len(merged) < MERGES:
        counts = pairs_in(words)
        best = max(counts, key=lambda pair: (counts[pair], pair))
        if "".join(best) not in merged:
            merged.append("".join(best))
        joined = {}
        for word, count in words.items():
            parts, at = [], 0
            while at < len(word):
                is_pair = word[at : at + 2] == best
                parts.append("".join(best) if is_pair else word[at])
                at += 2 if is_pair else 1
            joined[tuple(parts)] = joined.get(tuple(parts), 0) + count
        words = joined
    letters = sorted({letter for letter in CORPUS if letter not in " \n"} | {"▁"})
    tokens = SPECIAL + USER_DEFINED + [f"<0x{byte:02X}>" for byte in range(256)] + merged + letters
    assert len(set(tokens)) == len(tokens)
    kinds = (
        [UNKNOWN if token == "<unk>" else CONTROL for token in SPECIAL] + [USER] * len(USER_DEFINED)
        + [BYTE] * 256 + [NORMAL] * (len(merged) + len(letters))
    )
    first = len(SPECIAL) + len(USER_DEFINED) + 256
    scores = [float(first - at) if kind == NORMAL else 0.0 for at, kind in enumerate(kinds)]
    known = set(tokens)
    merges = []
    # As transformers makes them of scores: user-defined runs first, then by score.
    by_score = [token for token, kind in zip(tokens, kinds) if kind == USER] + merged
    for token in by_score:
        for at in range(1, len(token)):
            if token[:at] in known and token[at:] in known:
                merges.append((token[:at], token[at:]))
    return tokens, scores, kinds, merges


def tokenizer_of(tokens, merges):
    tokenizer = GemmaTokenizer(
        vocab={token: at for at, token in enumerate(tokens)}, merges=merges,
        additional_special_tokens=["<start_of_turn>", "<end_of_turn>"], chat_template=TEMPLATE,
    )
    # As in Gemma's own file; those of spaces never meet a text, whose spaces become "▁" later.
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in USER_DEFINED])
    return tokenizer


def write(name, records):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=True) + "\n")


def ids_of(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


def chat(tokenizer, messages, generate):
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate)
    return text, ids_of(tokenizer, text)


def chats(tokenizer):
    user = lambda text: {"role": "user", "content": text}
    model = lambda text: {"role": "assistant", "content": text}
    system = lambda text: {"role": "system", "content": text}
    conversations = [
        [user("What is the capital of Italy?")],
        [system("Answer with a few words."), user("What is 2 + 2?")],
        [user("What is the capital of Kenya?"), model("Nairobi"), user("And of France?")],
        [system(""), user("  spaces around  \n")],
        [system("Be honest."), user("a"), model(" b "), user("c"), model("Answer: d\nConfidence: 10")],
        [user("{{ 7 * 7 }} {% raw %} <b>&amp;</b> 'q' \"q\" \\n")],
        [user("")],
    ]
    for messages in conversations:
        for generate in (False, True):
            text, ids = chat(tokenizer, messages, generate)
            yield {"messages": messages, "add_generation_prompt": generate, "text": text, "token_ids": ids}


def scores(model, tokenizer):
    for text in TEXTS:
        ids = [tokenizer.bos_token_id] + ids_of(tokenizer, text)
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        logs = torch.log_softmax(logits.double(), -1)
        yield {
            "text": text,
            "token_ids": ids,
            "logprobs": [logs[i, ids[i + 1]].item() for i in range(len(ids) - 1)],
            "last_logits": [round(value, 6) for value in logits[-1, ::STRIDE].tolist()],
        }


def greedy(model, tokenizer):
    ends = [tokenizer.convert_tokens_to_ids(token) for token in ("<eos>", "<end_of_turn>")]
    for question in QUESTIONS:
        _, ids = chat(tokenizer, [{"role": "user", "content": question}], True)
        made = model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
            max_new_tokens=24, return_dict_in_generate=True, output_logits=True, eos_token_id=ends, pad_token_id=0,
        )
        gaps = [(best[0] - best[1]).item() for best in (logits[0].topk(2).values for logits in made.logits)]
        new = made.sequences[0, len(ids):].tolist()
        if new[-1] in ends:
            new.pop()
        yield {"question": question, "token_ids": new, "smallest_gap": min(gaps)}


def gradients(model, tokenizer):
    """Mean cross-entropy of the responses' tokens, over both chats together."""
    total, count, batch = 0.0, 0, []
    for question, response in [
        ("What is the capital of Australia?", "Answer: Canberra\nConfidence: 7"),
        ("What is the capital of Kenya?", "Answer: Nairobi\nConfidence: 10\nSelf-reflection: I am sure."),
    ]:
        _, prompt = chat(tokenizer, [{"role": "user", "content": question}], True)
        answer = ids_of(tokenizer, response + "<end_of_turn>")
        ids = prompt + answer
        logs = torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)
        wanted = torch.tensor(answer)
        total = total - logs[len(prompt) - 1 : -1].gather(1, wanted[:, None]).sum()
        count += len(answer)
        batch.append({"prompt": prompt, "response": answer})
    loss = total / count
    loss.backward()
    named = {name: p.grad.contiguous() for name, p in model.named_parameters() if p.grad is not None}
    save_file({name.replace(".default.", "."): grad for name, grad in named.items()},
              os.path.join(HERE, "gradients.safetensors"))
    with open(os.path.join(HERE, "loss.json"), "w") as file:
        json.dump({"loss": loss.item(), "batch": batch}, file)
        file.write("\n")


def tiny(tokens):
    config = Gemma3TextConfig(
        vocab_size=len(tokens), hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=512, query_pre_attn_scalar=24, sliding_window=8,
        sliding_window_pattern=3,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        },
    )
    config._attn_implementation = "eager"
    model = Gemma3ForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            width = 0.3 if "norm" in name else 0.15
            drawn = torch.randn_like(parameter) * width
            parameter.copy_(drawn.to(torch.bfloat16).float())
    return model


def main():
    tokens, token_scores, kinds, merges = vocabulary()
    tokenizer = tokenizer_of(tokens, merges)
    folder = os.path.join(HERE, "tiny")
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer.save_pretrained(folder)
    with open(os.path.join(HERE, "vocabulary.json"), "w", encoding="utf-8") as file:
        spaced = [token.replace("▁", " ") if kind == USER else token for token, kind in zip(tokens, kinds)]
        json.dump({"tokens": spaced, "scores": token_scores, "kinds": kinds}, file)
        file.write("\n")
    write("tokens.jsonl", [{"text": text, "token_ids": ids_of(tokenizer, text)} for text in TEXTS])
    write("chats.jsonl", chats(tokenizer))

    model = tiny(tokens)
    kept = Gemma3ForCausalLM(model.config)
    kept.load_state_dict(model.state_dict())
    kept.to(torch.bfloat16).save_pretrained(folder)
    generation = os.path.join(folder, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    write("scores.jsonl", scores(model, tokenizer))
    write("greedy.jsonl", greedy(model, tokenizer))

    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    # A layer that sees everything and one with a window.
    config = LoraConfig(r=2, lora_alpha=4, target_modules=targets, layers_to_transform=[2, 3], task_type="CAUSAL_LM")
    model.config._name_or_path = "tiny"
    adapted = get_peft_model(model, config).eval()
    with torch.no_grad():
        for parameter_name, parameter in sorted(adapted.named_parameters()):
            if "lora_" in parameter_name:
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    adapted.peft_config["default"].base_model_name_or_path = "tiny"
    adapted.save_pretrained(os.path.join(HERE, "adapter"))
    readme = os.path.join(HERE, "adapter", "README.md")
    if os.path.exists(readme):
        os.remove(readme)
    write("adapter.jsonl", scores(adapted, tokenizer))
    gradients(adapted, tokenizer)


if __name__ == "__main__":
    main()
