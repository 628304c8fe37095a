//! Products against plain loops, and their independence of batch and threads.

use kernels::*;
use proptest::prelude::*;

const FORMATS: [Format; 8] = [
    Format::F32,
    Format::F16,
    Format::Q4_0,
    Format::Q4_1,
    Format::Q5_0,
    Format::Q8_0,
    Format::Q4K,
    Format::Q6K,
];

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

/// A matrix of random blocks with moderate scales.
fn matrix(format: Format, rows: usize, columns: usize, seed: u64) -> QuantMatrix {
    let size = format.block_bytes();
    let mut bytes: Vec<u8> = values(format.bytes(rows, columns).expect("whole blocks"), seed)
        .iter()
        .map(|x| ((x + 1.0) * 128.0) as u8)
        .collect();
    let halves: &[usize] = match format {
        Format::F32 => &[],
        Format::F16 | Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[0],
        Format::Q4_1 | Format::Q4K => &[0, 2],
        Format::Q6K => &[208],
    };
    for (i, block) in bytes.chunks_exact_mut(size).enumerate() {
        let scale = values(2, seed + i as u64);
        for (value, &at) in scale.iter().zip(halves) {
            block[at..at + 2].copy_from_slice(&half::f16::from_f32(value * 0.1).to_le_bytes());
        }
        if format == Format::F32 {
            block.copy_from_slice(&scale[0].to_le_bytes());
        }
    }
    QuantMatrix::from_bytes(format, rows, columns, &bytes).expect("the right length")
}

/// Relative to the sum of the terms' absolute values.
fn assert_close(found: &[f32], k: usize, terms: impl Fn(usize, usize) -> f64, tolerance: f64) {
    for (at, &found) in found.iter().enumerate() {
        let (mut sum, mut size) = (0.0, 1e-30);
        for i in 0..k {
            sum += terms(at, i);
            size += terms(at, i).abs();
        }
        assert!(
            (f64::from(found) - sum).abs() <= tolerance * size,
            "value {at}: {found} is not {sum}"
        );
    }
}

/// Writes the first rows of a product.
type Product = dyn Fn(usize, &mut [f32]) + Sync + Send;

fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a small pool")
        .install(run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn f32_products_are_right(n in 1usize..40, k in 1usize..900, m in 1usize..140, seed in any::<u64>()) {
        let shape = Shape { n, k, m };
        let (x, w) = (values(n * k, seed), values(m * k, seed ^ 1));
        let mut y = vec![f32::NAN; n * m];
        matmul_nt(shape, &x, &w, &mut y);
        let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
        assert_close(&y, k, |at, i| product(x[at / m * k + i], w[at % m * k + i]), 1e-6);

        let before = y.clone();
        matmul_nt_add(shape, &x, &w, &mut y);
        for (y, b) in y.iter().zip(&before) {
            prop_assert!((y - 2.0 * b).abs() <= 1e-3 + 1e-4 * b.abs());
        }

        let mut y = vec![f32::NAN; n * m];
        matmul_nn(shape, &x, &w, &mut y);
        assert_close(&y, k, |at, i| product(x[at / m * k + i], w[i * m + at % m]), 1e-6);
    }

    #[test]
    fn quantized_products_are_right(n in 1usize..20, blocks in 1usize..5, m in 1usize..60, format in 0usize..FORMATS.len(), seed in any::<u64>()) {
        let k = 256 * blocks;
        let w = matrix(FORMATS[format], m, k, seed);
        let x = values(n * k, seed ^ 1);
        let seen = if w.is_packed() { Activations::quantize(&x, k).dequantize() } else { x.clone() };
        for (x, s) in x.iter().zip(&seen) {
            prop_assert!((x - s).abs() <= 1.001 / 254.0);
        }
        let mut y = vec![f32::NAN; n * m];
        w.matmul(&x, &mut y);
        let plain = w.dequantize();
        assert_close(
            &y,
            k,
            |at, i| f64::from(seen[at / m * k + i]) * f64::from(plain[at % m * k + i]),
            3e-6,
        );
    }
}

#[test]
fn rows_do_not_depend_on_batch_or_threads() {
    let (k, m) = (576, 200);
    let w = values(m * k, 2);
    let x = values(700 * k, 3);
    let mut products: Vec<Box<Product>> = Vec::new();
    let (x_ref, w_ref) = (x.clone(), w.clone());
    products.push(Box::new(move |n, y| {
        matmul_nt(Shape { n, k, m }, &x_ref[..n * k], &w_ref, y);
    }));
    let x_ref = x.clone();
    products.push(Box::new(move |n, y| {
        matmul_nn(Shape { n, k, m }, &x_ref[..n * k], &w, y);
    }));
    for format in [
        Format::F16,
        Format::Q4_0,
        Format::Q4_1,
        Format::Q5_0,
        Format::Q8_0,
    ] {
        let w = matrix(format, m, k, 4);
        let x = x.clone();
        products.push(Box::new(move |n, y| w.matmul(&x[..n * k], y)));
    }
    for product in products {
        let run = |n: usize, threads: usize| {
            let mut y = vec![f32::NAN; n * m];
            on_threads(threads, || product(n, &mut y));
            y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let all = run(700, 2);
        for n in [1, 2, 3, 5, 7, 50, 699] {
            for threads in [1, 2, 3] {
                assert!(
                    run(n, threads) == all[..n * m],
                    "{n} rows on {threads} threads"
                );
            }
        }
    }
}

#[test]
#[should_panic(expected = "do not fit")]
fn activations_of_another_width_are_refused() {
    let w = matrix(Format::Q8_0, 16, 64, 1);
    let _ = matmul_new(&Activations::quantize(&[0.0; 32], 32), &w);
}

#[test]
fn blocks_that_are_not_numbers_do_no_harm() {
    let w = matrix(Format::Q4_1, 16, 32, 1);
    let mut x = vec![0.0; 32];
    let mut y = vec![0.0; 16];
    for bad in [f32::NAN, f32::INFINITY, 1e-40, 1e38] {
        x[3] = bad;
        w.matmul(&x, &mut y);
    }
}
