//! Throughput of the kernels on the shapes of SmolLM2-135M, on one thread and on two.
//!
//! `cargo run --release -p kernels --example throughput [NAME…]`: prints GFLOP/s (or integer
//! operations) and, where weights are streamed, GB/s; the best of several rounds, since a machine
//! is seldom idle. A name picks the parts: peak, f32, training, quantized, decode,
//! attention, small.

use std::hint::black_box;
use std::time::Instant;

use kernels::*;

/// Seconds of the best of `rounds` runs.
fn best(rounds: usize, mut run: impl FnMut()) -> f64 {
    run();
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

fn random(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 - 0.5
        })
        .collect()
}

fn on_threads(threads: usize, run: impl FnOnce() + Send) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a pool of a few threads")
        .install(run);
}

/// GFLOP/s of fused multiply-adds that touch no memory, on one thread.
fn peak() -> f64 {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn avx512(rounds: usize) -> f32 {
        use std::arch::x86_64::*;
        let mut sums = [_mm512_set1_ps(0.5); 16];
        let (a, b) = (
            _mm512_set1_ps(black_box(0.999)),
            _mm512_set1_ps(black_box(0.001)),
        );
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, a, b);
            }
        }
        sums.iter().map(|sum| _mm512_reduce_add_ps(*sum)).sum()
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn avx2(rounds: usize) -> f32 {
        use std::arch::x86_64::*;
        let mut sums = [_mm256_set1_ps(0.5); 12];
        let (a, b) = (
            _mm256_set1_ps(black_box(0.999)),
            _mm256_set1_ps(black_box(0.001)),
        );
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, a, b);
            }
        }
        sums.iter().map(|sum| _mm256_cvtss_f32(*sum)).sum()
    }
    #[cfg(target_arch = "x86_64")]
    if features() == Features::Avx512 {
        let rounds = 1 << 20;
        let seconds = best(100, || {
            // SAFETY: AVX-512 was detected.
            black_box(unsafe { avx512(rounds) });
        });
        return (rounds * 16 * 32) as f64 / seconds / 1e9;
    }
    #[cfg(target_arch = "x86_64")]
    if features() == Features::Avx2 {
        let rounds = 1 << 20;
        let seconds = best(100, || {
            // SAFETY: AVX2 and FMA were detected.
            black_box(unsafe { avx2(rounds) });
        });
        return (rounds * 12 * 16) as f64 / seconds / 1e9;
    }
    f64::NAN
}

/// As [`peak`], of `bf16` products.
fn peak_bf16() -> f64 {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn vectors(rounds: usize) -> f32 {
        use std::arch::x86_64::*;
        let mut sums = [_mm512_set1_ps(0.5); 16];
        let values = _mm512_set1_ps(black_box(0.01));
        let pairs = _mm512_cvtne2ps_pbh(values, values);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, pairs, pairs);
            }
        }
        sums.iter().map(|sum| _mm512_reduce_add_ps(*sum)).sum()
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bf16") {
        let rounds = 1 << 20;
        let seconds = best(50, || {
            // SAFETY: AVX-512-BF16 was detected.
            black_box(unsafe { vectors(rounds) });
        });
        return (rounds * 16 * 64) as f64 / seconds / 1e9;
    }
    f64::NAN
}

/// The factors and the result of a product; fewer rows where it is wide.
fn operands(n: usize, k: usize, m: usize) -> (Shape, Vec<f32>, Vec<f32>, Vec<f32>) {
    let n = if m > 9999 { n.min(300) } else { n };
    let shape = Shape { n, k, m };
    (shape, random(n * k, 1), random(m * k, 2), vec![0.0; n * m])
}

fn f32_products() {
    let n = 1200;
    for (k, m) in [
        (576, 576),
        (576, 192),
        (576, 1536),
        (1536, 576),
        (576, 32),
        (32, 576),
        (32, 1536),
        (576, 49_152),
    ] {
        let (shape, x, w, mut y) = operands(n, k, m);
        let n = shape.n;
        let flop = 2.0 * (n * m * k) as f64 / 1e9;
        let nt = best(7, || matmul_nt(shape, &x, &w, black_box(&mut y)));
        let nn = best(7, || matmul_nn(shape, &x, &w, black_box(&mut y)));
        println!(
            "  f32 n {n} k {k} m {m}: nt {:.0} nn {:.0} GFLOP/s",
            flop / nt,
            flop / nn
        );
    }
}

/// Products of training, on the matrix unit where there is one.
fn training_products() {
    let n = 1000;
    for precision in [Precision::F32, Precision::Bf16] {
        for (k, m) in [
            (576, 576),
            (576, 1536),
            (1536, 576),
            (576, 32),
            (32, 1536),
            (576, 49_152),
        ] {
            let (Shape { n, .. }, x, w, _) = operands(n, k, m);
            let flop = 2.0 * (n * m * k) as f64 / 1e9;
            let rounds = if m > 9999 { 5 } else { 15 };
            let x = Factor::new(&x, k);
            let (nt, nn) = (Factor::new(&w, k).transposed(), Factor::new(&w, m));
            let (left, right) = (Packed::left(x, precision), Packed::right(nt, precision));
            let packed = (x.packed(&left), nt.packed(&right));
            let [nt, nn, packed] = [(x, nt), (x, nn), packed]
                .map(|(x, w)| best(rounds, || drop(black_box(multiply(x, w, precision)))));
            println!(
                "  {precision:?} n {n} k {k} m {m}: nt {:.0} nn {:.0} packed {:.0} GFLOP/s",
                flop / nt,
                flop / nn,
                flop / packed
            );
        }
    }
}

fn quantized_products() {
    for format in [
        Format::Q4_1,
        Format::Q4_0,
        Format::Q8_0,
        Format::Q4K,
        Format::Q6K,
    ] {
        for (k, m) in [
            (576, 576),
            (576, 192),
            (576, 3072),
            (1536, 576),
            (576, 49_152),
        ] {
            if k % format.block_len() != 0 || (m > 9999 && format != Format::Q8_0) {
                continue;
            }
            let bytes: Vec<u8> = random(format.bytes(m, k).expect("whole blocks"), 3)
                .iter()
                .map(|x| (x * 255.0) as i8 as u8 & 0x3F)
                .collect();
            // Several copies, as a model has layers: weights come from memory and not from cache.
            let copies = (100_000_000 / bytes.len()).clamp(3, 100);
            let copies: Vec<QuantMatrix> = (0..copies)
                .map(|_| QuantMatrix::from_bytes(format, m, k, &bytes).expect("right length"))
                .collect();
            print!("  {format:?} k {k} m {m}:");
            for n in [1, 4, 50, 512] {
                let (x, mut y) = (random(n * k, 1), vec![0.0; n * m]);
                let mut used = 0;
                let count = if n < 50 { copies.len() } else { 3 };
                let seconds = best(if n > 50 { 3 } else { 7 }, || {
                    for w in &copies[..count] {
                        w.matmul(&x, black_box(&mut y));
                        used += 1;
                    }
                }) / count as f64;
                black_box(used);
                let gops = 2.0 * (n * m * k) as f64 / seconds / 1e9;
                let gb = copies[0].memory_bytes() as f64 / seconds / 1e9;
                print!("  n {n} {:.0} us {gops:.0} GOP/s", seconds * 1e6);
                if n == 1 {
                    print!(" {gb:.1} GB/s");
                }
            }
            println!();
        }
    }
}

fn attention_over(prompt: usize, branch: usize, count: usize) {
    let shape = AttentionShape {
        heads: 9,
        kv_heads: 3,
        head_dim: 64,
        scale: 0.125,
    };
    let mut spans = Spans::new();
    let span = |start: usize, end: usize| Span {
        source: 0,
        rows: start..end,
    };
    for i in 0..prompt {
        spans.push([span(0, i + 1)]);
    }
    for b in 0..count {
        let start = prompt + b * branch;
        for i in start..start + branch {
            spans.push([span(0, prompt), span(start, i + 1)]);
        }
    }
    let n = spans.len();
    let scores: usize = (0..n).map(|i| spans.keys(i) * 9).sum();
    let q = random(n * 576, 1);
    let (k, v) = (random(n * 192, 2), random(n * 192, 3));
    let source = KeyValues {
        keys: &k,
        values: &v,
    };
    let (mut out, mut lse) = (vec![0.0; q.len()], vec![0.0; n * 9]);
    let forward = best(7, || {
        attention(shape, &q, &[source], &spans, &mut out, Some(&mut lse));
    });
    let (mut dq, mut dk, mut dv) = (vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]);
    let backward = best(7, || {
        attention_backward(
            shape, &q, source, &spans, &out, &lse, &q, &mut dq, &mut dk, &mut dv,
        );
    });
    println!(
        "  attention {n} tokens, {} keys each: forward {:.0} us ({:.2} ns a score), backward {:.0} us ({:.2} ns)",
        scores / 9 / n,
        forward * 1e6,
        forward * 1e9 / scores as f64,
        backward * 1e6,
        backward * 1e9 / scores as f64
    );
}

/// The products of one step of SmolLM2-135M, all weights: `rows` tokens at once.
fn decode_step() {
    let matrix = |format: Format, k: usize, m: usize, seed: u32| {
        let bytes: Vec<u8> = random(format.bytes(m, k).expect("whole blocks"), seed)
            .iter()
            .map(|x| (x * 255.0) as i8 as u8 & 0x3F)
            .collect();
        QuantMatrix::from_bytes(format, m, k, &bytes).expect("right length")
    };
    let layers: Vec<[QuantMatrix; 4]> = (0..30)
        .map(|i| {
            [(576, 960), (576, 576), (576, 3072), (1536, 576)]
                .map(|(k, m)| matrix(Format::Q4_1, k, m, i))
        })
        .collect();
    let output = matrix(Format::Q8_0, 576, 49_152, 31);
    for rows in [1, 4, 16, 50] {
        let x = random(rows * 1536, 1);
        let mut y = vec![0.0; rows * 49_152];
        let seconds = best(10, || {
            for layer in &layers {
                for w in layer {
                    let y = black_box(&mut y[..rows * w.rows()]);
                    w.matmul(&x[..rows * w.columns()], y);
                }
            }
            output.matmul(&x[..rows * 576], black_box(&mut y));
        });
        println!(
            "  products of a step, {rows} rows: {:.0} us, {:.0} tokens/s",
            seconds * 1e6,
            rows as f64 / seconds
        );
    }
}

fn small_kernels() {
    let n = 1200;
    let x = random(n * 1536, 1);
    let (up, mut y, mut z) = (random(n * 1536, 2), x.clone(), x.clone());
    let rate = |name: &str, count: usize, seconds: f64| {
        println!(
            "  {name}: {:.0} us, {:.2} ns a value",
            seconds * 1e6,
            seconds * 1e9 / count as f64
        );
    };
    rate(
        "silu_mul 1200 x 1536",
        x.len(),
        best(7, || silu_mul(&x, &up, &mut y)),
    );
    rate(
        "silu_mul_backward 1200 x 1536",
        x.len(),
        best(7, || silu_mul_backward(&x, &up, &x, &mut y, &mut z)),
    );
    let (d, weight) = (n * 576, random(576, 3));
    rate(
        "rms_norm 1200 x 576",
        d,
        best(7, || rms_norm(&x[..d], &weight, 1e-5, &mut y[..d])),
    );
    rate(
        "rms_norm_backward 1200 x 576",
        d,
        best(7, || {
            rms_norm_backward(&x[..d], &weight, 1e-5, &up[..d], &mut y[..d])
        }),
    );
    let mut activations = Activations::default();
    let table = RopeTable::new(&(0..n as u32).collect::<Vec<_>>(), 64, 1e5);
    rate(
        "rope 1200 x 9 x 64",
        d,
        best(7, || rope(&mut y[..d], 9, &table)),
    );
    rate(
        "quantize 1200 x 576",
        d,
        best(7, || activations.set(&x[..d], 576)),
    );
    let d = 50 * 576;
    rate(
        "quantize 50 x 576",
        d,
        best(50, || activations.set(&x[..d], 576)),
    );
    let logits: Vec<f32> = random(49_152, 5).iter().map(|x| x * 20.0).collect();
    for (top_k, top_p) in [(0, 1.0), (50, 1.0), (0, 0.9), (50, 0.9)] {
        let mut u = 0.0;
        let seconds = best(50, || {
            u = (u + 0.37) % 1.0;
            black_box(sample_token(&logits, 1.0, top_k, top_p, u));
        });
        rate(
            &format!("sample_token top_k {top_k} top_p {top_p}"),
            logits.len(),
            seconds,
        );
    }
    let rows = random(64 * 49_152, 6);
    let seconds = best(5, || {
        let mut rows = rows.clone();
        let sums = log_sum_exp_rows(&rows, 49_152);
        softmax_in_place(&mut rows, 49_152, &sums);
    });
    rate("log-sum-exp and softmax 64 x 49152", rows.len(), seconds);
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    println!("{:?}", features());
    if wanted("peak") {
        for (name, peak) in [
            ("f32 fused multiply-add", peak as fn() -> f64),
            ("bf16 products by vectors", peak_bf16),
        ] {
            let alone = peak();
            let two: f64 = std::thread::scope(|scope| {
                let other = scope.spawn(peak);
                peak() + other.join().unwrap_or(f64::NAN)
            });
            println!("peak {name}: {alone:.0} GFLOP/s on 1 thread, {two:.0} on 2");
        }
    }
    for threads in [1, 2] {
        println!("{threads} thread(s)");
        on_threads(threads, || {
            if wanted("f32") {
                f32_products();
            }
            if wanted("training") {
                training_products();
            }
            if wanted("quantized") {
                quantized_products();
            }
            if wanted("decode") {
                decode_step();
            }
            if wanted("attention") {
                attention_over(512, 0, 0);
                attention_over(64, 64, 16);
                attention_over(0, 60, 20);
            }
            if wanted("small") {
                small_kernels();
            }
        });
    }
}
