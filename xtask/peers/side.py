"""What every peer of `cargo xtask bench` shares: `python PEER.py NAME VARIANT INPUTS` prints
{"check": [numbers]} once all is loaded, and then {"value": …} for each line on stdin."""

import json
import math
import os
import sys
import time

THREADS = int(os.environ["OMP_NUM_THREADS"])
# One gold answer in so many is checked before other work.
CHECKED = 8


def arguments():
    """The name of the work, the variant, and the inputs: a JSON file, or the path of another."""
    name, variant, path = sys.argv[1:]
    if not path.endswith(".json"):
        return name, variant, path
    with open(path) as file:
        return name, variant, json.load(file)


def serve(check, work):
    print(json.dumps({"check": check}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"value": work()}), flush=True)


def seconds(work):
    """A work that gives the seconds that `work` takes."""

    def timed():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return timed


def rate(work):
    """A work that gives how much `work` does a second; `work` returns how much it did."""

    def timed():
        start = time.perf_counter()
        count = work()
        return count / (time.perf_counter() - start)

    return timed


def mean_logprob(golds, score):
    """Mean log-probability of the golds' tokens; `score(tokens, start)` gives those from `start` on."""
    logprobs = [value for gold in golds for value in score(gold["tokens"], gold["start"])]
    return math.fsum(logprobs) / len(logprobs)
