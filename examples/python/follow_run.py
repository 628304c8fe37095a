"""Follows a run until it is over; exits with 1 where it failed.

    python3 examples/python/follow_run.py RUN

A line that breaks is taken up again where it was, by `Last-Event-ID`.
"""

import json
import sys
import time
import urllib.error
import urllib.request

from api import address

# Longer than the server's silence: it gives a sign of life every 15 seconds.
SILENCE_SECONDS_MAX = 60
AGAIN_SECONDS = 1
TRIES_MAX = 10


def messages(where):
    """Each message as (name, data), over as many connections as it takes."""
    last, tries = None, 0
    while tries < TRIES_MAX:
        headers = {} if last is None else {"Last-Event-ID": last}
        try:
            request = urllib.request.Request(where, headers=headers)
            with urllib.request.urlopen(request, timeout=SILENCE_SECONDS_MAX) as stream:
                name, data = "", []
                for line in stream:
                    key, _, value = line.decode().rstrip("\r\n").partition(":")
                    value = value.removeprefix(" ")
                    if key == "id":
                        last = value
                    elif key == "event":
                        name = value
                    elif key == "data":
                        data.append(value)
                    elif key == "" and data:
                        tries = 0
                        yield name, "\n".join(data)
                        name, data = "", []
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            sys.exit(f"{problem['title']}: {problem['detail']} {problem['next']}")
        except OSError as error:
            print(f"the line broke: {error}", file=sys.stderr)
        tries += 1
        time.sleep(AGAIN_SECONDS)
    sys.exit(f"gave up after {TRIES_MAX} tries")


if len(sys.argv) != 2:
    sys.exit(__doc__)
for name, data in messages(address("runs", sys.argv[1], "events")):
    # Messages with a name are lines of the log; those without are the run's state.
    if name:
        continue
    state = json.loads(data)
    if state["state"] == "running":
        print(f"{state['stage']}: {state['done']} of {state['total']} {state['unit']}", flush=True)
    else:
        print(state["state"], flush=True)
    if state["state"] in ("finished", "failed", "damaged"):
        sys.exit(state["state"] != "finished")
