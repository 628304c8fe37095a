//! Matrix products for training: on the processor's matrix unit where it has one, in `bf16` by its
//! vectors where it has those, else as [`matmul_nt`](super::matmul_nt) and its like.
//!
//! On the matrix unit, and with [`Precision::F32`], the factors are split into two `bf16` each: the relative
//! error of a sum of products is about 2⁻¹⁶ of the sum of their absolute values. That is enough for
//! losses and gradients, which agree with `f32` to 1e-4; inference keeps to the vector kernels.

#[cfg(target_arch = "x86_64")]
use super::bf16::{self, Panels, Unit};
use super::{Right, Shape, Strided, check, product};
#[cfg(target_arch = "x86_64")]
use crate::parallel::Shared;
use crate::quantized::QuantMatrix;

/// How exactly products for training are formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// `f32`, or nearly: three products of the factors' halves on a matrix unit.
    #[default]
    F32,
    /// One product of the factors rounded to `bf16` (a relative error of 2⁻⁹ each), summed in `f32`:
    /// mixed precision as it is usual on a GPU, in a third to a half of the time. `f32` where the
    /// processor has no such instructions.
    Bf16,
    /// Products with frozen weights in 8 bits, both ways: what they read is quantized by blocks of 32, as
    /// for sampling, and so is what they hand back the gradients of. All other products as with
    /// [`Precision::Bf16`], and so these on a matrix unit.
    Int8,
}

impl Precision {
    /// Whether products with frozen weights are of 8 bits here.
    #[must_use]
    pub fn takes_integers(self) -> bool {
        self == Precision::Int8 && !has_tiles()
    }
}

/// Whether there is a matrix unit.
fn has_tiles() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        bf16::unit() == Some(Unit::Tiles)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// A factor of a product for training.
#[derive(Clone, Copy)]
pub struct Factor<'a> {
    values: Strided<'a>,
    rows: usize,
    columns: usize,
    packed: Option<&'a Packed>,
    /// In place of the values, and whether it is transposed.
    quantized: Option<(&'a QuantMatrix, bool)>,
}

impl<'a> Factor<'a> {
    /// The matrix (values / columns, columns) as it lies in memory.
    #[must_use]
    pub fn new(values: &'a [f32], columns: usize) -> Self {
        let rows = values.len() / columns;
        assert!(rows * columns == values.len(), "rows of {columns}");
        Self {
            values: Strided::rows(values, columns),
            rows,
            columns,
            packed: None,
            quantized: None,
        }
    }

    /// Quantized weights (out, in), of which products make what they need as they need it: right factors
    /// alone, where packed ones are [not served](Packed::serves).
    #[must_use]
    pub fn quantized(matrix: &'a QuantMatrix) -> Self {
        Self {
            values: Strided::rows(&[], matrix.columns()),
            rows: matrix.rows(),
            columns: matrix.columns(),
            packed: None,
            quantized: Some((matrix, false)),
        }
    }

    /// Its transpose.
    #[must_use]
    pub fn transposed(self) -> Self {
        let Strided {
            values,
            row,
            column,
        } = self.values;
        Self {
            values: Strided {
                values,
                row: column,
                column: row,
            },
            rows: self.columns,
            columns: self.rows,
            packed: None,
            quantized: self.quantized.map(|(matrix, turned)| (matrix, !turned)),
        }
    }

    /// Whether its values are there, so that what reads them by pointers stays within them.
    fn has_values(&self) -> bool {
        self.values.values.len() == self.rows * self.columns
    }

    fn right(self) -> Right<'a> {
        match self.quantized {
            Some((matrix, turned)) => Right::Quantized { matrix, turned },
            None => Right::F32(self.values),
        }
    }

    /// The same, in the form that was made of it before.
    #[must_use]
    pub fn packed(self, packed: &'a Packed) -> Self {
        assert!((packed.rows, packed.columns) == (self.rows, self.columns));
        Self {
            packed: Some(packed),
            ..self
        }
    }
}

/// A factor in the order that products of a precision read: made once where it is used often. Empty
/// where they read it as it lies.
#[derive(Debug)]
pub struct Packed {
    rows: usize,
    columns: usize,
    precision: Precision,
    is_left: bool,
    #[cfg(target_arch = "x86_64")]
    panels: Option<Panels>,
}

impl Packed {
    /// Whether products of a precision read packed factors here: then a packed factor is all that they
    /// need.
    #[must_use]
    pub fn serves(precision: Precision) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            unit(precision).is_some()
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = precision;
            false
        }
    }

    /// The factor that this was made of, without its values.
    ///
    /// # Panics
    /// Where [`Packed::serves`] says no: then it is empty.
    #[must_use]
    pub fn factor(&self) -> Factor<'_> {
        assert!(Self::serves(self.precision), "an empty factor");
        Factor {
            values: Strided::rows(&[], self.columns),
            rows: self.rows,
            columns: self.columns,
            packed: Some(self),
            quantized: None,
        }
    }

    /// For products `factor · b`.
    ///
    /// # Panics
    /// If the factor has no values: it is quantized, or comes of [`Packed::factor`].
    #[must_use]
    pub fn left(factor: Factor<'_>, precision: Precision) -> Self {
        Self::new(factor, precision, true)
    }

    /// For products `a · factor`.
    ///
    /// # Panics
    /// As [`Packed::left`].
    #[must_use]
    pub fn right(factor: Factor<'_>, precision: Precision) -> Self {
        Self::new(factor, precision, false)
    }

    fn new(factor: Factor<'_>, precision: Precision, is_left: bool) -> Self {
        let Factor { rows, columns, .. } = factor;
        assert!(factor.has_values(), "nothing to pack");
        Self {
            rows,
            columns,
            precision,
            is_left,
            #[cfg(target_arch = "x86_64")]
            panels: {
                let values = factor.values;
                unit(precision).map(|_| match (is_left, precision) {
                    (true, Precision::F32) => Panels::left::<true>(values, rows, columns),
                    (true, _) => Panels::left::<false>(values, rows, columns),
                    (false, Precision::F32) => Panels::right::<true>(values, rows, columns),
                    (false, _) => Panels::right::<false>(values, rows, columns),
                })
            },
        }
    }
}

/// `left (n, k) · right (k, m)`: (n, m)
///
/// # Panics
/// If the factors do not fit each other or the precision, or one that comes of [`Packed::factor`] is
/// transposed: it has no values.
#[must_use]
pub fn multiply(left: Factor<'_>, right: Factor<'_>, precision: Precision) -> Vec<f32> {
    let shape = shape(left, right, precision);
    let len = shape.n * shape.m;
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = unit(precision) {
        let mut y = Vec::with_capacity(len);
        let room = Shared::room(&mut y.spare_capacity_mut()[..len]);
        // SAFETY: what is not added to may hold anything, and is then all written.
        unsafe {
            on_unit(unit, shape, left, right, &room, false, precision);
            y.set_len(len);
        }
        return y;
    }
    let mut y = crate::zeros(len);
    product(shape, left.values, right.right(), &mut y, false);
    y
}

/// `y (n, m) += left (n, k) · right (k, m)`
///
/// # Panics
/// As [`multiply`]; if `y` is of another length.
pub fn multiply_add(left: Factor<'_>, right: Factor<'_>, y: &mut [f32], precision: Precision) {
    let shape = shape(left, right, precision);
    check(shape, y.len() == shape.n * shape.m);
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = unit(precision) {
        // SAFETY: a slice holds numbers.
        unsafe { on_unit(unit, shape, left, right, &Shared::new(y), true, precision) };
        return;
    }
    product(shape, left.values, right.right(), y, true);
}

/// The shape of a product whose factors fit.
fn shape(left: Factor<'_>, right: Factor<'_>, precision: Precision) -> Shape {
    let shape = Shape {
        n: left.rows,
        k: left.columns,
        m: right.columns,
    };
    check(shape, right.rows == shape.k);
    for (factor, is_left) in [(left, true), (right, false)] {
        let fits = |packed: &Packed| packed.precision == precision && packed.is_left == is_left;
        assert!(factor.packed.is_none_or(fits), "packed for other products");
        let makes_panels = !is_left && !Packed::serves(precision);
        assert!(
            factor.quantized.is_none() || makes_panels,
            "quantized weights are right factors of products in f32"
        );
        let has_panels = factor.packed.is_some() && Packed::serves(precision);
        assert!(
            factor.has_values() || has_panels || factor.quantized.is_some(),
            "a factor without its values"
        );
    }
    shape
}

/// # Safety
/// As [`bf16::product`](super::bf16::product).
#[cfg(target_arch = "x86_64")]
unsafe fn on_unit(
    unit: Unit,
    shape: Shape,
    left: Factor<'_>,
    right: Factor<'_>,
    y: &Shared<'_>,
    add: bool,
    precision: Precision,
) {
    let [left, right] = [left, right].map(|factor| bf16::Factor {
        values: factor.values,
        panels: factor.packed.and_then(|packed| packed.panels.as_ref()),
    });
    // SAFETY: the caller's promise.
    unsafe {
        match precision {
            Precision::F32 => bf16::product::<true>(unit, shape, left, right, y, add),
            Precision::Bf16 | Precision::Int8 => {
                bf16::product::<false>(unit, shape, left, right, y, add);
            }
        }
    }
}

/// What multiplies `bf16` for this precision; none where the kernels of `f32` do.
#[cfg(target_arch = "x86_64")]
fn unit(precision: Precision) -> Option<Unit> {
    bf16::unit().filter(|unit| precision != Precision::F32 || *unit == Unit::Tiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use proptest::prelude::*;

    fn values(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (0..count)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as f32 / (1 << 23) as f32) - 1.0
            })
            .collect()
    }

    /// Relative to the sum of the products' absolute values.
    fn largest_error(
        shape: Shape,
        at: impl Fn(usize, usize, usize) -> (f32, f32),
        y: &[f32],
    ) -> f64 {
        let mut largest = 0.0_f64;
        for row in 0..shape.n {
            for column in 0..shape.m {
                let (mut exact, mut scale) = (0.0, f64::MIN_POSITIVE);
                for inner in 0..shape.k {
                    let (a, b) = at(row, inner, column);
                    exact += f64::from(a) * f64::from(b);
                    scale += (f64::from(a) * f64::from(b)).abs();
                }
                largest = largest.max((exact - f64::from(y[row * shape.m + column])).abs() / scale);
            }
        }
        largest
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn products_agree_with_f64(
            n in 1_usize..70, k in 1_usize..100, m in 1_usize..70, seed in 0_u64..1000,
            bf16: bool, turned: (bool, bool), packed: (bool, bool), add: bool,
        ) {
            let (precision, error) = match bf16 {
                true => (Precision::Bf16, 8e-3),
                false => (Precision::F32, 2e-5),
            };
            let (a, b) = (values(n * k, seed), values(k * m, seed + 1));
            let factor = |values, turned, rows, columns| match turned {
                true => Factor::new(values, rows).transposed(),
                false => Factor::new(values, columns),
            };
            let (left, right) = (factor(&a, turned.0, n, k), factor(&b, turned.1, k, m));
            let (of_left, of_right) = (Packed::left(left, precision), Packed::right(right, precision));
            let left = if packed.0 { left.packed(&of_left) } else { left };
            let right = match packed.1 {
                true if Packed::serves(precision) => of_right.factor(),
                true => right.packed(&of_right),
                false => right,
            };
            let mut y = multiply(left, right, precision);
            if add {
                y.fill(0.0);
                multiply_add(left, right, &mut y, precision);
            }
            let at = |i: usize, p: usize, j: usize| (
                a[if turned.0 { p * n + i } else { i * k + p }],
                b[if turned.1 { j * k + p } else { p * m + j }],
            );
            let shape = Shape { n, k, m };
            prop_assert!(largest_error(shape, at, &y) < error);
        }
    }

    #[test]
    fn quantized_weights_multiply_as_their_values() {
        if Packed::serves(Precision::F32) {
            return;
        }
        for format in [
            Format::Q4_0,
            Format::Q4_1,
            Format::Q8_0,
            Format::Q4K,
            Format::Q6K,
        ] {
            let (out, in_) = (150, 512);
            // Bytes whose every pair is a small half float.
            let bytes: Vec<u8> = (0..format.bytes(out, in_).unwrap())
                .map(|i| match i % 2 {
                    0 => (i * 37 % 251) as u8,
                    _ => 0x20 + (i * 13 % 8) as u8,
                })
                .collect();
            let matrix = QuantMatrix::from_bytes(format, out, in_, &bytes).unwrap();
            let dense = matrix.dequantize();
            let (values, blocks) = (Factor::new(&dense, in_), Factor::quantized(&matrix));
            for (width, values, blocks) in [
                (in_, values.transposed(), blocks.transposed()),
                (out, values, blocks),
            ] {
                let x = self::values(7 * width, 3);
                let x = Factor::new(&x, width);
                let expected = multiply(x, values, Precision::F32);
                assert!(expected.iter().all(|value| value.is_finite()));
                assert_eq!(multiply(x, blocks, Precision::F32), expected, "{format:?}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "nothing to pack")]
    fn quantized_weights_are_not_packed() {
        let bytes = vec![0; Format::Q8_0.bytes(64, 32).unwrap()];
        let matrix = QuantMatrix::from_bytes(Format::Q8_0, 64, 32, &bytes).unwrap();
        let _ = Packed::right(Factor::quantized(&matrix), Precision::Bf16);
    }

    #[test]
    fn a_packed_factor_without_values_is_not_turned() {
        let precision = Precision::Bf16;
        if !Packed::serves(precision) {
            return;
        }
        let x = values(32 * 32, 1);
        let packed = Packed::right(Factor::new(&x, 32), precision);
        let turned = packed.factor().transposed();
        let left = Factor::new(&x, 32);
        let product = std::panic::catch_unwind(|| multiply(left, turned, precision));
        assert!(product.is_err());
    }

    #[test]
    fn large_products_agree_with_f64() {
        for (n, k, m) in [(1_500, 70, 64), (1_100, 40, 1_100), (33, 3_000, 40)] {
            let (a, b) = (values(n * k, 5), values(k * m, 6));
            for (turned, packed) in [(false, false), (false, true), (true, false), (true, true)] {
                let factor = |values, rows, columns| match turned {
                    true => Factor::new(values, rows).transposed(),
                    false => Factor::new(values, columns),
                };
                let (left, right) = (factor(&a, n, k), factor(&b, k, m));
                let precision = Precision::Bf16;
                let of_both = (
                    Packed::left(left, precision),
                    Packed::right(right, precision),
                );
                let y = match packed {
                    true => multiply(left.packed(&of_both.0), right.packed(&of_both.1), precision),
                    false => multiply(left, right, precision),
                };
                let at = |i: usize, p: usize, j: usize| {
                    let left = a[if turned { p * n + i } else { i * k + p }];
                    (left, b[if turned { j * k + p } else { p * m + j }])
                };
                let error = largest_error(Shape { n, k, m }, at, &y);
                assert!(error < 8e-3, "{n} {k} {m} {turned} {packed}: {error}");
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_others() {
        let (x, w) = (values(300 * 200, 1), values(96 * 200, 2));
        let right = Factor::new(&w, 200).transposed();
        for precision in [Precision::F32, Precision::Bf16] {
            let all = multiply(Factor::new(&x, 200), right, precision);
            for row in [0, 31, 32, 299] {
                let x = Factor::new(&x[row * 200..(row + 1) * 200], 200);
                let alone = multiply(x, right, precision);
                assert_eq!(alone, all[row * 96..(row + 1) * 96]);
            }
        }
    }
}
