"""What the base model's hidden states know: is its greedy answer right?

    pip install scikit-learn==1.9.1 numpy torch==2.15.0 transformers==5.24.0 accelerate gguf
    python datasets/world-facts/probe.py datasets/results/world-facts-smollm2-135m GGUF_FILE

Logistic regression on the hidden states where a confidence would follow the answer, in five folds by entity, as
`features.py` has it; GGUF_FILE is what `sayself pull smollm2-135m` brings. Layers and strength were chosen before
the figures were seen. Taught on ever more of the questions, it shows what more of them would bring.
"""

import pathlib
import sys

import numpy as np
import torch
from features import answers, within
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from transformers import AutoModelForCausalLM, AutoTokenizer

# Of 30: three quarters up, where what is known stands, and two beside it.
LAYERS = [15, 20, 25]
STRENGTH = 0.003
FOLDS = 5
# Shares of the questions of a fold that are learnt from.
SHARES = [1 / 8, 1 / 4, 1 / 2, 1]
TEXTS_AT_ONCE = 32


def states(file, rows):
    """Hidden states after "Confidence:", one row a question, the layers side by side."""
    path = pathlib.Path(file)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    texts = [
        f"<|im_start|>user\n{row['question']}<|im_end|>\n<|im_start|>assistant\nAnswer: {row['answer'] or ''}\nConfidence:"
        for row in rows
    ]
    tokens = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    order = sorted(range(len(texts)), key=lambda one: len(tokens[one]))
    found = np.zeros((len(texts), len(LAYERS) * model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), TEXTS_AT_ONCE):
            part = order[start : start + TEXTS_AT_ONCE]
            longest = max(len(tokens[one]) for one in part)
            ids = torch.tensor([tokens[one] + [0] * (longest - len(tokens[one])) for one in part])
            mask = torch.tensor([[1] * len(tokens[one]) + [0] * (longest - len(tokens[one])) for one in part])
            hidden = model.model(ids, attention_mask=mask, output_hidden_states=True).hidden_states
            for place, one in enumerate(part):
                found[one] = torch.cat([hidden[layer][place, len(tokens[one]) - 1] for layer in LAYERS])
            print(f"\r{start + len(part)} of {len(order)} questions", end="", file=sys.stderr)
    print(file=sys.stderr)
    return found


def main():
    rows = list(answers(sys.argv[1], "sequence-likelihood").values())
    correct = np.array([row["correct"] for row in rows], dtype=int)
    names = sorted({row["template"] for row in rows})
    template = np.array([names.index(row["template"]) for row in rows])
    entities = {entity: number for number, entity in enumerate(sorted({row["entity"] for row in rows}))}
    entity = np.array([entities[row["entity"]] for row in rows])
    probability = np.array([row["probability"] for row in rows]).clip(1e-6, 1 - 1e-6)
    beside = np.c_[np.eye(len(names))[template], np.log(probability), probability]
    hidden = states(sys.argv[2], rows)
    print(f"{len(rows)} questions, {len(names)} templates, accuracy {correct.mean():.3f}")
    draw = np.random.default_rng(42)
    for what, features in [("states", hidden), ("states, template and likelihood", np.c_[hidden, beside])]:
        for share in SHARES:
            fitted, rate = np.zeros(len(rows)), np.zeros(len(rows))
            learnt = 0
            for train, test in GroupKFold(FOLDS).split(features, correct, entity):
                # Whole entities, so that fewer questions are fewer things known.
                kept = draw.permutation(np.unique(entity[train]))
                kept = train[np.isin(entity[train], kept[: round(len(kept) * share)])]
                learnt += len(kept) / FOLDS
                scaler = StandardScaler().fit(features[kept])
                model = LogisticRegression(C=STRENGTH, max_iter=2000)
                model.fit(scaler.transform(features[kept]), correct[kept])
                fitted[test] = model.predict_proba(scaler.transform(features[test]))[:, 1]
                for number in np.unique(template[test]):
                    same = test[template[test] == number]
                    rate[same] = correct[train[template[train] == number]].mean()
            skill = 1 - ((fitted - correct) ** 2).mean() / ((rate - correct) ** 2).mean()
            print(
                f"{what}, learnt from {learnt:.0f}: AUROC {roc_auc_score(correct, fitted):.3f}  within template "
                f"{within(template, correct, fitted):.3f}  skill {skill:+.2f}"
            )


if __name__ == "__main__":
    main()
