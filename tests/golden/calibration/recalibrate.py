"""Makes recalibrate.json: scikit-learn's fits of 300 made-up answers.

    pip install scikit-learn==1.9.1
    python tests/golden/calibration/recalibrate.py

`trainer/calibration/tests/golden.rs` compares our maps with it. Platt's targets are no labels, so each
answer stands twice, right and wrong, weighted by its target; a temperature is a fit without intercept.
"""

import json
import pathlib

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

random = np.random.default_rng(11)
confidence = random.integers(1, 11, 300) / 10
correct = (random.random(300) < 0.15 + 0.6 * confidence**2).astype(int)

clipped = confidence.clip(0.01, 0.99)
z = np.log(clipped / (1 - clipped))[:, None]
right, wrong = correct.sum(), len(correct) - correct.sum()
target = np.where(correct == 1, (right + 1) / (right + 2), 1 / (wrong + 2))
rows = np.concatenate([z, z])
labels = np.concatenate([np.ones(300), np.zeros(300)])
weights = np.concatenate([target, 1 - target])


def logistic(**options):
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000, **options)
    return model.fit(rows, labels, sample_weight=weights)


platt, scaled = logistic(), logistic(fit_intercept=False)
levels = np.arange(0, 11) / 10
isotonic = IsotonicRegression(out_of_bounds="clip").fit(confidence, correct)
golden = {
    "confidence": confidence.tolist(),
    "correct": correct.tolist(),
    "slope": platt.coef_[0, 0],
    "intercept": platt.intercept_[0],
    "temperature": 1 / scaled.coef_[0, 0],
    "isotonic": isotonic.predict(levels).tolist(),
}
path = pathlib.Path(__file__).with_name("recalibrate.json")
path.write_text(json.dumps(golden) + "\n")
print({name: golden[name] for name in ["slope", "intercept", "temperature"]})
