"""All answers of one evaluation as JSON, one a line, page by page.

    python3 examples/python/all_answers.py RUN LABEL > answers.jsonl
"""

import json
import sys

from api import pages

if len(sys.argv) != 3:
    sys.exit(__doc__)
for answer in pages("answers", "runs", sys.argv[1], "answers", label=sys.argv[2]):
    print(json.dumps(answer, ensure_ascii=False))
