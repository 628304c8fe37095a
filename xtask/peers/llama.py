"""llama.cpp, by its C interface as llama-cpp-python has it. VARIANT: q4_0, q4_1 (as shipped) or q8_0; with
`-parts` after it, prompts are computed 32 tokens at a time, not 512."""

import ctypes
import math
import os
import sys

import llama_cpp as C
import numpy as np
from side import CHECKED, THREADS, arguments, mean_logprob, rate, seconds, serve

CONTEXT = 16_384
# Tokens of a prompt that are computed at once.
AT_ONCE, AT_ONCE_IN_PARTS = 512, 32
# Tokens of a greedy answer, and questions that are asked for one.
ANSWER_TOKENS, ANSWERS = 8, 200
FORMATS = {"q4_0": C.LLAMA_FTYPE_MOSTLY_Q4_0, "q8_0": C.LLAMA_FTYPE_MOSTLY_Q8_0}
SILENT = C.llama_log_callback(lambda level, text, data: None)


def file_in(source, variant):
    """The model in a format: as it is, or requantized by llama.cpp's own tool, once."""
    if variant == "q4_1":
        return source
    folder = os.path.join(sys.prefix, "models")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{variant}-{os.path.basename(source)}")
    if not os.path.exists(path):
        options = C.llama_model_quantize_default_params()
        options.ftype = FORMATS[variant]
        options.allow_requantize = True
        options.nthread = THREADS
        made = C.llama_model_quantize(source.encode(), (path + ".part").encode(), ctypes.byref(options))
        if made != 0:
            raise RuntimeError(f"llama.cpp cannot requantize {source} to {variant}")
        os.rename(path + ".part", path)
    return path


class Llama:
    def __init__(self, path, at_once):
        C.llama_log_set(SILENT, None)
        C.llama_backend_init()
        options = C.llama_model_default_params()
        options.n_gpu_layers = 0
        self.model = C.llama_model_load_from_file(path.encode(), options)
        options = C.llama_context_default_params()
        options.n_ctx = CONTEXT
        options.n_batch = options.n_ubatch = AT_ONCE
        options.n_seq_max = 64
        options.n_threads = options.n_threads_batch = THREADS
        options.kv_unified = True
        self.context = C.llama_init_from_model(self.model, options)
        if not self.context:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        self.vocab = C.llama_model_get_vocab(self.model)
        self.width = C.llama_vocab_n_tokens(self.vocab)
        self.memory = C.llama_get_memory(self.context)
        self.batch = C.llama_batch_init(AT_ONCE, 0, 1)
        self.at_once = at_once
        self.scored = []

    def clear(self):
        self.scored = []
        C.llama_memory_clear(self.memory, False)

    def decode(self, rows):
        """Computes rows of (token, position, sequence, whether its logits are wanted)."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for index, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = wanted
        if C.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")

    def prompt(self, tokens, sequence=0):
        for start in range(0, len(tokens), self.at_once):
            part = tokens[start : start + self.at_once]
            last = len(tokens) - 1
            self.decode([(token, start + i, sequence, start + i == last) for i, token in enumerate(part)])

    def score(self, tokens, start):
        """What has been computed of the text before is not computed again."""
        kept = 0
        while kept < min(start - 1, len(self.scored)) and tokens[kept] == self.scored[kept]:
            kept += 1
        C.llama_memory_seq_rm(self.memory, 0, kept, -1)
        self.scored = tokens[:-1]
        rows = [(token, kept + i, 0, kept + i >= start - 1) for i, token in enumerate(tokens[kept:-1])]
        self.decode(rows)
        logprobs = []
        for place in range(start - 1, len(tokens) - 1):
            logits = np.ctypeslib.as_array(C.llama_get_logits_ith(self.context, place - kept), (self.width,))
            logits = logits.astype(np.float64)
            top = logits.max()
            logprobs.append(logits[tokens[place + 1]] - top - math.log(np.exp(logits - top).sum()))
        return logprobs

    def sampler(self, temperature, seed):
        chain = C.llama_sampler_chain_init(C.llama_sampler_chain_default_params())
        if temperature == 0:
            C.llama_sampler_chain_add(chain, C.llama_sampler_init_greedy())
        else:
            C.llama_sampler_chain_add(chain, C.llama_sampler_init_dist(seed))
        return chain

    def piece(self, token):
        buffer = ctypes.create_string_buffer(64)
        length = C.llama_token_to_piece(self.vocab, token, buffer, 64, 0, False)
        return buffer.raw[: max(length, 0)]

    def generate(self, prompts, samples, rows, temperature, most, stop=None):
        """Continuous batching as llama.cpp's own server does it: a prompt is computed once, its keys
        and values are shared by its samples, and a row that ends makes place for one that waits.
        Returns the numbers of tokens and of answers."""
        self.clear()
        samplers = [self.sampler(temperature, seed) for seed in range(rows + 1)]
        # Sequence 0 holds the prompt whose samples start; `firsts` are their first tokens.
        prompts = iter(prompts)
        held, firsts, free, active = 0, [], list(range(rows, 0, -1)), []
        drawn = answers = 0

        def goes_on(token, count):
            nonlocal drawn, answers
            ended = C.llama_vocab_is_eog(self.vocab, token)
            drawn += not ended
            ended = ended or count == most or (stop is not None and stop in self.piece(token))
            answers += ended
            return not ended

        while True:
            while free:
                if not firsts:
                    prompt = next(prompts, None)
                    if prompt is None:
                        break
                    C.llama_memory_seq_rm(self.memory, 0, -1, -1)
                    self.prompt(prompt)
                    held = len(prompt)
                    firsts = [C.llama_sampler_sample(samplers[0], self.context, -1) for _ in range(samples)]
                token = firsts.pop()
                if goes_on(token, 1):
                    sequence = free.pop()
                    C.llama_memory_seq_cp(self.memory, 0, sequence, -1, -1)
                    active.append([token, held, sequence, 1])
            if not active:
                break
            self.decode([(token, position, sequence, True) for token, position, sequence, _ in active])
            still = []
            for place, (_, position, sequence, count) in enumerate(active):
                token = C.llama_sampler_sample(samplers[sequence], self.context, place)
                if goes_on(token, count + 1):
                    still.append([token, position + 1, sequence, count + 1])
                else:
                    C.llama_memory_seq_rm(self.memory, sequence, -1, -1)
                    free.append(sequence)
            active = still
        for sampler in samplers:
            C.llama_sampler_free(sampler)
        return drawn, answers

    def greedy(self, prompt):
        """The answer's tokens; one that ends early is filled up."""
        self.clear()
        self.prompt(prompt)
        sampler, tokens = self.sampler(0, 0), []
        for position in range(len(prompt), len(prompt) + ANSWER_TOKENS):
            token = C.llama_sampler_sample(sampler, self.context, -1)
            if C.llama_vocab_is_eog(self.vocab, token):
                break
            tokens.append(token)
            self.decode([(token, position, 0, True)])
        C.llama_sampler_free(sampler)
        return tokens + [-1] * (ANSWER_TOKENS - len(tokens))


def growing(llama, name, inputs):
    """The work `growth-AXIS-SIZE`."""
    _, axis, size = name.split("-")
    size = int(size)
    if axis == "questions":
        return lambda: llama.generate(inputs["questions"][:size], 10, 63, 1.0, 24, b"\n")
    if axis == "samples":
        return lambda: llama.generate([inputs["prompts"][1]], size, min(size, 63), 1.0, 64)
    return lambda: llama.generate([inputs["training"][:size]], 10, 10, 1.0, 64)


def main():
    name, variant, inputs = arguments()
    form = variant.removesuffix("-parts")
    at_once = AT_ONCE if form == variant else AT_ONCE_IN_PARTS
    llama = Llama(file_in(inputs["model"], form), at_once)
    if name == "greedy":
        prompts = [gold["tokens"][: gold["start"]] for gold in inputs["golds"][:ANSWERS]]
        answers = [llama.greedy(prompt) for prompt in prompts]
        serve([token for answer in answers for token in answer], lambda: 0)
        return
    step = 1 if name == "gold-perplexity" else CHECKED
    check = mean_logprob(inputs["golds"][::step], llama.score)
    short, medium, long = inputs["prompts"]
    works = {
        "decode-1": lambda: llama.generate([short], 1, 1, 0, 128)[0],
        "sample-50": lambda: llama.generate([medium], 50, 50, 1.0, 64)[0],
        "sample-many": lambda: llama.generate(inputs["questions"][:200], 10, 63, 1.0, 24, b"\n")[1],
        "prefill-512": lambda: (llama.generate([long], 1, 1, 0, 1), len(long))[1],
    }
    if name == "gold-perplexity":
        serve([check], lambda: math.exp(-check))
    elif name.startswith("growth-"):
        serve([check], seconds(growing(llama, name, inputs)))
    else:
        serve([check], rate(works[name]))


main()
