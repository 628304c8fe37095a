"""What schemathesis is told of the server: ids that are there, so that more than "not found" is tested.

Half of the requests get them; the others keep the ids that were made up.
"""

import json
import os
import urllib.request
import zlib

import schemathesis

SERVER = os.environ["SAYSELF_SERVER"]


def read(path):
    with urllib.request.urlopen(f"{SERVER}{path}", timeout=60) as answer:
        return json.load(answer)


RUNS = [run["id"] for run in read("/api/runs")["runs"]]
# A recorded run, with answers and questions, before those that only begin or are damaged.
RUNS.sort(key=lambda run: not read(f"/api/runs/{run}")["evaluations"])
QUESTION = read(f"/api/runs/{RUNS[0]}/answers?limit=1")["answers"][0]["question_id"]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    made_up = zlib.crc32(repr(path_parameters).encode())
    if not path_parameters or made_up % 2:
        return path_parameters
    path = context.operation.path
    known = {}
    if path.startswith("/api/runs/"):
        known = {"id": RUNS[made_up // 2 % len(RUNS)], "question_id": QUESTION}
        if "question_id" in path_parameters or "answers" in path:
            known["id"] = RUNS[0]
    elif path.startswith("/api/jobs/"):
        jobs = read("/api/jobs")["jobs"]
        known = {"id": jobs[made_up // 2 % len(jobs)]["id"]} if jobs else {}
    return {name: known.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context, body):
    """Now and then a job that can be started."""
    if context.operation.path != "/api/jobs" or zlib.crc32(repr(body).encode()) % 8:
        return body
    return {"config": "world-facts/demo"}
