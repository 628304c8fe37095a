"""How far simple features carry: is the base model's greedy answer right?

    pip install scikit-learn==1.9.1 numpy
    python datasets/world-facts/features.py datasets/results/world-facts-smollm2-135m

Logistic regression on the template, the answer's likelihood and the share of samples that agree with it, in
five folds by entity, from the answers of a run's `sequence-likelihood` and `self-consistency`. What a taught
model must beat, on these very questions; and a measure of how hard they are beside other sets.
"""

import json
import pathlib
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold


def answers(run, label):
    path = pathlib.Path(run, "evaluate", label, "answers.jsonl")
    with open(path, encoding="utf-8") as file:
        return {row["id"]: row for row in map(json.loads, file)}


def within(template, correct, confidence):
    """AUROC over the pairs of one template each."""
    right, pairs = 0.0, 0.0
    for number in np.unique(template):
        rows = template == number
        count = correct[rows].sum() * (rows.sum() - correct[rows].sum())
        if count:
            right += roc_auc_score(correct[rows], confidence[rows]) * count
            pairs += count
    return right / pairs


def main():
    likelihood, consistency = (answers(sys.argv[1], label) for label in ["sequence-likelihood", "self-consistency"])
    ids = [one for one in likelihood if one in consistency]
    row = [likelihood[one] for one in ids]
    correct = np.array([one["correct"] for one in row], dtype=int)
    probability = np.array([one["probability"] for one in row])
    log = np.log(probability.clip(1e-6, 1 - 1e-6))
    said = [(consistency[one]["answer"] or "", consistency[one]["probability"]) for one in ids]
    agrees = np.array([share * (answer.lower() == (one["answer"] or "").lower()) for (answer, share), one in zip(said, row)])
    share = np.array([share for _, share in said])
    names = sorted({one["template"] for one in row})
    template = np.array([names.index(one["template"]) for one in row])
    entities = {entity: number for number, entity in enumerate(sorted({one["entity"] for one in row}))}
    entity = np.array([entities[one["entity"]] for one in row])
    one_hot = np.eye(len(names))[template]
    features = np.c_[log, probability, share, agrees, one_hot, one_hot * log[:, None], one_hot * agrees[:, None]]
    fitted, rate = np.zeros(len(ids)), np.zeros(len(ids))
    for train, test in GroupKFold(5).split(features, correct, entity):
        model = LogisticRegression(C=0.3, max_iter=2000).fit(features[train], correct[train])
        fitted[test] = model.predict_proba(features[test])[:, 1]
        for number in np.unique(template[test]):
            rows = test[template[test] == number]
            rate[rows] = correct[train[template[train] == number]].mean()
    base = ((rate - correct) ** 2).mean()
    print(f"{len(ids)} questions, {len(names)} templates, accuracy {correct.mean():.3f}")
    for name, confidence in [
        ("template rate", rate), ("features", fitted), ("likelihood", probability), ("self-consistency", share),
    ]:
        brier = ((confidence - correct) ** 2).mean()
        print(
            f"{name:<17} AUROC {roc_auc_score(correct, confidence):.3f}  within template "
            f"{within(template, correct, confidence):.3f}  Brier {brier:.3f}  skill {1 - brier / base:+.2f}"
        )


if __name__ == "__main__":
    main()
