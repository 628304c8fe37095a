#!/usr/bin/env bash
# All answers of one evaluation as JSON, one a line, page by page.
#
#   examples/curl/all_answers.sh RUN LABEL > answers.jsonl
set -euo pipefail
source "$(dirname "$0")/ask.sh"
run=${1:?give the id of a run}
label=${2:?give the label of an evaluation, such as sayself}

cursor=
while :; do
  page=$(ask --get "$server/api/runs/$run/answers" \
    --data-urlencode "label=$label" --data-urlencode "limit=200" --data-urlencode "cursor=$cursor")
  python3 -c '
import json, sys
for answer in json.load(sys.stdin)["answers"]:
    print(json.dumps(answer, ensure_ascii=False))' <<<"$page"
  cursor=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["next"] or "")' <<<"$page")
  [ -n "$cursor" ] || break
done
