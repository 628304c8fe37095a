"""Makes quantize.txt: values and the blocks that ggml's reference functions make of them.

Run: python quantize.py > quantize.txt    (llama-cpp-python 0.3.36, numpy; deterministic)

Each line: format, the values' 32-bit little-endian floats in hex, the blocks' bytes in hex.
"""

import ctypes
import glob
import os

import llama_cpp
import numpy

library = os.path.join(os.path.dirname(llama_cpp.__file__), "lib")
ggml = ctypes.CDLL(glob.glob(os.path.join(library, "*ggml-base.so"))[0])
FORMATS = [("Q4_0", "q4_0", 18), ("Q4_1", "q4_1", 20), ("Q8_0", "q8_0", 34)]
BLOCK = 32

generator = numpy.random.default_rng(2)
blocks = [
    numpy.zeros(BLOCK),
    numpy.full(BLOCK, 0.25),
    numpy.full(BLOCK, -3.0),
    numpy.where(numpy.arange(BLOCK) == 7, 1.0, 0.0),
    numpy.where(numpy.arange(BLOCK) % 2 == 0, 1.5, -1.5),
    numpy.arange(BLOCK) - 16.0,
    numpy.arange(BLOCK) / 8.0 + 100.0,
]
blocks += [generator.normal(size=BLOCK) * 10.0 ** generator.uniform(-6, 3) for _ in range(25)]
values = numpy.concatenate(blocks).astype("<f4")
for name, suffix, size in FORMATS:
    out = (ctypes.c_ubyte * (len(blocks) * size))()
    pointer = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    getattr(ggml, f"quantize_row_{suffix}_ref")(pointer, out, ctypes.c_int64(values.size))
    print(name, values.tobytes().hex(), bytes(out).hex())
