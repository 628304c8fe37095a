#!/usr/bin/env bash
# Lists the runs, the newest first: id, method, n, accuracy, title.
#
#   examples/curl/list_runs.sh [SEARCH]
set -euo pipefail
server=${SAYSELF_SERVER:-http://127.0.0.1:7590}

curl --fail-with-body --silent --show-error --get "$server/api/runs" \
  --data-urlencode "q=${1:-}" --data-urlencode "limit=200" |
  python3 -c '
import json, sys
for run in json.load(sys.stdin)["runs"]:
    metrics = run["metrics"]
    accuracy = metrics["accuracy"]["value"] if metrics else None
    print(run["id"], run["method"] or "-", run["n"], accuracy, run["title"], sep="\t")'
