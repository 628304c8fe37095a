"""Lists all runs, the newest first.

    python3 examples/python/list_runs.py [SEARCH]
"""

import sys

from api import pages

search = sys.argv[1] if len(sys.argv) > 1 else None
for run in pages("runs", "runs", q=search):
    metrics = run["metrics"]
    accuracy = metrics["accuracy"]["value"] if metrics else None
    print(run["id"], run["method"] or "-", run["n"], accuracy, run["title"], sep="\t")
