"""transformers and PEFT on torch. VARIANT: f32 or bf16."""

import torch
from side import CHECKED, THREADS, arguments, mean_logprob, rate, seconds, serve
from transformers import AutoModelForCausalLM

torch.set_num_threads(THREADS)
torch.manual_seed(7)
RANK = 64
# Texts that are padded to one length.
TEXTS_AT_ONCE = 8


def load(path, variant):
    folder, _, file = path.rpartition("/")
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[variant]
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=dtype).eval()


def logprobs(logits, targets):
    return torch.log_softmax(logits.float(), -1).gather(-1, targets[..., None])[..., 0]


def scorer(model):
    def score(tokens, start):
        with torch.inference_mode():
            ids = torch.tensor([tokens])
            logits = model(ids[:, :-1]).logits[:, start - 1 :]
            return logprobs(logits, ids[:, start:])[0].tolist()

    return score


def sample(model, prompt, samples, most):
    """Tokens drawn, those after the end of a turn left out."""
    ids = torch.tensor([prompt])
    end = model.generation_config.eos_token_id
    ends = end if isinstance(end, list) else [end]
    with torch.inference_mode():
        drawn = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            num_return_sequences=samples,
            max_new_tokens=most,
            pad_token_id=ends[0],
        )[:, len(prompt) :]
    ended = torch.isin(drawn, torch.tensor(ends)).cumsum(-1) > 0
    return int((~ended).sum())


def prefill(model, prompt):
    with torch.inference_mode():
        model(torch.tensor([prompt]), logits_to_keep=1)
    return len(prompt)


def score_all(model, texts):
    """In batches of like lengths, so that little is padded."""
    by_length = sorted(texts, key=len)
    with torch.inference_mode():
        for start in range(0, len(by_length), TEXTS_AT_ONCE):
            part = by_length[start : start + TEXTS_AT_ONCE]
            longest = max(map(len, part))
            ids = torch.tensor([text + [0] * (longest - len(text)) for text in part])
            mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in part])
            logits = model(ids[:, :-1], attention_mask=mask[:, :-1]).logits
            logprobs(logits, ids[:, 1:])
    return sum(map(len, texts))


def lora_step(model, training, rows, tokens):
    from peft import LoraConfig, get_peft_model

    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=targets, task_type="CAUSAL_LM")
    model = get_peft_model(model, config)
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01)
    ids = torch.tensor(training[: rows * tokens]).view(rows, tokens)

    def loss():
        return model(ids, labels=ids).loss

    def step():
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    with torch.inference_mode():
        check = float(loss())
    return [check], seconds(step)


def main():
    name, variant, inputs = arguments()
    model = load(inputs["model"], variant)
    if name.startswith("lora-"):
        rows, tokens = map(int, name.removeprefix("lora-").split("x"))
        serve(*lora_step(model, inputs["training"], rows, tokens))
        return
    check = mean_logprob(inputs["golds"][::CHECKED], scorer(model))
    _, medium, long = inputs["prompts"]
    works = {
        "sample-50": lambda: sample(model, medium, 50, 64),
        "prefill-512": lambda: prefill(model, long),
        "score": lambda: score_all(model, inputs["texts"]),
    }
    serve([check], rate(works[name]))


if __name__ == "__main__":
    main()
