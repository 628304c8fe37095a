"""Makes dequantize.txt: random blocks of each format and their values by the package `gguf`.

Run: python dequantize.py > dequantize.txt    (gguf 0.19, numpy; deterministic)

Each line: format, the blocks' bytes in hex, the values' 32-bit little-endian floats in hex.
"""

import numpy
from gguf import GGMLQuantizationType, quants

# Format, bytes of a block, byte offsets of its 16-bit floats.
FORMATS = [
    (GGMLQuantizationType.F16, 2, [0]),
    (GGMLQuantizationType.Q4_0, 18, [0]),
    (GGMLQuantizationType.Q4_1, 20, [0, 2]),
    (GGMLQuantizationType.Q8_0, 34, [0]),
    (GGMLQuantizationType.Q4_K, 144, [0, 2]),
    (GGMLQuantizationType.Q6_K, 210, [208]),
    (GGMLQuantizationType.Q5_0, 22, [0]),
]

generator = numpy.random.default_rng(1)
for kind, size, halves in FORMATS:
    count = 16 if size < 100 else 4
    blocks = generator.integers(0, 256, (count, size), dtype=numpy.uint8)
    for block in blocks:
        for at in halves:
            value = numpy.float16(generator.normal() * 0.05)
            block[at : at + 2] = numpy.frombuffer(value.tobytes(), dtype=numpy.uint8)
    values = quants.dequantize(blocks.reshape(-1), kind).astype("<f4")
    print(kind.name, blocks.tobytes().hex(), values.tobytes().hex())
