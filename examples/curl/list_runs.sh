#!/usr/bin/env bash
# Lists the runs, the newest first: id, method, n, accuracy, title.
#
#   examples/curl/list_runs.sh [SEARCH]
set -euo pipefail
source "$(dirname "$0")/ask.sh"

list=$(ask --get "$server/api/runs" --data-urlencode "q=${1:-}" --data-urlencode "limit=200")
python3 -c '
import json, sys
for run in json.load(sys.stdin)["runs"]:
    metrics = run["metrics"]
    accuracy = metrics["accuracy"]["value"] if metrics else None
    print(run["id"], run["method"] or "-", run["n"], accuracy, run["title"], sep="\t")' <<<"$list"
