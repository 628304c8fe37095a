"""sentence-transformers. VARIANT: f32 or bf16."""

import torch
from sentence_transformers import SentenceTransformer
from side import THREADS, arguments, rate, serve

torch.set_num_threads(THREADS)


def main():
    name, variant, inputs = arguments()
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[variant]
    from sentence_transformers.models import Normalize, Pooling, Transformer

    encoder = Transformer(inputs["embedder"], model_kwargs={"dtype": dtype})
    modules = [encoder, Pooling(encoder.get_word_embedding_dimension()), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu")
    responses = inputs["responses"]
    check = [float(value) for value in model.encode(responses[:1])[0][:8]]

    def work():
        model.encode(responses, batch_size=64, show_progress_bar=False)
        return len(responses)

    serve(check, rate(work))


main()
