"""The measures of a run's evaluations as a table, with 95% intervals.

    python3 examples/python/measures.py RUN
"""

import sys

from api import address, call

MEASURES = ["accuracy", "ece", "smece", "brier", "auroc"]


def shown(figure):
    """`0.712 [0.690, 0.733]`; a dash where the measure is not defined."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return "-"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


if len(sys.argv) != 2:
    sys.exit(__doc__)
rows = [["evaluation", "n", *MEASURES]]
for evaluation in call(address("runs", sys.argv[1]))["evaluations"]:
    figures = [shown(evaluation[measure]) for measure in MEASURES]
    rows.append([evaluation["label"], str(evaluation["n"]), *figures])
widths = [max(map(len, column)) for column in zip(*rows)]
for row in rows:
    print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
