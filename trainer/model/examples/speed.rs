//! Tokens a second of a model: `cargo run --release -p model --example speed -- FILE.gguf`.
//!
//! Prints decoding of one row and of fifty, the reading of a prompt of 512 tokens, and a training
//! step of LoRA (rank 32, seven projections of the upper half of the layers, 1,200 tokens).

use model::{
    Decoder, Decoding, LoadOptions, Lora, LoraConfig, Message, Projection, Request, Segments,
    Tokenizer, ops,
};
use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: speed FILE.gguf")?;
    let bytes = std::fs::read(path)?;
    let start = Instant::now();
    let tokenizer = Tokenizer::from_gguf(&bytes)?;
    println!("tokenizer      {:8.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let decoder = Decoder::from_gguf(&bytes, &LoadOptions::default())?;
    println!("load           {:8.2} s", start.elapsed().as_secs_f64());

    let question = "What is the capital of Australia? Answer in one sentence.";
    let prompt = tokenizer.chat_tokens(&[Message::new("user", question)], true)?;
    for (rows, tokens) in [(1, 64), (50, 64)] {
        decode(&decoder, &tokenizer, &prompt, rows, tokens)?;
    }

    let text: Vec<u32> = prompt.iter().copied().cycle().take(513).collect();
    model::score(&decoder, &[text[..64].to_vec()])?;
    let start = Instant::now();
    let batch = Segments::single(&text[..512]);
    let x = decoder.embed(batch.tokens())?;
    decoder.logits(
        &decoder
            .layers(&x, &batch, 0..decoder.config().layers)?
            .narrow(0, 511, 1)?,
    )?;
    println!(
        "prefill 512    {:8.0} tokens/s",
        512.0 / start.elapsed().as_secs_f64()
    );

    train_step(&bytes, &decoder, &prompt)
}

fn decode(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    prompt: &[u32],
    rows: usize,
    tokens: usize,
) -> Result<(), Box<dyn Error>> {
    let decoding = Decoding {
        temperature: 1.0,
        top_p: 1.0,
        top_k: 0,
        max_tokens: tokens,
        stop: Vec::new(),
    };
    let samples = (0..rows as u64).collect();
    let request = Request {
        prompt: prompt.to_vec(),
        samples,
        decoding,
    };
    let mut drawn = 0;
    let start = Instant::now();
    model::generate(
        decoder,
        tokenizer,
        [request].into_iter(),
        model::Limits::rows(rows),
        &mut |_, sample, done| {
            drawn += done.tokens.len();
            if sample == 0 && rows == 1 {
                println!("               {:?}", done.text);
            }
            ControlFlow::Continue(())
        },
    )?;
    println!(
        "decode {rows:3} rows {:8.0} tokens/s",
        drawn as f64 / start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn train_step(bytes: &[u8], frozen: &Decoder, prompt: &[u32]) -> Result<(), Box<dyn Error>> {
    let options = LoadOptions {
        dequantize: true,
        ..LoadOptions::default()
    };
    let decoder = Decoder::from_gguf(bytes, &options)?;
    let layers = decoder.config().layers;
    let first_layer = layers / 2;
    let config = LoraConfig {
        rank: 32,
        alpha: 64.0,
        targets: Projection::ALL.to_vec(),
        first_layer,
        dropout: 0.0,
    };
    let lora = Arc::new(Lora::init(decoder.config(), config, 1, decoder.device())?);
    let decoder = decoder.with_adapter(lora.clone());
    let mut batch = Segments::new();
    while batch.len() < 1_200 {
        let shared = batch.push(None, prompt);
        for _ in 0..3 {
            batch.push(Some(shared), &prompt[..16]);
        }
    }
    let targets: Vec<u32> = (0..96).map(|at| batch.tokens()[at * 12 + 1]).collect();
    let rows: Vec<u32> = (0..96).map(|at| at * 12).collect();
    for _ in 0..3 {
        let start = Instant::now();
        let x = frozen.embed(batch.tokens())?;
        let below = frozen.layers(&x, &batch, 0..first_layer)?;
        let lower = start.elapsed().as_secs_f64();
        let tape = decoder.train_layers(&below, &batch, first_layer..layers)?;
        let hidden = ops::rows(tape.output(), &rows)?;
        let loss = decoder.token_logprobs(&hidden, &targets)?;
        let loss = loss.mean_all()?.neg()?;
        let forward = start.elapsed().as_secs_f64();
        let gradients = tape.backward(&loss)?;
        let total = start.elapsed().as_secs_f64();
        println!(
            "train {} tokens: frozen half {lower:.2} s, forward {:.2} s, backward {:.2} s, loss {:.3}, {} gradients",
            batch.len(),
            forward - lower,
            total - forward,
            loss.to_scalar::<f32>()?,
            gradients.iter().count(),
        );
    }
    Ok(())
}
