"""Makes people.json: what the peers say of small random ratings and comparisons by people.

    pip install krippendorff==0.9.0 scikit-learn==1.9.1 irrCAC==0.4.4 choix==0.4.1
    python tests/golden/agreement/people.py

`trainer/calibration/tests/people.rs` compares our measures with it. Krippendorff's alpha is
krippendorff's, Cohen's kappa is scikit-learn's (all categories named, so that unused ones keep their
distance), Fleiss' kappa is irrCAC's (with missing ratings too), log-strengths of Bradley and Terry are
choix's, by maximum likelihood.
"""

import json
import pathlib

import choix
import krippendorff
import numpy as np
import pandas as pd
from irrCAC.raw import CAC
from sklearn.metrics import cohen_kappa_score

CHOICES = ["left", "right", "tie", "both-bad"]


def two_annotators(rng):
    """Pairs of categories, and kappa by weights."""
    for n, categories, noise in ((6, 2, 0.3), (20, 4, 0.4), (40, 11, 0.6), (100, 11, 0.2), (15, 5, 1.0)):
        truth = rng.integers(0, categories, n)
        drawn = [np.where(rng.random(n) < noise, rng.integers(0, categories, n), truth) for _ in range(2)]
        kappas = {
            name: float(cohen_kappa_score(*drawn, labels=list(range(categories)), weights=weights))
            for name, weights in (("unweighted", None), ("linear", "linear"), ("quadratic", "quadratic"))
        }
        yield {"pairs": np.stack(drawn, axis=1).tolist(), "kappa": kappas}


def many_annotators(rng):
    """Items × annotators, `None` where one left an item out; Fleiss' kappa and nominal alpha."""
    for annotators, items, categories, noise, missing in (
        (3, 12, 4, 0.3, 0.0),
        (5, 30, 4, 0.5, 0.0),
        (2, 20, 11, 0.4, 0.0),
        (4, 25, 4, 0.4, 0.3),
        (6, 40, 11, 0.5, 0.5),
    ):
        truth = rng.integers(0, categories, items)
        shape = (items, annotators)
        ratings = np.where(rng.random(shape) < noise, rng.integers(0, categories, shape), truth[:, None])
        is_left_out = rng.random(shape) < missing
        # Each item has a rating.
        is_left_out[np.arange(items), rng.integers(0, annotators, items)] = False
        rows = [
            [None if left_out else int(rating) for rating, left_out in zip(*of_item)]
            for of_item in zip(ratings, is_left_out)
        ]
        frame = pd.DataFrame([[np.nan if rating is None else f"c{rating:02}" for rating in row] for row in rows])
        fleiss = CAC(frame, digits=14).fleiss()["est"]["coefficient_value"]
        reliability = np.where(is_left_out, np.nan, ratings.astype(float)).T
        alpha = krippendorff.alpha(reliability_data=reliability, level_of_measurement="nominal")
        yield {"ratings": rows, "fleiss": float(fleiss), "alpha_nominal": float(alpha)}


def choices(rng):
    """Words in place of numbers: alpha of what people chose of pairs."""
    for annotators, items in ((2, 15), (3, 40)):
        chosen = rng.choice(CHOICES, (items, annotators), p=[0.4, 0.3, 0.2, 0.1])
        alpha = krippendorff.alpha(
            reliability_data=chosen.T.tolist(), level_of_measurement="nominal", value_domain=CHOICES
        )
        numbers = [[CHOICES.index(word) for word in row] for row in chosen.tolist()]
        yield {"ratings": numbers, "alpha_nominal": float(alpha)}


def comparisons(rng):
    """(first, second, outcome) and the log-strengths; a tie is a win of each beside doubled wins."""
    for methods, n, ties, spread in ((2, 12, 0.2, 0.5), (3, 40, 0.3, 1.0), (6, 200, 0.2, 0.8), (6, 120, 0.0, 1.5)):
        truth = rng.normal(0, spread, methods)
        rows, data = [], []
        for _ in range(n):
            first, second = (int(one) for one in rng.choice(methods, 2, replace=False))
            if rng.random() < ties:
                rows.append([first, second, "tie"])
                data += [(first, second), (second, first)]
                continue
            is_first = rng.random() < 1 / (1 + np.exp(truth[second] - truth[first]))
            rows.append([first, second, "first" if is_first else "second"])
            data += [(first, second) if is_first else (second, first)] * 2
        strengths = choix.ilsr_pairwise(methods, data, max_iter=10_000, tol=1e-12)
        yield {"methods": methods, "comparisons": rows, "strengths": strengths.tolist()}


def main():
    rng = np.random.default_rng(20260308)
    golden = {
        "two": list(two_annotators(rng)),
        "many": list(many_annotators(rng)),
        "choices": list(choices(rng)),
        "comparisons": list(comparisons(rng)),
    }
    path = pathlib.Path(__file__).with_name("people.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
