"""Makes pulled.jsonl beside it with transformers and llama-cpp-python; compared by
trainer/model/tests/gemma.rs.

    pip install torch transformers llama-cpp-python gguf numpy
    python make_pulled.py GGUF_FILE

GGUF_FILE is what `sayself pull gemma3-270m` brings. transformers dequantizes it and computes in f32.
llama.cpp multiplies quantized weights by quantized activations; so that it can be compared closely, it
reads the file with its weights in f32, as the package `gguf` dequantizes them, and keeps keys and
values in f32. What is left is its GELU, which it reads from a table of 16-bit floats.

pulled.jsonl      texts with llama.cpp's token ids (with and without the first token), the
                  log-probability of each token after the first by both, and 512 of the last
                  position's logits by transformers; one text is longer than the window
"""

import json
import os
import sys
import tempfile

import llama_cpp
import numpy
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, quants
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)
CONTEXT = 1_024
STRIDE = 512

LONG = " ".join(f"Line {n}: the number {n} comes after {n - 1} and before {n + 1}." for n in range(1, 36))

TEXTS = [
    "The capital of France is Paris. The capital of Australia is Canberra, not Sydney.",
    "In 1969, Apollo 11 landed on the Moon; in 1999 there were 6,000,000,000 people.",
    "def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\n",
    "São Tomé and Príncipe lies in the Gulf of Guinea. 北京是中国的首都。",
    "Answer: Canberra\nConfidence: 10\nSelf-reflection: I am nearly sure, though some of my answers say Sydney.",
    "<start_of_turn>user\nWhat is the capital of Kenya?<end_of_turn>\n<start_of_turn>model\nNairobi<end_of_turn>\n",
    "\n\n\n   white   space\t\ttabs\n", "Ελλάδα, Москва, 東京, 서울, العربية", "👩‍👩‍👧‍👦 family 🇫🇷 e\u0301 é ﬁne",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", "3.14159 0x1F 8/10 2024-11-25 007 ½ ¾ ²³ $5 50%",
    "<div class=\"a\">&amp;</div> <b>bold</b> https://example.org/a?b=c#d a_b-c.d camelCase",
    "a", " leading and trailing ", "don't I'm they'll 'quoted' \"double\" ... !? — (a) [1] {x} C++",
    "Zürich Łódź Đà Nẵng İstanbul straße o’clock \u200b\u3000\u00a0 \U0010ffff",
    LONG,
]


def dequantized(path, out):
    """The same file with all tensors in f32."""
    reader = GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(out, architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        inner = field.types[1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], inner)
    for tensor in reader.tensors:
        values = quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        shape = tuple(int(size) for size in reversed(tensor.shape))
        writer.add_tensor(tensor.name, values.reshape(shape), raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def of_llama_cpp(path):
    """Token ids and log-probabilities."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "f32.gguf")
        dequantized(path, out)
        model = llama_cpp.Llama(
            out, n_ctx=CONTEXT, n_batch=CONTEXT, n_threads=1, n_threads_batch=1, logits_all=True, flash_attn=False,
            type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32, verbose=False,
        )
        for text in TEXTS:
            plain = model.tokenize(text.encode(), add_bos=False, special=True)
            ids = model.tokenize(text.encode(), add_bos=True, special=True)
            model.reset()
            model.eval(ids)
            logs = torch.log_softmax(torch.tensor(model.scores[: len(ids)]).double(), -1)
            yield {"text": text, "plain_token_ids": plain, "token_ids": ids, "llama_cpp_logprobs": chosen(logs, ids)}


def chosen(logs, ids):
    return [round(logs[i, ids[i + 1]].item(), 6) for i in range(len(ids) - 1)]


def main(path):
    records = list(of_llama_cpp(path))
    folder, name = os.path.split(os.path.abspath(path))
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with open(os.path.join(HERE, "pulled.jsonl"), "w") as file:
        for record in records:
            ids = record["token_ids"]
            with torch.no_grad():
                logits = model(torch.tensor([ids])).logits[0]
            record["logprobs"] = chosen(torch.log_softmax(logits.double(), -1), ids)
            record["last_logits"] = [round(value, 5) for value in logits[-1, ::STRIDE].tolist()]
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
