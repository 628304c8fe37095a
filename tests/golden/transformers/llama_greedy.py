"""Makes llama_greedy.jsonl: greedy responses of llama.cpp to GGUF files that sayself exported; compared by
tests/tests/peers/export.rs.

    pip install llama-cpp-python
    python llama_greedy.py GGUF_FILE
    (SAYSELF names the program; default: target/release/sayself)

GGUF_FILE is what `sayself pull smollm2-135m` brings. In each format: the file is exported with the adapter
beside this script merged in, loaded, and asked by the chat template that it carries; keys and values in f32.
`until_a_tie` is the response before the first step at which the two best logits are closer than TIE: both
programs round activations to 8 bits, each in its own way, so that those may swap places.
"""

import json
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SAYSELF", os.path.join(HERE, "../../../target/release/sayself"))
QUESTIONS, TOKENS, TIE = 12, 24, 0.5


def exported(gguf, kind, folder):
    path = os.path.join(folder, f"{kind}.gguf")
    command = [PROGRAM, "export", "--model", gguf, "--adapter", os.path.join(HERE, "adapter"), "--gguf", kind]
    subprocess.run(command + ["--out", path, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return path


def greedy(llama, question):
    """The response, and what of it comes before the first tie."""
    formatter = llama_cpp.llama_chat_format.Jinja2ChatFormatter(
        llama.metadata["tokenizer.chat_template"],
        eos_token=llama.detokenize([llama.token_eos()], special=True).decode(),
        bos_token=llama.detokenize([llama.token_bos()], special=True).decode(),
    )
    prompt = formatter(messages=[{"role": "user", "content": question}]).prompt
    tokens = llama.tokenize(prompt.encode(), add_bos=False, special=True)
    llama.reset()
    llama.eval(tokens)
    made, sure = [], None
    while len(made) < TOKENS:
        logits = numpy.ctypeslib.as_array(llama._ctx.get_logits(), (llama.n_vocab(),))
        second, best = numpy.partition(logits, -2)[-2:]
        if sure is None and best - second < TIE:
            sure = len(made)
        token = int(logits.argmax())
        if llama_cpp.llama_vocab_is_eog(llama._model.vocab, token):
            break
        made.append(token)
        llama.eval([token])
    text = lambda tokens: llama.detokenize(tokens).decode(errors="ignore")
    return text(made), text(made[:sure])


def main(gguf):
    with open(os.path.join(HERE, "greedy.jsonl"), encoding="utf-8") as file:
        questions = [json.loads(line)["question"] for line in file][:QUESTIONS]
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("q4_0", "q4_1", "q8_0", "f16"):
            llama = llama_cpp.Llama(
                exported(gguf, kind, folder), n_ctx=512, verbose=False, type_k=llama_cpp.GGML_TYPE_F32,
                type_v=llama_cpp.GGML_TYPE_F32, n_threads=2,
            )
            for question in questions:
                response, sure = greedy(llama, question)
                records.append({"format": kind, "question": question, "response": response, "until_a_tie": sure})
    with open(os.path.join(HERE, "llama_greedy.jsonl"), "w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
