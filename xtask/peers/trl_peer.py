"""TRL's RLOO trainer, one step a line. VARIANT: f32 or bf16."""

import tempfile
import time

import torch
from datasets import Dataset
from peft import LoraConfig
from side import CHECKED, THREADS, arguments, mean_logprob, serve
from transformers import AutoTokenizer, TrainerCallback
from transformers_peer import RANK, load, scorer
from trl import RLOOConfig, RLOOTrainer

torch.set_num_threads(THREADS)
QUESTIONS, SAMPLES, TOKENS = 8, 8, 48


def share_of_vowels(completions, **_):
    return [sum(letter in "aeiou" for letter in text) / max(len(text), 1) for text in completions]


class Timer(TrainerCallback):
    """Seconds of the step: its sampling, rewards and update."""

    def on_step_begin(self, *_, **__):
        self.start = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds = time.perf_counter() - self.start


def main():
    name, variant, inputs = arguments()
    model = load(inputs["model"], variant)
    # Its weights were dequantized; the trainer asks where they came from.
    model.is_quantized = False
    check = mean_logprob(inputs["golds"][::CHECKED], scorer(model))
    folder, _, file = inputs["model"].rpartition("/")
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    prompts = [tokenizer.decode(prompt) for prompt in inputs["questions"][:QUESTIONS]]
    config = RLOOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=QUESTIONS * SAMPLES,
        num_generations=SAMPLES,
        max_completion_length=TOKENS,
        temperature=1.0,
        beta=0.0,
        learning_rate=1e-4,
        max_steps=1,
        num_iterations=1,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    timer = Timer()
    trainer = RLOOTrainer(
        model=model,
        reward_funcs=share_of_vowels,
        args=config,
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=RANK, lora_alpha=RANK, target_modules=targets, task_type="CAUSAL_LM"),
        callbacks=[timer],
    )

    def step():
        trainer.train()
        return timer.seconds

    serve([check], step)


main()
