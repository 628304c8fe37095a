"""Makes agreement.json: what the peers say of small random ratings.

    pip install krippendorff==0.9.0 scipy==1.17.1 ppi-python==0.2.3
    python tests/golden/agreement/make.py

`trainer/calibration/tests/agreement.rs` compares our measures with it. Krippendorff's alpha is
krippendorff's, Pearson's r and Spearman's rho are scipy's, the mean of a judge that people correct is
ppi-python's (without power tuning: the weight of the judge is 1).
"""

import json
import math
import pathlib

import krippendorff
import numpy as np
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy.stats import pearsonr, spearmanr


def alpha_sets(rng):
    """Items × raters, `None` where a rater left an item out."""
    for raters, items, low, high, missing in (
        (2, 12, 0, 1, 0.0),
        (3, 20, 0, 10, 0.2),
        (5, 40, 0, 10, 0.5),
        (4, 15, 1, 5, 0.3),
        (2, 8, 0, 10, 0.1),
    ):
        truth = rng.integers(low, high + 1, items)
        ratings = np.clip(truth[:, None] + rng.integers(-1, 2, (items, raters)), low, high).astype(float)
        ratings[rng.random((items, raters)) < missing] = np.nan
        alphas = {
            level: float(krippendorff.alpha(reliability_data=ratings.T, level_of_measurement=level))
            for level in ("nominal", "ordinal", "interval")
        }
        rows = [[None if math.isnan(value) else value for value in row] for row in ratings.tolist()]
        yield {"ratings": rows, "alpha": alphas}


def pair_sets(rng):
    for n, steps in ((2, None), (10, None), (30, 5), (100, 11)):
        a = rng.random(n)
        b = 0.5 * a + rng.random(n)
        if steps:
            a, b = np.round(a * steps), np.round(b * steps)
        yield {"a": a.tolist(), "b": b.tolist(), "pearson": float(pearsonr(a, b)[0]), "spearman": float(spearmanr(a, b)[0])}


def corrected_sets(rng):
    for judged, rated in ((200, 20), (50, 10), (5, 3)):
        alone = np.clip(rng.normal(6, 2, judged), 0, 10)
        judge = np.clip(rng.normal(6, 2, rated), 0, 10)
        people = np.clip(judge - 1 + rng.normal(0, 1, rated), 0, 10)
        low, high = ppi_mean_ci(people, judge, alone, alpha=0.05, lam=1)
        yield {
            "judged": alone.tolist(),
            "rated": [[float(h), float(j)] for h, j in zip(people, judge)],
            "mean": float(ppi_mean_pointestimate(people, judge, alone, lam=1)[0]),
            "ci": [float(low[0]), float(high[0])],
        }


def main():
    rng = np.random.default_rng(20260201)
    golden = {"alphas": list(alpha_sets(rng)), "pairs": list(pair_sets(rng)), "corrected": list(corrected_sets(rng))}
    path = pathlib.Path(__file__).with_name("agreement.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
