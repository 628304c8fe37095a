"""Whether an adapter that sayself wrote loads in PEFT and gives the same log-probabilities.

    python adapter_loads_in_peft.py GGUF_FILE ADAPTER_FOLDER
    (SAYSELF names the program; default: target/release/sayself)

Not part of `cargo xtask test`, since it needs torch. Prints the greatest difference; exits with 1
above 1e-4.
"""

import json
import os
import subprocess
import sys
import tempfile

import torch
from make import HERE, SCORED, scores, tokenizer_from_gguf
from peft import PeftModel
from transformers import AutoModelForCausalLM

gguf, adapter = sys.argv[1:]
program = os.environ.get("SAYSELF", os.path.join(HERE, "../../../target/release/sayself"))
folder, name = os.path.split(gguf)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
theirs = list(scores(PeftModel.from_pretrained(model, adapter).eval(), tokenizer_from_gguf(gguf)))

texts = "".join(json.dumps({"text": text}) + "\n" for text in SCORED)
with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
    file.write(texts)
    file.flush()
    command = [program, "score", "--model", gguf, "--adapter", adapter, "--dequantize", file.name, "--json"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
ours = [json.loads(line) for line in printed.splitlines()]

differences = [
    abs(a - b) for left, right in zip(ours, theirs) for a, b in zip(left["logprobs"], right["logprobs"])
]
assert [line["token_ids"] for line in ours] == [line["token_ids"] for line in theirs]
print(f"{len(differences)} log-probabilities, greatest difference {max(differences):.2e}")
sys.exit(max(differences) > 1e-4)
