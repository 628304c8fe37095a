#!/usr/bin/env python3
"""Prints accuracy by template of an evaluation: python accuracy.py DIR/answers.jsonl"""

import json
import sys
from collections import defaultdict

correct = defaultdict(list)
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        answer = json.loads(line)
        correct[answer["template"]].append(answer["correct"])
        correct["all"].append(answer["correct"])
print("| template | n | accuracy |\n|---|--:|--:|")
for template, values in sorted(correct.items(), key=lambda item: (item[0] == "all", item[0])):
    print(f"| {template} | {len(values)} | {sum(values) / len(values):.3f} |")
