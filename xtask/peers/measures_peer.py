"""torchmetrics and netcal, each measure once, without bootstraps. VARIANT is not used."""

import numpy as np
import torch
from netcal.metrics import ACE, ECE, MCE
from side import THREADS, arguments, seconds, serve
from torchmetrics.functional.classification import (
    binary_accuracy,
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
)

torch.set_num_threads(THREADS)


def main():
    _, _, path = arguments()
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    confidence, correct = torch.tensor(rows[:, 0]), torch.tensor(rows[:, 1]).long()
    bare = (rows[:, 0].copy(), rows[:, 1].astype(int))

    def measures():
        values = [
            float(binary_calibration_error(confidence, correct, n_bins=15, norm="l1")),
            float(((confidence - correct) ** 2).mean()),
            float(binary_auroc(confidence, correct)),
        ]
        binary_calibration_error(confidence, correct, n_bins=10, norm="l1")
        binary_calibration_error(confidence, correct, n_bins=15, norm="l2")
        binary_calibration_error(confidence, correct, n_bins=15, norm="max")
        binary_average_precision(confidence, correct)
        binary_accuracy(confidence, correct)
        for measure in (ECE(15), ACE(15), MCE(15)):
            measure.measure(*bare)
        return values

    serve(measures(), seconds(measures))


main()
