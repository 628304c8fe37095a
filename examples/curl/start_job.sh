#!/usr/bin/env bash
# Starts a job from a shipped configuration, or from a TOML file, and waits until it is over.
#
#   examples/curl/start_job.sh world-facts/demo [NAME]
#   examples/curl/start_job.sh my.toml [NAME]
set -euo pipefail
source "$(dirname "$0")/ask.sh"
config=${1:?give the name of a configuration, or a file}
if [ -f "$config" ]; then text=$(cat "$config"); else text=$config; fi

field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

request=$(python3 -c 'import json, sys; print(json.dumps({"config": sys.argv[1], "name": sys.argv[2] or None}))' \
  "$text" "${2:-}")
job=$(ask "$server/api/jobs" --header 'Content-Type: application/json' --data "$request")
id=$(field id <<<"$job")
echo "job $id is queued" >&2
while :; do
  job=$(ask "$server/api/jobs/$id")
  state=$(field state <<<"$job")
  case $state in
    queued | running) sleep 1 ;;
    *) break ;;
  esac
done
echo "$state"
[ "$state" = finished ]
