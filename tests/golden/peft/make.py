"""Makes the golden files beside it with transformers and PEFT; compared by trainer/model/tests/peft.rs.

    pip install torch transformers peft
    python make.py

On the CPU, in f32, with fixed seeds.

model/            a Llama with random weights: config.json, model.safetensors
NAME/             adapters as PEFT saves them, whose configurations say in different ways which modules
                  they are for: a list, a regular expression, all-linear, layers of their own; with
                  rank-stabilised scale; and with features that are refused (REFUSED)
logits.json       logits of the last position of one sequence: of the model, and under each adapter that
                  is not refused, once beside the weights and once merged into them by PEFT
"""

import json
import os
import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 35]

COMMON = {"r": 2, "lora_alpha": 4, "task_type": "CAUSAL_LM"}
ADAPTERS = {
    "list": {"target_modules": ["q_proj", "v_proj"]},
    "regex": {"target_modules": r".*\.layers\.1\.(self_attn\.[kvo]_proj|mlp\.up_proj)"},
    "all-linear": {"target_modules": "all-linear"},
    "one-layer": {"target_modules": ["down_proj", "gate_proj"], "layers_to_transform": [1]},
    "rslora": {"target_modules": ["q_proj", "k_proj"], "use_rslora": True, "r": 4},
}
REFUSED = {
    "rank-pattern": {"target_modules": ["q_proj", "v_proj"], "rank_pattern": {"v_proj": 3}},
    "alpha-pattern": {"target_modules": ["q_proj", "v_proj"], "alpha_pattern": {"v_proj": 8}},
    "dora": {"target_modules": ["q_proj"], "use_dora": True},
    "bias": {"target_modules": ["q_proj"], "bias": "lora_only"},
    "modules-to-save": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "output-layer": {"target_modules": ["q_proj", "lm_head"]},
}


def base():
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False, rms_norm_eps=1e-5,
        dtype="float32", initializer_range=0.3,
    )
    return LlamaForCausalLM(config).eval()


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0, -1].tolist()


def adapted(options):
    model = get_peft_model(base(), LoraConfig(**{**COMMON, **options})).eval()
    torch.manual_seed(13)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_A" in name or "lora_B" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    model.peft_config["default"].base_model_name_or_path = "model"
    return model


def save(name, model):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, save_embedding_layers=False)
    for more in ("README.md", "generation_config.json"):
        if os.path.exists(os.path.join(folder, more)):
            os.remove(os.path.join(folder, more))


def main():
    model = base()
    model.save_pretrained(os.path.join(HERE, "model"))
    os.remove(os.path.join(HERE, "model", "generation_config.json"))
    told = {"tokens": TOKENS, "base": logits(model), "adapters": {}}
    for name, options in ADAPTERS.items():
        model = adapted(options)
        save(name, model)
        beside = logits(model)
        told["adapters"][name] = {"beside": beside, "merged": logits(model.merge_and_unload())}
    for name, options in REFUSED.items():
        save(name, adapted(options))
    with open(os.path.join(HERE, "logits.json"), "w") as file:
        json.dump(told, file)
        file.write("\n")


if __name__ == "__main__":
    main()
