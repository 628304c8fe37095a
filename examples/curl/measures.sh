#!/usr/bin/env bash
# The measures of a run's evaluations as a table of tab-separated values, with 95% intervals.
#
#   examples/curl/measures.sh RUN
set -euo pipefail
source "$(dirname "$0")/ask.sh"
run=${1:?give the id of a run}

detail=$(ask "$server/api/runs/$run")
python3 -c '
import json, sys

def shown(figure):
    if figure["value"] is None:
        return "-"
    if figure["low"] is None or figure["high"] is None:
        return "%.3f" % figure["value"]
    return "%.3f [%.3f, %.3f]" % (figure["value"], figure["low"], figure["high"])

measures = ["accuracy", "ece", "smece", "brier", "auroc"]
print("evaluation", "n", *measures, sep="\t")
for evaluation in json.load(sys.stdin)["evaluations"]:
    figures = [shown(evaluation[measure]) for measure in measures]
    print(evaluation["label"], evaluation["n"], *figures, sep="\t")' <<<"$detail"
