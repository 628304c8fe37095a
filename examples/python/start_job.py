"""Starts a job from a shipped configuration, or from a TOML file, and waits until it is over.

    python3 examples/python/start_job.py world-facts/demo [NAME]
    python3 examples/python/start_job.py my.toml [NAME]
"""

import os
import sys
import time

from api import address, call

WAIT_SECONDS = 1

if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
config = sys.argv[1]
if os.path.isfile(config):
    with open(config, encoding="utf-8") as file:
        config = file.read()
job = call(address("jobs"), {"config": config, "name": sys.argv[2] if len(sys.argv) == 3 else None})
print(f"job {job['id']} writes the run {job['run']}", file=sys.stderr)
while job["state"] in ("queued", "running"):
    time.sleep(WAIT_SECONDS)
    job = call(address("jobs", job["id"]))
print(job["state"])
if job["error"]:
    print(job["error"], file=sys.stderr)
sys.exit(job["state"] != "finished")
