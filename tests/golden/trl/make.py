"""Makes the golden files beside it with TRL: the gradients of one update by RLOO and by GRPO on the same
rollouts. Compared by trl.rs in tests/tests/.

    pip install torch transformers peft gguf trl==1.16.0
    python make.py GGUF_FILE

GGUF_FILE is what `sayself pull smollm2-135m` brings. On the CPU, in f32, with the adapter of
../transformers/adapter. PPO is no longer part of TRL.

rollouts.json       two questions' tokens, their rollouts (tokens, level, correctness), and the losses
                    that TRL computes of them
NAME.safetensors    the gradients: rloo; grpo, with KL from the adapter as it is; grpo-second, its second
                    update, after each value of the adapter was multiplied by 1.05
"""

import json
import os
import sys
import tempfile

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "transformers")
sys.path.insert(0, GOLDEN)
from make import chat, tokenizer_from_gguf  # noqa: E402

torch.set_num_threads(2)
# Question, and rollouts: answer, level from 2 to 9 (one token each), whether it is right.
QUESTIONS = [
    ("What is the capital of Australia?", [("Canberra", 7, True), ("Sydney", 6, False), ("Sydney", 9, False), ("Canberra", 3, True)]),
    ("What is the capital of Kenya?", [("Nairobi", 9, True), ("Nairobi", 9, True), ("Mombasa", 2, False), ("Lagos", 8, False)]),
]
KL_WEIGHT = 0.04
GROWTH = 1.05


def reward(level, correct):
    """brier-1 with the own target."""
    return correct - (level / 10 - correct) ** 2


def fixed(trainer_class, rollouts):
    """A trainer whose prompts and completions are given."""

    class Fixed(trainer_class):
        def _tokenize_prompts(self, prompts):
            return [rollout["prompt"] for rollout in rollouts], None, {}

        def _generate_single_turn(self, prompt_ids, *_):
            made = [rollout["tokens"] for rollout in rollouts]
            return made if trainer_class is RLOOTrainer else (made, None)

    return Fixed


def trainer_of(trainer_class, config_class, model, tokenizer, rollouts, **options):
    count = len(rollouts)
    config = config_class(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=count, num_generations=count // len(QUESTIONS),
        temperature=1.0, bf16=False, use_cpu=True, gradient_checkpointing=False, report_to=[], **options,
    )
    rewards = [rollout["reward"] for rollout in rollouts]
    return fixed(trainer_class, rollouts)(
        model=model, reward_funcs=lambda completions, **_: rewards, args=config, processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"prompt": [rollout["question"] for rollout in rollouts]}),
    )


def gradients(trainer, inputs, name):
    model = trainer.model
    model.zero_grad()
    trainer.current_gradient_accumulation_steps = 1
    loss = trainer.compute_loss(model, inputs)
    loss.backward()
    named = {key: p.grad.contiguous() for key, p in model.named_parameters() if p.grad is not None}
    save_file({key.replace(".default.", "."): grad for key, grad in named.items()}, os.path.join(HERE, f"{name}.safetensors"))
    return loss.item()


def main(gguf):
    tokenizer = tokenizer_from_gguf(gguf)
    tokenizer.pad_token = tokenizer.eos_token
    folder, name = os.path.split(gguf)

    def adapted():
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
        # Its weights were dequantized; the trainer asks where they came from.
        model.is_quantized = False
        return PeftModel.from_pretrained(model, os.path.join(GOLDEN, "adapter"), is_trainable=True)

    rollouts = []
    for question, drawn in QUESTIONS:
        _, prompt = chat(tokenizer, [{"role": "user", "content": question}], True)
        for answer, level, correct in drawn:
            tokens = tokenizer.encode(f"Answer: {answer}\nConfidence: {level}", add_special_tokens=False)
            rollouts.append({"question": question, "prompt": prompt, "tokens": tokens, "level": level,
                             "correct": correct, "reward": reward(level, correct)})
    inputs = [{"prompt": rollout["question"]} for rollout in rollouts]

    trainer = trainer_of(RLOOTrainer, RLOOConfig, adapted(), tokenizer, rollouts, beta=0.0)
    trainer.model.train()
    losses = {"rloo": gradients(trainer, trainer._generate_and_score_completions(inputs), "rloo")}

    trainer = trainer_of(GRPOTrainer, GRPOConfig, adapted(), tokenizer, rollouts, beta=KL_WEIGHT, loss_type="grpo",
                         scale_rewards="group", num_iterations=2)
    trainer.model.train()
    scored = trainer._generate_and_score_completions(inputs)
    losses["grpo"] = gradients(trainer, scored, "grpo")
    with torch.no_grad():
        logps, *_ = trainer._get_per_token_logps_and_entropies(
            trainer.model, torch.cat([scored["prompt_ids"], scored["completion_ids"]], 1),
            torch.cat([scored["prompt_mask"], scored["completion_mask"]], 1), scored["completion_ids"].size(1))
        for key, parameter in trainer.model.named_parameters():
            if "lora_" in key:
                parameter.mul_(GROWTH)
    scored["old_per_token_logps"] = logps
    losses["grpo-second"] = gradients(trainer, scored, "grpo-second")

    told = {"kl_weight": KL_WEIGHT, "growth": GROWTH, "losses": losses, "rollouts": rollouts}
    with open(os.path.join(HERE, "rollouts.json"), "w") as file:
        json.dump(told, file, indent=1)
        file.write("\n")


main(*sys.argv[1:])
