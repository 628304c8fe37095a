//! CPU and GPU, compared; by `cargo xtask test-gpu`, where a GPU is at hand.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]
#![cfg(feature = "cuda")]

use candle_core::{D, DType, Device, Tensor};
use model::{
    AdamW, AdamWConfig, Decoder, Gradients, LoadOptions, Lora, LoraConfig, Projection, Segments,
    Tokenizer,
};
use sayself_tests::folders;
use std::fs;
use std::sync::Arc;

/// bf16 keeps 8 bits: a logit of 20 may be off by some tenths.
const LOGIT_TOLERANCE: f32 = 0.5;

const TEXT: &str = "The capital of Australia is Canberra. The capital of Kenya is Nairobi.";

fn load(device: &Device) -> (Decoder, Vec<u32>) {
    let file =
        folders::model().unwrap_or_else(|| panic!("pull the model: `sayself pull smollm2-135m`"));
    let bytes = fs::read(file).unwrap();
    let options = LoadOptions {
        device: device.clone(),
        dequantize: true,
        ..LoadOptions::default()
    };
    let ids = Tokenizer::from_gguf(&bytes)
        .unwrap()
        .encode(TEXT, false)
        .unwrap();
    (Decoder::from_gguf(&bytes, &options).unwrap(), ids)
}

fn logits(decoder: &Decoder, ids: &[u32]) -> Tensor {
    let x = decoder.embed(ids).unwrap();
    let x = decoder
        .layers(&x, &Segments::single(ids), 0..decoder.config().layers)
        .unwrap();
    decoder.logits(&x).unwrap().to_dtype(DType::F32).unwrap()
}

/// Mean cross-entropy of each token after the first.
fn loss(decoder: &Decoder, ids: &[u32]) -> Tensor {
    let logits = logits(decoder, ids).narrow(0, 0, ids.len() - 1).unwrap();
    let wanted = Tensor::from_vec(ids[1..].to_vec(), (ids.len() - 1, 1), decoder.device()).unwrap();
    let chosen = logits.gather(&wanted, 1).unwrap().squeeze(1).unwrap();
    (logits.log_sum_exp(D::Minus1).unwrap() - chosen)
        .unwrap()
        .mean_all()
        .unwrap()
}

#[test]
#[ignore = "needs a GPU: cargo xtask test-gpu"]
fn the_gpu_gives_the_cpu_s_logits() {
    let (cpu, ids) = load(&Device::Cpu);
    let (gpu, _) = load(&Device::new_cuda(0).unwrap());
    let rows = |decoder: &Decoder| logits(decoder, &ids).to_vec2::<f32>().unwrap();
    let (cpu, gpu) = (rows(&cpu), rows(&gpu));
    let mut greatest = 0.0_f32;
    for (ours, theirs) in cpu.iter().flatten().zip(gpu.iter().flatten()) {
        greatest = greatest.max((ours - theirs).abs());
    }
    println!("greatest difference of a logit: {greatest}");
    assert!(greatest <= LOGIT_TOLERANCE);
}

#[test]
#[ignore = "needs a GPU: cargo xtask test-gpu"]
fn a_training_step_on_the_gpu_lowers_the_loss() {
    let device = Device::new_cuda(0).unwrap();
    let (decoder, ids) = load(&device);
    let shape = LoraConfig {
        rank: 8,
        alpha: 8.0,
        targets: vec![Projection::Q, Projection::V, Projection::Down],
        first_layer: 15,
        dropout: 0.0,
    };
    let adapter = Lora::init(decoder.config(), shape, 7, &device).unwrap();
    let vars = adapter.vars();
    let taught = decoder.with_adapter(Arc::new(adapter));
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let before = loss(&taught, &ids);
    let gradients = Gradients::collect(&vars, &before.backward().unwrap());
    for (name, _) in &vars {
        assert!(gradients.get(name).is_some(), "{name} gets no gradient");
    }
    optimizer.step(&vars, &gradients, 1e-3).unwrap();
    let (before, after) = (
        before.to_scalar::<f32>().unwrap(),
        loss(&taught, &ids).to_scalar::<f32>().unwrap(),
    );
    println!("loss {before} before, {after} after one step");
    assert!(after < before);
}
