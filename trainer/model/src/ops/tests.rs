//! Each operation against its plain twin, forward and backward, and against differences.

use super::*;
use crate::config::{Activation, Rotation};
use crate::decoder::flat::spans_of;
use crate::decoder::sight::mask_of;
use crate::{Lora, LoraConfig, Projection, Segments};
use candle_core::{Device, Tensor, Var};
use kernels::{AttentionShape, KeyValues, Precision};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Greatest difference from the twin, relative to the greatest value: products of training split
/// their factors, see `kernels::Precision`.
const TOLERANCE: f32 = 2e-4;
/// The same where training's factors are rounded to `bf16`.
const TOLERANCE_BF16: f32 = 2e-2;
/// The same where a block's greatest value is 127 numbers.
const TOLERANCE_INT8: f32 = 3e-2;
const PRECISIONS: [(Precision, f32); 3] = [
    (Precision::F32, TOLERANCE),
    (Precision::Bf16, TOLERANCE_BF16),
    (Precision::Int8, TOLERANCE_INT8),
];

/// Widths of layers: any, and those of whole blocks.
fn widths() -> impl Strategy<Value = usize> {
    prop_oneof![1usize..70, Just(32), Just(64), Just(96)]
}

fn random(seed: u64, shape: (usize, usize)) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.0 * shape.1)
        .map(|_| rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0)
        .collect();
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A tensor of these values, of the shape of `like`.
fn tensor(values: Vec<f32>, like: &Tensor) -> Tensor {
    Tensor::from_vec(values, like.shape(), &Device::Cpu).unwrap()
}

#[track_caller]
fn assert_within(tolerance: f32, what: &str, ours: &Tensor, twin: &Tensor) {
    let (ours, twin) = (values(ours), values(twin));
    assert_eq!(ours.len(), twin.len(), "{what}");
    let scale = twin.iter().fold(1.0f32, |max, value| max.max(value.abs()));
    for (at, (a, b)) in ours.iter().zip(&twin).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * scale,
            "{what}, value {at}: {a} against {b}"
        );
    }
}

/// Compares results and the gradients of Σ weight · result towards each variable.
#[track_caller]
fn assert_twins(ours: &Tensor, twin: &Tensor, variables: &[&Var]) {
    assert_twins_within(TOLERANCE, ours, twin, variables);
}

#[track_caller]
fn assert_twins_within(tolerance: f32, ours: &Tensor, twin: &Tensor, variables: &[&Var]) {
    assert_within(tolerance, "result", ours, twin);
    if variables.is_empty() {
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let weights: Vec<f32> = (0..ours.elem_count())
        .map(|_| (rng.next_u32() % 7) as f32 - 3.0)
        .collect();
    let weights = Tensor::from_vec(weights, ours.shape(), &Device::Cpu).unwrap();
    let gradients = |result: &Tensor| {
        (result * &weights)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap()
    };
    let (of_ours, of_twin) = (gradients(ours), gradients(twin));
    for (at, variable) in variables.iter().enumerate() {
        let (a, b) = (
            of_ours.get(variable).unwrap(),
            of_twin.get(variable).unwrap(),
        );
        assert_within(tolerance, &format!("gradient {at}"), a, b);
    }
}

fn batch(lengths: &[usize]) -> Segments {
    let mut batch = Segments::new();
    let mut last = None;
    for (at, &length) in lengths.iter().enumerate() {
        // A new root, a child of the last root, a brother of the one before.
        let parent = if at % 3 == 0 { None } else { last };
        let id = batch.push(parent, &vec![0; length]);
        last = if at % 3 == 0 { Some(id) } else { last };
    }
    batch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn norms_agree(rows in 1usize..7, width in 1usize..80, seed: u64) {
        let x = random(seed, (rows, width));
        let weight = values(&random(seed ^ 1, (1, width)));
        let kernel = Norm::new(weight.clone(), 1e-5, None).unwrap();
        let plain = Norm::new(weight, 1e-5, Some(&Device::Cpu)).unwrap();
        assert_twins(&kernel.forward(&x).unwrap(), &plain.forward(&x).unwrap(), &[&x]);
    }

    #[test]
    fn rotations_agree(
        rows in 1usize..7, heads in 1usize..4, half in 1usize..33, factor in 1u32..9, seed: u64,
    ) {
        let x = random(seed, (rows, heads * 2 * half));
        let positions: Vec<u32> = (0..rows as u32).map(|row| row * 37 + (seed % 100) as u32).collect();
        let mut ours = values(&x);
        let rotation = Rotation { theta: 1e4, factor: factor as f32 };
        kernels::rope(&mut ours, heads, &rotation.table(&positions, 2 * half));
        let (cos, sin) = plain::rope_table(&positions, 2 * half, rotation, &Device::Cpu).unwrap();
        assert_twins(&tensor(ours, &x), &plain::rope(&x, heads, &cos, &sin).unwrap(), &[]);
    }

    #[test]
    fn activations_agree(rows in 1usize..7, width in 1usize..200, seed: u64) {
        let (gate, up) = (random(seed, (rows, width)), random(!seed, (rows, width)));
        for activation in [Activation::Silu, Activation::Gelu] {
            let mut ours = vec![0.0; rows * width];
            activation.mul(&values(&gate), &values(&up), &mut ours);
            assert_twins(&tensor(ours, &gate), &plain::gated(activation, &gate, &up).unwrap(), &[]);
        }
    }

    #[test]
    fn norms_of_heads_agree(rows in 1usize..7, heads in 1usize..4, head_dim in 1usize..40, seed: u64) {
        let x = random(seed, (rows, heads * head_dim));
        let weight = values(&random(seed ^ 1, (1, head_dim)));
        let kernel = Norm::new(weight.clone(), 1e-5, None).unwrap();
        let mut ours = values(&x);
        kernel.in_place(&mut ours);
        let plain = Norm::new(weight, 1e-5, Some(&Device::Cpu)).unwrap();
        let twin = plain.forward_heads(&x).unwrap();
        assert_twins(&tensor(ours, &x), &twin, &[]);
        let dy = random(seed ^ 2, (rows, heads * head_dim)).as_detached_tensor();
        let gradients = (&twin * &dy).unwrap().sum_all().unwrap().backward().unwrap();
        let dx = kernel.backward(&values(&x), &values(&dy));
        assert_within(TOLERANCE, "dx", &tensor(dx, &x), gradients.get(&x).unwrap());
    }

    #[test]
    fn linear_layers_agree(
        (rows, out, width) in (1usize..40, widths(), widths()), rank in 1usize..9, bias: bool, drops: bool, seed: u64,
    ) {
        let x = random(seed, (rows, width));
        let weight = random(seed ^ 1, (out, width));
        let bias = bias.then(|| values(&random(seed ^ 2, (1, out))));
        let mut pair = pair(seed, rank, (out, width));
        let dense = Linear::new(Weight::Dense(DenseWeight::new(values(&weight), width)), bias.clone(), (out, width)).unwrap();
        let plain =
            Linear::new(Weight::Plain(weight.as_detached_tensor()), bias, (out, width)).unwrap();
        let x_detached = x.as_detached_tensor();
        let detached = pair.detached();
        for pair in [None, Some(&detached)] {
            let twin = plain.forward(&x_detached, pair).unwrap();
            assert_twins(&dense.forward(&x_detached, pair).unwrap(), &twin, &[]);
        }

        pair.dropout = drops.then(|| Dropout::new(0.3, seed)).flatten();
        let twin = plain.forward(&x, Some(&pair)).unwrap();
        let dy = random(seed ^ 5, (rows, out)).as_detached_tensor();
        let gradients = (&twin * &dy).unwrap().sum_all().unwrap().backward().unwrap();
        for (precision, tolerance) in PRECISIONS {
            let close = |what: &str, ours: &Tensor, twin: &Tensor| assert_within(tolerance, what, ours, twin);
            let mut y = Vec::new();
            let x_values = values(&x);
            let input = TrainInput::new(&x_values, width, precision);
            let xa = dense.train_forward(&input, Some(&pair), &mut y).unwrap().unwrap();
            close("training", &Tensor::from_vec(y, (rows, out), &Device::Cpu).unwrap(), &twin);
            // What is handed in is added to.
            let mut dx = vec![1.0; rows * width];
            let (d_a, d_b) =
                dense.train_backward(&input, Some((&pair, &xa)), &values(&dy), Some(&mut dx)).unwrap().unwrap();
            let dx = (Tensor::from_vec(dx, (rows, width), &Device::Cpu).unwrap() - 1.0).unwrap();
            close("dx", &dx, gradients.get(&x).unwrap());
            close("d_a", &d_a, gradients.get(&pair.a).unwrap());
            close("d_b", &d_b, gradients.get(&pair.b).unwrap());
        }
    }

    #[test]
    fn attention_agrees(
        lengths in prop::collection::vec(1usize..9, 1..6), kv_heads in 1usize..3, group in 1usize..4,
        half in 1usize..17, seed: u64,
    ) {
        let (heads, head_dim) = (kv_heads * group, 2 * half);
        let batch = batch(&lengths);
        let n = batch.len();
        let q = random(seed, (n, heads * head_dim));
        let k = random(seed ^ 1, (n, kv_heads * head_dim));
        let v = random(seed ^ 2, (n, kv_heads * head_dim));
        let spans = spans_of(&batch);
        let mask = mask_of(&spans, &[0], n, &Device::Cpu).unwrap();
        let scale = 1.3 / head_dim as f32;
        let shape = AttentionShape { heads, kv_heads, head_dim, scale };
        let (keys, of_values) = (values(&k), values(&v));
        let source = KeyValues { keys: &keys, values: &of_values };
        let mut ours = vec![0.0; n * heads * head_dim];
        kernels::attention(shape, &values(&q), &[source], &spans, &mut ours, None);
        let ours = tensor(ours, &q);
        let twin = plain::attention(shape, &q, &k, &v, &mask).unwrap();
        assert_twins(&ours, &twin, &[]);
    }

    #[test]
    fn log_probabilities_agree(
        rows in 1u32..6, hidden in widths(), vocab in prop_oneof![2u32..90, Just(96), Just(4_160)],
        count in 1usize..12, seed: u64, (precision, tolerance) in prop::sample::select(&PRECISIONS),
    ) {
        let x = random(seed, (rows as usize, hidden));
        let weight = random(seed ^ 1, (vocab as usize, hidden));
        // Some rows many times, some perhaps never.
        let places: Vec<(u32, u32)> = (0..count as u64)
            .map(|at| {
                let drawn = (seed ^ at).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                (drawn as u32 % rows, (drawn >> 8) as u32 % vocab)
            })
            .collect();
        let output = Weight::Dense(DenseWeight::new(values(&weight), hidden));
        let output = Linear::new(output, None, (vocab as usize, hidden)).unwrap();
        let products = Products::Training(precision);
        let ours = logprobs_at(&output, x.as_tensor(), &places, products).unwrap();
        let logits = x.matmul(&weight.t().unwrap()).unwrap();
        let twin = plain::logprobs_at(&logits, &places).unwrap();
        assert_twins_within(tolerance, &ours, &twin, &[&x]);
    }
}

fn pair(seed: u64, rank: usize, (out, width): (usize, usize)) -> crate::LoraPair {
    let config = crate::Config {
        architecture: crate::Architecture::Llama,
        hidden: width,
        intermediate: out,
        layers: 1,
        heads: 1,
        kv_heads: 1,
        head_dim: 2,
        vocab: 1,
        rotation: Rotation::new(1e4),
        rms_eps: 1e-5,
        context: 1,
        tied_embeddings: true,
        attention_bias: false,
        attention_scale: 1.0,
        window: None,
    };
    let lora = LoraConfig {
        rank,
        alpha: 1.7 * rank as f64,
        targets: vec![Projection::Up],
        first_layer: 0,
        dropout: 0.0,
    };
    let lora = Lora::init(&config, lora, seed, &Device::Cpu).unwrap();
    let pair = lora.pair(0, Projection::Up).unwrap().clone();
    pair.b.set(&random(seed ^ 7, (out, rank))).unwrap();
    pair
}

#[test]
fn quantized_weights_refuse_gradients() {
    let matrix = kernels::QuantMatrix::from_bytes(kernels::Format::F32, 1, 1, &[0; 4]).unwrap();
    let linear = Linear::new(Weight::Quantized(matrix.into()), None, (1, 1)).unwrap();
    let error = linear.forward(&random(1, (1, 1)), None).unwrap_err();
    assert!(error.to_string().contains("pass no gradients"), "{error}");
}
