//! Dequantization against the Python package `gguf`: `tests/golden/kernels/dequantize.py`.

use kernels::{Format, QuantMatrix, dequantize};

fn bytes_from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex digits"))
        .collect()
}

#[test]
fn values_are_those_of_gguf_bit_by_bit() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/kernels/dequantize.txt"
    );
    let text = std::fs::read_to_string(path).expect("the golden file is there");
    let mut formats = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let format = match fields[0] {
            "F16" => Format::F16,
            "Q4_0" => Format::Q4_0,
            "Q4_1" => Format::Q4_1,
            "Q5_0" => Format::Q5_0,
            "Q8_0" => Format::Q8_0,
            "Q4_K" => Format::Q4K,
            "Q6_K" => Format::Q6K,
            other => panic!("unknown format {other}"),
        };
        let bytes = bytes_from_hex(fields[1]);
        let expected: Vec<u32> = bytes_from_hex(fields[2])
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect();
        let mut values = vec![0.0; expected.len()];
        dequantize(format, &bytes, &mut values).expect("whole blocks");
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values), expected, "{format:?}");
        // Repacked, as two rows.
        let columns = expected.len() / 2;
        let matrix = QuantMatrix::from_bytes(format, 2, columns, &bytes).expect("two rows");
        let same = matrix.dequantize().iter().zip(&values).all(|(a, b)| a == b);
        assert!(same, "{format:?} repacked");
        formats += 1;
    }
    assert_eq!(formats, 7);
}

#[test]
fn wrong_sizes_are_refused() {
    assert!(QuantMatrix::from_bytes(Format::Q4_1, 2, 33, &[0; 40]).is_err());
    assert!(QuantMatrix::from_bytes(Format::Q4_1, 2, 32, &[0; 39]).is_err());
    assert!(QuantMatrix::from_bytes(Format::Q6K, 1, 128, &[0; 105]).is_err());
    assert!(QuantMatrix::from_bytes(Format::F32, 0, 128, &[]).is_err());
    assert!(QuantMatrix::from_bytes(Format::F32, usize::MAX, 128, &[]).is_err());
    assert!(dequantize(Format::Q8_0, &[0; 33], &mut [0.0; 32]).is_err());
}
