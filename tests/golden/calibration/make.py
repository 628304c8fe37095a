"""Makes measures.json: what the peers say of small random data sets.

    pip install relplot==1.0.3 uncertainty-calibration==0.1.4 torchmetrics==1.9.0 scikit-learn==1.9.1
    python tests/golden/calibration/make.py

`trainer/calibration/tests/golden.rs` compares our measures with it. Equal width is torchmetrics',
equal mass and debiased L2 are uncertainty-calibration's, smECE is relplot's, Brier, its parts, AUROC
and isotonic regression are scikit-learn's. No peer has ECE-sweep, AURC and AUGRC with ties in
expectation: those are written out below as their papers define them, in the slowest and plainest way.
"""

import json
import pathlib

import calibration as uncertainty_calibration
import numpy as np
import relplot
import torch
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from torchmetrics.functional.classification import binary_calibration_error

utils = uncertainty_calibration.utils


def sweep(confidence, correct):
    """Roelofs et al. 2012.08668, algorithm 1: the last number of bins before accuracy falls."""
    order = np.argsort(confidence, kind="stable")
    confidence, correct = confidence[order], correct[order]
    bins = 1
    while bins < len(confidence):
        # Exact: a mean of 0/1 as a fraction of integers.
        parts = [(int(part.sum()), len(part)) for part in np.array_split(correct, bins + 1)]
        if any(a[0] * b[1] > b[0] * a[1] for a, b in zip(parts, parts[1:])):
            break
        bins += 1
    gaps = zip(np.array_split(confidence, bins), np.array_split(correct, bins))
    return sum(abs(c.sum() - y.sum()) for c, y in gaps) / len(confidence), bins


def risk(confidence, correct):
    """AURC and AUGRC: expected errors among the i most confident, ties in random order."""
    n = len(confidence)
    errors, above = [], 0.0
    for value in sorted(set(confidence), reverse=True):
        tied = correct[confidence == value]
        wrong = float((1 - tied).sum())
        errors += [above + wrong * (j + 1) / len(tied) for j in range(len(tied))]
        above += wrong
    errors = np.array(errors)
    return float(np.mean(errors / np.arange(1, n + 1))), float(np.mean(errors / n))


def by_level(confidence, correct):
    gaps = [abs((confidence - correct)[confidence == value].sum()) for value in set(confidence)]
    return sum(gaps) / len(confidence)


def measure(confidence, correct):
    confidence, correct = np.array(confidence), np.array(correct)
    y = correct.astype(float)
    tensor = torch.tensor(confidence, dtype=torch.float64), torch.tensor(correct)
    bins = utils.get_equal_bins(list(confidence), 15)
    binned = utils.bin(list(zip(confidence, y)), bins)
    smece, sigma = relplot.smECE(confidence, y, return_width=True)
    recalibrated = IsotonicRegression(y_min=0, y_max=1).fit_transform(confidence, y)
    brier = brier_score_loss(correct, confidence, pos_label=1)
    after = float(np.mean((recalibrated - y) ** 2))
    unc = float(y.mean() * (1 - y.mean()))
    clipped = np.clip(confidence, 0.01, 0.99)
    aurc, augrc = risk(confidence, correct)
    ece_sweep, sweep_bins = sweep(confidence, correct)
    return {
        "by_level": by_level(confidence, y),
        "ece_10": float(binary_calibration_error(*tensor, n_bins=10, norm="l1")),
        "ece_15": float(binary_calibration_error(*tensor, n_bins=15, norm="l1")),
        "ece_equal_mass_15": float(utils.plugin_ce(binned, power=1)),
        "debiased_l2_equal_mass_15": float(utils.unbiased_l2_ce(binned)),
        "ece_sweep": float(ece_sweep),
        "sweep_bins": sweep_bins,
        "smece": float(smece),
        "smece_sigma": float(sigma),
        "brier": float(brier),
        "mcb": float(brier) - after,
        "dsc": unc - after,
        "unc": unc,
        "auroc": float(roc_auc_score(correct, confidence)) if len(set(correct)) == 2 else None,
        "aurc": aurc,
        "augrc": augrc,
        "log_score": float(-np.mean(np.log(np.where(correct == 1, clipped, 1 - clipped)))),
        "mae_sayself": float(np.mean(np.abs(confidence - y))),
    }


def data_sets(rng):
    """Levels are sixteenths, so that none but 0, ½ and 1 falls on an edge: peers round edges."""

    def calibrated(confidence):
        return (rng.random(len(confidence)) < confidence).astype(int)

    def sixteenths(n, low=0, high=16):
        return rng.integers(low, high + 1, n) / 16

    for n in (1, 2, 3, 5, 14, 15, 16, 31, 100, 300):
        confidence = rng.random(n)
        yield f"continuous, n = {n}", confidence, calibrated(confidence)
    for n in (2, 7, 20, 150, 400):
        confidence = sixteenths(n)
        yield f"levels with ends, n = {n}", confidence, calibrated(0.2 + 0.6 * confidence)
    confidence = np.round(rng.random(200) ** 0.2, 2)
    yield "overconfident hundredths", np.minimum(confidence, 0.995), (rng.random(200) < 0.4).astype(int)
    confidence = sixteenths(60, 12, 16)
    yield "all right", confidence, np.ones(60, dtype=int)
    yield "all wrong", rng.random(60), np.zeros(60, dtype=int)
    yield "one value", np.full(50, 0.7), (rng.random(50) < 0.7).astype(int)
    confidence = np.sort(rng.random(80))
    yield "perfectly sorted", confidence, (np.arange(80) >= 45).astype(int)
    confidence = 0.5 + 0.02 * rng.random(300)
    yield "nearly constant", confidence, calibrated(confidence)
    confidence = rng.random(2000)
    yield "nearly calibrated, n = 2000", confidence, calibrated(confidence)
    confidence = np.concatenate([np.zeros(20), np.ones(20), rng.random(60)])
    yield "many at 0 and 1", confidence, calibrated(0.1 + 0.8 * confidence)


def isotonic_maps(rng):
    for n in (1, 2, 5, 40):
        x = rng.integers(0, 12, n) / 4
        y = rng.random(n) + x / 4
        weights = rng.random(n) + 0.1
        at = np.linspace(-0.5, 3.5, 17)
        fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weights)
        yield {"x": x.tolist(), "y": y.tolist(), "weights": weights.tolist(), "at": at.tolist(), "predicted": fitted.predict(at).tolist()}


def main():
    rng = np.random.default_rng(20260101)
    sets = [
        {"name": name, "confidence": list(map(float, confidence)), "correct": list(map(int, correct)), "measures": measure(confidence, correct)}
        for name, confidence, correct in data_sets(rng)
    ]
    golden = {"sets": sets, "isotonic": list(isotonic_maps(rng))}
    path = pathlib.Path(__file__).with_name("measures.json")
    path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")
    print(f"{path.name}: {len(sets)} data sets, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
