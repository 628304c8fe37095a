#!/usr/bin/env bash
# Starts a job from a shipped configuration, or from a TOML file, and waits until it is over.
#
#   examples/curl/start_job.sh world-facts/demo [NAME]
#   examples/curl/start_job.sh my.toml [NAME]
set -euo pipefail
server=${SAYSELF_SERVER:-http://127.0.0.1:7590}
config=${1:?give the name of a configuration, or a file}
if [ -f "$config" ]; then text=$(cat "$config"); else text=$config; fi

field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

request=$(python3 -c 'import json, sys; print(json.dumps({"config": sys.argv[1], "name": sys.argv[2] or None}))' \
  "$text" "${2:-}")
id=$(curl --fail-with-body --silent --show-error "$server/api/jobs" \
  --header 'Content-Type: application/json' --data "$request" | field id)
echo "job $id is queued" >&2
while :; do
  state=$(curl --fail-with-body --silent --show-error "$server/api/jobs/$id" | field state)
  case $state in
    queued | running) sleep 1 ;;
    *) break ;;
  esac
done
echo "$state"
[ "$state" = finished ]
