#!/usr/bin/env bash
# Follows a run until it is over: each change of its state as a line of JSON.
#
#   examples/curl/follow_run.sh RUN
set -euo pipefail
source "$(dirname "$0")/ask.sh"
run=${1:?give the id of a run}

exec 3< <(curl --fail-with-body --silent --show-error --no-buffer "$server/api/runs/$run/events")
trap "kill $! 2>/dev/null || true" EXIT

# Messages that have a name are lines of the log; those without are the run's state.
named=no
while IFS= read -r line <&3; do
  case $line in
    event:*) named=yes ;;
    data:*)
      state=${line#data: }
      if [ $named = no ]; then
        printf '%s\n' "$state"
        case $state in
          *'"state":"finished"'*) exit 0 ;;
          *'"state":"failed"'* | *'"state":"damaged"'*) exit 1 ;;
        esac
      fi
      ;;
    '') named=no ;;
  esac
done
echo "the server ended the stream: start again to go on" >&2
exit 1
