"""The start of Python with torch and transformers. VARIANT is not used."""

import subprocess
import sys

from side import seconds, serve


def main():
    command = [sys.executable, "-c", "import torch, transformers"]
    serve([], seconds(lambda: subprocess.run(command, check=True)))


main()
