"""Whether what sayself exports loads in transformers and in the `datasets` library, and is the same.

    python export_loads.py GGUF_FILE [RUN]
    (SAYSELF names the program; default: target/release/sayself)

Not part of `cargo xtask test`, since it needs torch. The merged folder (GGUF_FILE and the adapter beside this
script) must give the token ids, chats and log-probabilities of the golden files, RUN (a run directory) must
be read as a data set with the columns that its card names. Prints what was compared; exits with 1 where
something differs, log-probabilities by more than 1e-4.
"""

import json
import os
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SAYSELF", os.path.join(HERE, "../../../target/release/sayself"))


def export(*arguments):
    subprocess.run([PROGRAM, "export", *arguments, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def golden(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check_merged(gguf, folder):
    export("--model", gguf, "--adapter", os.path.join(HERE, "adapter"), "--merged", "--out", folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = golden("tokens.jsonl")
    for line in texts:
        assert tokenizer.encode(line["text"], add_special_tokens=False) == line["token_ids"], line["text"]
    chats = golden("chats.jsonl")
    for line in chats:
        text = tokenizer.apply_chat_template(
            line["messages"], tokenize=False, add_generation_prompt=line["add_generation_prompt"]
        )
        assert text == line["text"], text
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    differences = []
    for line in golden("adapter.jsonl"):
        ids = torch.tensor([line["token_ids"]])
        with torch.no_grad():
            logits = model(ids).logits[0]
        logs = torch.log_softmax(logits.double(), -1)
        ours = [logs[i, ids[0, i + 1]].item() for i in range(ids.shape[1] - 1)]
        differences += [abs(a - b) for a, b in zip(ours, line["logprobs"])]
        differences += [abs(a - b) for a, b in zip(logits[-1, ::96].tolist(), line["last_logits"])]
    print(f"{len(texts)} texts and {len(chats)} chats in the same tokens; {len(differences)} log-probabilities and "
          f"logits, greatest difference {max(differences):.2e}")
    return max(differences) <= 1e-4


def check_dataset(run, folder):
    from datasets import get_dataset_config_names, load_dataset

    export("--dataset", "--run", run, "--out", folder)
    for name in get_dataset_config_names(folder):
        loaded = load_dataset(folder, name, cache_dir=os.path.join(folder, ".cache"))
        rows = {split: len(part) for split, part in loaded.items()}
        print(f"{name}: {rows}")
    return True


def main(gguf, run=None):
    with tempfile.TemporaryDirectory() as folder:
        is_same = check_merged(gguf, os.path.join(folder, "merged"))
        if run is not None:
            is_same &= check_dataset(run, os.path.join(folder, "set"))
    sys.exit(not is_same)


if __name__ == "__main__":
    main(*sys.argv[1:])
