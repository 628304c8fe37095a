"""Makes compare.json: what the peers say of paired bootstraps and of corrected p-values.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    python tests/golden/calibration/compare.py

`trainer/calibration/tests/golden.rs` compares `compare::together` and `compare::holm` with it. The
paired percentile bootstrap over questions is scipy.stats.bootstrap's; scipy knows no bootstrap of
whole clusters, so that one is written out with numpy: as many clusters as there are, drawn with
replacement, all rows of each. Ends of intervals carry the noise of their resamples: they are compared
to within `tolerance`. Holm's correction is statsmodels'.
"""

import json
import pathlib

import numpy as np
from scipy.stats import bootstrap
from statsmodels.stats.multitest import multipletests

RESAMPLES = 40_000


def runs(rng):
    """Two runs over the same 240 questions of 80 entities; what is hard is hard for both."""
    entity = np.repeat(np.arange(80), 3)
    ease = rng.normal(0, 1, 80)[entity] + rng.normal(0, 0.7, 240)
    correct = [(ease + rng.normal(0, 0.6, 240) > shift).astype(int) for shift in (0.1, -0.1)]
    confidence = [np.clip(np.round(0.5 + 0.2 * ease + rng.normal(0, spread, 240), 1), 0, 1) for spread in (0.3, 0.1)]
    return entity, confidence, correct


def brier(confidence, correct):
    return (confidence - correct) ** 2


def by_question(a, b, rng):
    def difference(a, b, axis):
        return b.mean(axis=axis) - a.mean(axis=axis)

    found = bootstrap((a, b), difference, paired=True, vectorized=True, n_resamples=RESAMPLES, batch=1000, method="percentile", rng=rng)
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


def by_entity(a, b, entity, rng):
    groups = entity.max() + 1
    counts = np.bincount(entity)
    sums = np.bincount(entity, weights=b - a)
    drawn = rng.integers(0, groups, (RESAMPLES, groups))
    differences = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return [float(end) for end in np.quantile(differences, [0.025, 0.975])]


def main():
    rng = np.random.default_rng(20260202)
    entity, confidence, correct = runs(rng)
    measures = {}
    for name, of_run in (
        ("brier", [brier(c, y) for c, y in zip(confidence, correct)]),
        ("accuracy", [y.astype(float) for y in correct]),
        ("mae_sayself", [np.abs(c - y) for c, y in zip(confidence, correct)]),
    ):
        a, b = of_run
        measures[name] = {
            "a": float(a.mean()),
            "b": float(b.mean()),
            "difference": float((b - a).mean()),
            "by_question": by_question(a, b, rng),
            "by_entity": by_entity(a, b, entity, rng),
            # A fifth of the difference's standard error; the end of an interval of 4,000 resamples
            # scatters by a twenty-fourth of it.
            "tolerance": float((b - a).std() / np.sqrt(len(a)) / 5),
        }
    families = [[0.01, 0.5, 0.02], [0.04, 0.04, 0.04, 0.001], [1.0, 0.9], [0.2], list(map(float, np.round(rng.random(12) ** 3, 4)))]
    golden = {
        "entity": entity.tolist(),
        "runs": [{"confidence": c.tolist(), "correct": y.tolist()} for c, y in zip(confidence, correct)],
        "measures": measures,
        "holm": [{"p": p, "corrected": multipletests(p, method="holm")[1].tolist()} for p in families],
    }
    path = pathlib.Path(__file__).with_name("compare.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
