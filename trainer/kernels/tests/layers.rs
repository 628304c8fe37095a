//! Attention, norms, rotary embedding, activations and sampling against plain `f64` formulas.

use kernels::*;
use proptest::prelude::*;

fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(1e-3, |max: f64, x| max.max(x.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*f) - e).abs() <= tolerance * size,
            "value {i}: {f} is not {e} (of {size})"
        );
    }
}

/// The gradient of `Σ weights · f(x)` by central differences.
fn numeric_gradient(x: &[f64], weights: &[f32], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let step = 1e-5;
    let along = |x: &[f64]| -> f64 {
        f(x).iter()
            .zip(weights)
            .map(|(y, w)| y * f64::from(*w))
            .sum()
    };
    (0..x.len())
        .map(|i| {
            let mut moved = x.to_vec();
            moved[i] += step;
            let up = along(&moved);
            moved[i] -= 2.0 * step;
            (up - along(&moved)) / (2.0 * step)
        })
        .collect()
}

fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a small pool")
        .install(run)
}

/// Attention in `f64` over one source: the output, then the log-sum-exp.
fn attention_f64(
    shape: AttentionShape,
    q: &[f64],
    k: &[f64],
    v: &[f64],
    spans: &Spans,
) -> (Vec<f64>, Vec<f64>) {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = shape;
    let (mut out, mut lse) = (vec![0.0; q.len()], vec![0.0; spans.len() * heads]);
    for token in 0..spans.len() {
        for head in 0..heads {
            let at = (token * heads + head) * head_dim;
            let kv = head / (heads / kv_heads);
            let rows: Vec<usize> = spans
                .of(token)
                .iter()
                .flat_map(|span| span.rows.clone())
                .map(|row| (row * kv_heads + kv) * head_dim)
                .collect();
            let weights: Vec<f64> = rows
                .iter()
                .map(|row| {
                    let dot: f64 = (0..head_dim).map(|i| q[at + i] * k[row + i]).sum();
                    (dot * f64::from(scale)).exp()
                })
                .collect();
            let sum: f64 = weights.iter().sum();
            for (row, weight) in rows.iter().zip(&weights) {
                for i in 0..head_dim {
                    out[at + i] += weight / sum * v[row + i];
                }
            }
            lse[token * heads + head] = sum.ln();
        }
    }
    (out, lse)
}

fn span(start: usize, end: usize) -> Span {
    Span {
        source: 0,
        rows: start..end,
    }
}

/// A shared prompt of `prompt` tokens, then two branches of `branch` tokens each.
fn branches(prompt: usize, branch: usize) -> Spans {
    let mut spans = Spans::new();
    for i in 0..prompt {
        spans.push([span(0, i + 1)]);
    }
    for b in 0..2 {
        let start = prompt + b * branch;
        for i in start..start + branch {
            spans.push([span(0, prompt), span(start, i + 1)]);
        }
    }
    spans
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn attention_is_right(prompt in 0usize..60, branch in 1usize..24, group in 1usize..6, kv_heads in 1usize..3, dim in prop::sample::select(vec![8usize, 16, 24, 64, 80, 256]), seed in any::<u64>()) {
        let shape = AttentionShape { heads: group * kv_heads, kv_heads, head_dim: dim, scale: 0.3 };
        let spans = branches(prompt, branch);
        let n = spans.len();
        let q = values(n * shape.heads * dim, seed);
        let (k, v) = (values(n * kv_heads * dim, seed ^ 1), values(n * kv_heads * dim, seed ^ 2));
        let (expected, expected_lse) = attention_f64(shape, &wide(&q), &wide(&k), &wide(&v), &spans);
        let mut out = vec![f32::NAN; q.len()];
        let mut lse = vec![f32::NAN; n * shape.heads];
        let source = KeyValues { keys: &k, values: &v };
        attention(shape, &q, &[source], &spans, &mut out, Some(&mut lse));
        assert_close(&out, &expected, 2e-6);
        assert_close(&lse, &expected_lse, 2e-6);
    }
}

#[test]
fn attention_backward_is_the_gradient() {
    // Few tokens, and enough that keys are shared, with every instruction set's way to do so.
    for (dim, prompt, branch) in [
        (16, 3, 2),
        (24, 3, 2),
        (256, 3, 2),
        (16, 40, 5),
        (24, 20, 3),
    ] {
        let shape = AttentionShape {
            heads: 4,
            kv_heads: 2,
            head_dim: dim,
            scale: 0.25,
        };
        let spans = branches(prompt, branch);
        let n = spans.len();
        let q = values(n * 4 * dim, 1);
        let (k, v) = (values(n * 2 * dim, 2), values(n * 2 * dim, 3));
        let d_out = values(q.len(), 4);
        let source = KeyValues {
            keys: &k,
            values: &v,
        };
        let (mut out, mut lse) = (vec![0.0; q.len()], vec![0.0; n * 4]);
        attention(shape, &q, &[source], &spans, &mut out, Some(&mut lse));
        let (mut dq, mut dk, mut dv) = (vec![1.0; q.len()], vec![1.0; k.len()], vec![1.0; v.len()]);
        attention_backward(
            shape, &q, source, &spans, &out, &lse, &d_out, &mut dq, &mut dk, &mut dv,
        );
        let (q, k, v) = (wide(&q), wide(&k), wide(&v));
        let at = |q: &[f64], k: &[f64], v: &[f64]| attention_f64(shape, q, k, v, &spans).0;
        assert_close(&dq, &numeric_gradient(&q, &d_out, |x| at(x, &k, &v)), 1e-5);
        assert_close(&dk, &numeric_gradient(&k, &d_out, |x| at(&q, x, &v)), 1e-5);
        assert_close(&dv, &numeric_gradient(&v, &d_out, |x| at(&q, &k, x)), 1e-5);
    }
}

#[test]
fn attention_does_not_depend_on_batch_threads_or_cuts() {
    let shape = AttentionShape {
        heads: 9,
        kv_heads: 3,
        head_dim: 64,
        scale: 0.125,
    };
    let spans = branches(50, 70);
    let n = spans.len();
    let q = values(n * 9 * 64, 1);
    let (k, v) = (values(n * 3 * 64, 2), values(n * 3 * 64, 3));
    let source = KeyValues {
        keys: &k,
        values: &v,
    };
    let all = |threads: usize| {
        let (mut out, mut lse) = (vec![0.0; q.len()], vec![0.0; n * 9]);
        on_threads(threads, || {
            attention(shape, &q, &[source], &spans, &mut out, Some(&mut lse));
        });
        (out, lse)
    };
    let (out, lse) = all(1);
    assert!(all(2) == (out.clone(), lse.clone()));
    // The last token alone, its keys in two sources and in other pieces.
    let half = 20 * 3 * 64;
    let sources = [
        KeyValues {
            keys: &k[..half],
            values: &v[..half],
        },
        KeyValues {
            keys: &k[half..],
            values: &v[half..],
        },
    ];
    let mut pieces = Spans::new();
    let piece = |source: usize, rows| Span { source, rows };
    pieces.push([
        piece(0, 0..7),
        piece(0, 7..20),
        piece(1, 0..0),
        piece(1, 0..30),
        piece(1, n - 70 - 20..n - 20),
    ]);
    let mut last = vec![0.0; 9 * 64];
    attention(
        shape,
        &q[(n - 1) * 576..],
        &sources,
        &pieces,
        &mut last,
        None,
    );
    assert!(last == out[(n - 1) * 576..]);

    let d_out = values(q.len(), 4);
    let backward = |threads: usize| {
        let (mut dq, mut dk, mut dv) = (vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]);
        on_threads(threads, || {
            attention_backward(
                shape, &q, source, &spans, &out, &lse, &d_out, &mut dq, &mut dk, &mut dv,
            );
        });
        (dq, dk, dv)
    };
    assert!(backward(1) == backward(2));
}

#[test]
fn the_last_keys_of_each_token_are_kept() {
    let spans = branches(4, 3);
    assert!(spans.last(7).is_none());
    let last = spans.last(5).expect("the branches see up to 7");
    assert_eq!(last.len(), spans.len());
    for token in 0..spans.len() {
        let rows = |spans: &Spans| -> Vec<usize> {
            let of = spans.of(token).iter();
            of.flat_map(|span| span.rows.clone()).collect()
        };
        let all = rows(&spans);
        assert_eq!(rows(&last), all[all.len().saturating_sub(5)..]);
    }
    assert_eq!(last.of(6), [span(2, 4), span(4, 7)]);
    // What is left out whole is no span any more.
    assert_eq!(spans.last(1).expect("most see more").of(6), [span(6, 7)]);
}

#[test]
fn a_token_without_keys_gives_zeros() {
    let shape = AttentionShape {
        heads: 1,
        kv_heads: 1,
        head_dim: 16,
        scale: 1.0,
    };
    let mut spans = Spans::new();
    spans.push([]);
    let (mut out, mut lse) = (vec![1.0; 16], vec![1.0]);
    let nothing = KeyValues {
        keys: &[],
        values: &[],
    };
    attention(
        shape,
        &[1.0; 16],
        &[nothing],
        &spans,
        &mut out,
        Some(&mut lse),
    );
    assert_eq!((out, lse), (vec![0.0; 16], vec![f32::NEG_INFINITY]));
}

fn norm_f64(x: &[f64], weight: &[f32], eps: f64) -> Vec<f64> {
    x.chunks(weight.len())
        .flat_map(|row| {
            let mean = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
            let scale = 1.0 / (mean + eps).sqrt();
            row.iter()
                .zip(weight)
                .map(|(x, w)| x * scale * f64::from(*w))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn rms_norm_and_its_gradient() {
    for d in [5, 48, 576] {
        let (x, weight, dy) = (values(2 * d, 1), values(d, 2), values(2 * d, 3));
        let mut y = vec![0.0; 2 * d];
        rms_norm(&x, &weight, 1e-5, &mut y);
        assert_close(&y, &norm_f64(&wide(&x), &weight, 1e-5), 1e-6);
        let mut in_place = x.clone();
        rms_norm_in_place(&mut in_place, &weight, 1e-5);
        assert_eq!(in_place, y);
        let mut dx = vec![0.0; 2 * d];
        rms_norm_backward(&x, &weight, 1e-5, &dy, &mut dx);
        let expected = numeric_gradient(&wide(&x), &dy, |x| norm_f64(x, &weight, 1e-5));
        assert_close(&dx, &expected, 1e-5);
    }
}

#[test]
fn rope_turns_and_turns_back() {
    let positions = [0, 3, 700, 2047];
    let table = RopeTable::new(&positions, 16, 1e5);
    let x = values(4 * 2 * 16, 1);
    let mut y = x.clone();
    rope(&mut y, 2, &table);
    assert_eq!(y[..32], x[..32]);
    for (at, &position) in positions.iter().enumerate() {
        for i in 0..8 {
            let angle = f64::from(position) * 1e5f64.powf(-(i as f64) / 8.0);
            let head = &x[(at * 2 + 1) * 16..][..16];
            let expected = f64::from(head[i]) * angle.cos() - f64::from(head[i + 8]) * angle.sin();
            let found = f64::from(y[(at * 2 + 1) * 16 + i]);
            // Angles are formed in f32, as Hugging Face does: half a unit in 2,047 is 6e-5.
            assert!((found - expected).abs() < 2e-4, "{found} {expected}");
        }
    }
    rope_inverse(&mut y, 2, &table);
    assert_close(&y, &wide(&x), 1e-6);
}

#[test]
fn a_stretched_rope_turns_as_positions_divided() {
    let x = values(3 * 16, 1);
    let (mut far, mut near) = (x.clone(), x);
    let table = RopeTable::stretched(&[0, 24, 800], 16, 1e6, 8.0);
    rope(&mut far, 1, &table);
    let table = RopeTable::new(&[0, 3, 100], 16, 1e6);
    rope(&mut near, 1, &table);
    assert_close(&far, &wide(&near), 1e-5);
}

type Gated = fn(&[f32], &[f32], &mut [f32]);
type GatedBackward = fn(&[f32], &[f32], &[f32], &mut [f32], &mut [f32]);

#[test]
fn silu_mul_and_its_gradient() {
    gated_and_its_gradient(silu_mul, silu_mul_backward, |g| g / (1.0 + (-g).exp()));
}

#[test]
fn gelu_mul_and_its_gradient() {
    let gelu = |g: f64| {
        let inner = std::f64::consts::FRAC_2_PI.sqrt() * (g + 0.044715 * g.powi(3));
        0.5 * g * (1.0 + inner.tanh())
    };
    gated_and_its_gradient(gelu_mul, gelu_mul_backward, gelu);
}

fn gated_and_its_gradient(
    mul: Gated,
    mul_backward: GatedBackward,
    activation: impl Fn(f64) -> f64,
) {
    let gate: Vec<f32> = values(1000, 1).iter().map(|x| x * 20.0).collect();
    let (up, dy) = (values(1000, 2), values(1000, 3));
    let mut y = vec![0.0; 1000];
    mul(&gate, &up, &mut y);
    let expected: Vec<f64> = gate
        .iter()
        .zip(&up)
        .map(|(g, u)| activation(f64::from(*g)) * f64::from(*u))
        .collect();
    assert_close(&y, &expected, 1e-6);
    let (mut d_gate, mut d_up) = (vec![0.0; 1000], vec![0.0; 1000]);
    mul_backward(&gate, &up, &dy, &mut d_gate, &mut d_up);
    let by_gate: Vec<f64> = (0..1000)
        .map(|i| {
            let g = f64::from(gate[i]);
            let slope = (activation(g + 1e-5) - activation(g - 1e-5)) / 2e-5;
            slope * f64::from(up[i]) * f64::from(dy[i])
        })
        .collect();
    assert_close(&d_gate, &by_gate, 1e-6);
    let by_up: Vec<f64> = (0..1000)
        .map(|i| activation(f64::from(gate[i])) * f64::from(dy[i]))
        .collect();
    assert_close(&d_up, &by_up, 1e-6);
}

#[test]
fn softmax_and_what_belongs_to_it() {
    for width in [1, 7, 100, 1000] {
        let logits: Vec<f32> = values(3 * width, 1).iter().map(|x| x * 30.0).collect();
        let expected: Vec<f64> = logits
            .chunks(width)
            .flat_map(|row| {
                let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
                row.iter()
                    .map(|x| f64::from(*x).exp() / sum)
                    .collect::<Vec<_>>()
            })
            .collect();
        let sums = log_sum_exp_rows(&logits, width);
        for (row, sum) in logits.chunks(width).zip(&sums) {
            let by_hand: f64 = row.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
            assert!((f64::from(*sum) - by_hand).abs() < 1e-6 * (1.0 + by_hand.abs()));
            assert_eq!(*sum, log_sum_exp(row));
        }
        let mut shares = logits.clone();
        softmax_in_place(&mut shares, width, &sums);
        assert_close(&shares, &expected, 5e-6);
    }
    assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
    assert_eq!(log_sum_exp(&[f32::NEG_INFINITY; 40]), f32::NEG_INFINITY);
}

/// The interval of [0, 1) that a full sort gives to `token`, if it is kept.
fn interval(
    logits: &[f32],
    temperature: f32,
    top_k: usize,
    top_p: f32,
    token: u32,
) -> Option<(f64, f64)> {
    let weight = |i: &usize| (f64::from(logits[*i]) / f64::from(temperature)).exp();
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    if top_k > 0 {
        order.truncate(top_k);
    }
    let total: f64 = order.iter().map(weight).sum();
    let mut sum = 0.0;
    if top_p < 1.0 {
        let end = order.iter().position(|i| {
            sum += weight(i);
            sum >= f64::from(top_p) * total
        });
        order.truncate(end.map_or(order.len(), |end| end + 1));
    }
    order.sort_unstable();
    let total: f64 = order.iter().map(weight).sum();
    let mut start = 0.0;
    for i in &order {
        let end = start + weight(i) / total;
        if *i == token as usize {
            return Some((start, end));
        }
        start = end;
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn sampling_agrees_with_a_full_sort(len in 1usize..3000, temperature in 0.3f32..2.0, top_k in prop::sample::select(vec![0usize, 2, 50, 2000]), top_p in prop::sample::select(vec![0.05f32, 0.5, 0.9, 1.0]), scale in 0.1f32..10.0, u in 0.0f64..1.0, seed in any::<u64>()) {
        let logits: Vec<f32> = values(len, seed).iter().map(|x| x * scale).collect();
        let sampled = sample_token(&logits, temperature, top_k, top_p, u);
        let (start, end) = interval(&logits, temperature, top_k, top_p, sampled.token)
            .expect("the token is one of those kept");
        prop_assert!(start - 1e-5 <= u && u <= end + 1e-5, "{u} is not in {start}..{end}");
        let expected = logits[sampled.token as usize] - log_sum_exp(&logits);
        prop_assert_eq!(sampled.logprob, expected);
    }
}

#[test]
fn sampling_at_its_edges() {
    let logits = [1.0, f32::NAN, 3.0, 3.0, f32::NEG_INFINITY];
    assert_eq!(sample_token(&logits, 0.0, 0, 1.0, 0.7).token, 2);
    assert_eq!(sample_token(&logits, 1.0, 1, 1.0, 0.7).token, 2);
    for u in [0.0, 0.1, 0.5, 0.9, 0.999_999_999] {
        assert!([0, 2, 3].contains(&sample_token(&logits, 1.0, 0, 1.0, u).token));
        assert!([2, 3].contains(&sample_token(&logits, 1.0, 2, 1.0, u).token));
        assert!([2, 3].contains(&sample_token(&logits, 1.0, 0, 0.8, u).token));
    }
    assert_eq!(sample_token(&logits, 1.0, 0, 1.0, 0.0).token, 0);
    // Its inverse is no number.
    assert_eq!(sample_token(&[1.0, 3.0, 2.0], 1e-40, 0, 1.0, 0.7).token, 1);
    assert_eq!(sample_token(&[1.0, 3.0, 2.0], 1e-40, 2, 0.5, 0.7).token, 1);
    let none = sample_token(&[f32::NAN; 3], 1.0, 0, 1.0, 0.5);
    assert_eq!((none.token, none.logprob), (0, f32::NEG_INFINITY));
}

#[test]
fn the_most_probable_tokens_are_in_order() {
    for (len, k) in [(1, 1), (7, 3), (1000, 20), (1000, 64), (5, 9)] {
        let mut logits = values(len, 31);
        logits[len / 2] = f32::NAN;
        let mut expected: Vec<u32> = (0..len as u32).collect();
        expected.retain(|&token| !logits[token as usize].is_nan());
        expected.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
        expected.truncate(k);
        let found = most_probable_tokens(&logits, k);
        let tokens: Vec<u32> = found.iter().map(|one| one.token).collect();
        assert_eq!(tokens, expected, "{k} of {len}");
    }
    let logits = [0.0, 1.0, 1.0, -1.0];
    let found = most_probable_tokens(&logits, 2);
    assert_eq!(
        (found[0].token, found[1].token),
        (1, 2),
        "of equals the first"
    );
    let sum: f64 = (0..4)
        .map(|token| f64::from(token_logprob(&logits, token)).exp())
        .sum();
    assert!((sum - 1.0).abs() < 1e-6);
    assert_eq!(found[0].logprob, token_logprob(&logits, 1));
    assert!(most_probable_tokens(&logits, 0).is_empty());
}
