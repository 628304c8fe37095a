"""Makes the golden files beside it with transformers and PEFT; compared by
trainer/model/tests/transformers.rs and, through the command line, tests/tests/peers.rs.

    pip install torch transformers peft gguf
    python make.py GGUF_FILE

GGUF_FILE is what `sayself pull smollm2-135m` brings. On the CPU, in f32, with fixed seeds.

tokens.jsonl      200 texts with their token ids
chats.jsonl       conversations with what the chat template makes of them, and its token ids
scores.jsonl      20 texts: log-probability of each token after the first, and 512 of the last
                  position's logits (every 96th of the vocabulary)
greedy.jsonl      20 questions with the greedy response, and the gap between the two best logits at
                  each step (a tie may go either way)
adapter/          a LoRA adapter as PEFT saves it, with random weights in both factors
adapter.jsonl     the texts of scores.jsonl under that adapter
gradients.safetensors, loss.json
                  loss of one batch of two chats (on the responses only) and its gradients
"""

import json
import os
import random
import sys

import torch
from gguf import GGUFReader
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)
torch.manual_seed(7)

# What the pieces of the 200 texts are drawn from: Unicode, digits, white space, code.
PIECES = [
    "The capital of France is Paris.", "São Tomé and Príncipe", "Ελλάδα", "Москва", "北京是中国的首都。",
    "東京", "서울특별시", "العربية", "हिन्दी", "ไทย", "👩‍👩‍👧‍👦 family", "🇫🇷", "e\u0301 é", "ﬁne", "naïve café",
    "1999", "3.14159", "1,000,000", "0x1F", "10", "8/10", "2024-11-25", "007", "½ ¾", "²³",
    " ", "  ", "\t", "\n", "\n\n", "   \n  ", "\r\n", "a\u00a0b", "\u200b", "\u3000",
    "fn main() { println!(\"{}\", 42); }", "def f(x):\n    return x ** 2\n", "for (int i = 0; i < n; i++)",
    "<div class=\"a\">&amp;</div>", "SELECT * FROM t WHERE id = 1;", "https://example.org/a?b=c#d", "a_b-c.d",
    "Answer: Canberra", "Confidence: 9", "Confidence: 10", "Self-reflection: I am not sure.",
    "don't", "I'm", "they'll", "'quoted'", "\"double\"", "...", "!?", "—", "(a)", "[1]", "{x}", "$5", "50%", "C++",
    "ALL CAPS", "camelCase", "snake_case", "Zürich", "Łódź", "Đà Nẵng", "İstanbul", "straße", "o’clock",
]


def texts():
    drawn = random.Random(7)
    singles = PIECES + ["", "a", "A" * 300, " leading", "trailing ", "\ud7ff\ue000", "\U0010ffff"]
    made = []
    while len(singles) + len(made) < 200:
        count = drawn.randint(2, 8)
        made.append(drawn.choice(["", " ", "\n"]).join(drawn.choice(PIECES) for _ in range(count)))
    return singles + made


SCORED = [
    "The capital of France is Paris. The capital of Australia is Canberra, not Sydney.",
    "In 1969, Apollo 11 landed on the Moon; in 1999 there were 6,000,000,000 people.",
    "def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\n",
    "São Tomé and Príncipe lies in the Gulf of Guinea. 北京是中国的首都。",
    "Answer: Canberra\nConfidence: 9\nSelf-reflection: I am nearly sure, though some of my answers say Sydney.",
    "Answer: Lyon\nConfidence: 2\nSelf-reflection: Most of my answers say Lyon, but others say Paris or Nice.",
    "Question: What is the chemical symbol of iron? Answer: Fe. Question: Of gold? Answer: Au.",
    "Once upon a time, there was a small language model that wanted to be honest about what it knew.",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "a", "To be, or not to be, that is the question:\nWhether 'tis nobler in the mind to suffer",
    "The currency of Japan is the yen. The currency of Switzerland is the franc.",
    "<|im_start|>user\nWhat is the capital of Kenya?<|im_end|>\n<|im_start|>assistant\nNairobi<|im_end|>\n",
    "\n\n\n   white   space\t\ttabs\n", "Ελλάδα, Москва, 東京, 서울, العربية",
    "SELECT name FROM cities WHERE population > 1000000 ORDER BY name;",
    "I don't know. I can't say. It's not certain. We're guessing.",
    "The quick brown fox jumps over the lazy dog. " * 8,
    "ZÜRICH Łódź Đà Nẵng İstanbul", "Confidence: 10",
]

QUESTIONS = [
    "What is the capital of Italy?", "What is the capital of Australia?", "What is 2 + 2?",
    "Which language is spoken in Brazil?", "What is the chemical symbol of gold?", "Who wrote Hamlet?",
    "In which country is Osaka?", "On which continent is Kenya?", "What is the currency of Japan?",
    "What is the largest planet?", "In which U.S. state is Dallas?", "What do bees make?",
    "How many legs has a spider?", "What is the capital of Mongolia?", "What is H2O?",
    "Name a colour.", "What is the opposite of hot?", "When did World War II end?",
    "What is the capital of Burkina Faso?", "Translate 'good morning' into French.",
]


def tokenizer_from_gguf(path):
    """The tokenizer as the model's own tokenizer.json has it; digits are split singly."""
    fields = GGUFReader(path).fields
    vocabulary = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(vocabulary)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(vocabulary, kinds) if kind in (2, 3, 4)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    template = fields["tokenizer.chat_template"].contents()
    end = vocabulary[fields["tokenizer.ggml.eos_token_id"].contents()]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, eos_token=end)


def write(name, records):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=True) + "\n")


def scores(model, tokenizer):
    for text in SCORED:
        ids = tokenizer.encode(text, add_special_tokens=False)
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        logs = torch.log_softmax(logits.double(), -1)
        yield {
            "text": text,
            "token_ids": ids,
            "logprobs": [logs[i, ids[i + 1]].item() for i in range(len(ids) - 1)],
            "last_logits": [round(value, 6) for value in logits[-1, ::96].tolist()],
        }


def chat(tokenizer, messages, generate):
    """Text and token ids of a conversation."""
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate)
    return text, tokenizer.encode(text, add_special_tokens=False)


def chats(tokenizer):
    user = lambda text: {"role": "user", "content": text}
    model = lambda text: {"role": "assistant", "content": text}
    system = lambda text: {"role": "system", "content": text}
    conversations = [
        [user("What is the capital of Italy?")],
        [system("Answer with a few words."), user("What is 2 + 2?")],
        [user("What is the capital of Poland?"), model("Warsaw"), user("And of Spain?")],
        [system(""), user("  spaces around  \n")],
        [user("a"), model("b"), user("c"), model("Answer: d\nConfidence: 10")],
        [user("{{ 7 * 7 }} {% raw %} <b>&amp;</b> 'q' \"q\" \\n")],
        [user("北京 🇫🇷 é")],
        [user("")],
    ]
    for messages in conversations:
        for generate in (False, True):
            text, ids = chat(tokenizer, messages, generate)
            yield {"messages": messages, "add_generation_prompt": generate, "text": text, "token_ids": ids}


def greedy(model, tokenizer):
    for question in QUESTIONS:
        _, ids = chat(tokenizer, [{"role": "user", "content": question}], True)
        made = model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
            max_new_tokens=24, return_dict_in_generate=True, output_logits=True,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
        )
        gaps = [(best[0] - best[1]).item() for best in (logits[0].topk(2).values for logits in made.logits)]
        new = made.sequences[0, len(ids):]
        response = tokenizer.decode(new, skip_special_tokens=True)
        yield {"question": question, "response": response, "token_ids": new.tolist(), "smallest_gap": min(gaps)}


def gradients(model, tokenizer):
    """Mean cross-entropy of the responses' tokens, over both chats together."""
    total, count, batch = 0.0, 0, []
    for question, response in [
        ("What is the capital of Australia?", "Answer: Canberra\nConfidence: 7"),
        ("What is the capital of Kenya?", "Answer: Nairobi\nConfidence: 10\nSelf-reflection: I am sure."),
    ]:
        _, prompt = chat(tokenizer, [{"role": "user", "content": question}], True)
        answer = tokenizer.encode(response + "<|im_end|>", add_special_tokens=False)
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


def main(gguf):
    tokenizer = tokenizer_from_gguf(gguf)
    write("tokens.jsonl", [{"text": text, "token_ids": tokenizer.encode(text, add_special_tokens=False)} for text in texts()])
    write("chats.jsonl", chats(tokenizer))
    folder, name = os.path.split(gguf)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    write("scores.jsonl", scores(model, tokenizer))
    write("greedy.jsonl", greedy(model, tokenizer))

    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=2, lora_alpha=4, target_modules=targets, layers_to_transform=[28, 29], task_type="CAUSAL_LM")
    config.base_model_name_or_path = "smollm2-135m"
    model.config._name_or_path = "smollm2-135m"
    adapted = get_peft_model(model, config).eval()
    with torch.no_grad():
        for parameter_name, parameter in sorted(adapted.named_parameters()):
            if "lora_" in parameter_name:
                parameter.copy_(torch.randn_like(parameter) * 0.05)
    adapted.peft_config["default"].base_model_name_or_path = "smollm2-135m"
    adapted.save_pretrained(os.path.join(HERE, "adapter"))
    readme = os.path.join(HERE, "adapter", "README.md")
    if os.path.exists(readme):
        os.remove(readme)
    write("adapter.jsonl", scores(adapted, tokenizer))
    gradients(adapted, tokenizer)


if __name__ == "__main__":
    main(*sys.argv[1:])
