//! Linear layers: frozen weights, dense or quantized, with an optional LoRA update.

use super::plain;
use super::slices::{tensor_from_vec, with_slice};
use crate::LoraPair;
use candle_core::{DType, Result, Tensor, bail};
use kernels::{
    Activations, Factor, Format, Packed, Precision, QuantMatrix, matmul_nn, matmul_nn_add,
    matmul_nt, matmul_nt_add, multiply, multiply_add,
};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

/// A frozen weight (out, in).
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "each lies in an `Arc` of its own"
)]
pub(crate) enum Weight {
    /// In the file's own blocks, computed with activations of 8 bits. Forward only.
    Quantized(Arc<QuantMatrix>),
    /// In full precision, for the kernels.
    Dense(DenseWeight),
    /// For plain compositions, on any device.
    Plain(Tensor),
}

/// A weight (out, in) in full precision, in the forms that products read: each is made when it is
/// first needed.
#[derive(Debug)]
pub(crate) struct DenseWeight {
    source: Source,
    columns: usize,
    /// By precision: for `x Wᵀ` and for `dy W`.
    packed: [OnceLock<[Packed; 2]>; 3],
    /// In 8 bits or fewer; none where rows and columns are no whole blocks.
    integers: OnceLock<Option<Integers>>,
}

/// A weight for products with activations in 8 bits.
#[derive(Debug)]
struct Integers {
    /// (out, in), for `x Wᵀ`.
    forward: Arc<QuantMatrix>,
    /// For `dy W`: (in, outputs), of at most [`OUTPUTS`] outputs each.
    backward: Vec<QuantMatrix>,
}

/// Outputs whose gradients are quantized at once: of more, a row of them leaves the nearest caches.
const OUTPUTS: usize = 2_048;

impl Integers {
    fn of(blocks: Arc<QuantMatrix>) -> std::result::Result<Self, kernels::KernelError> {
        let rows = blocks.rows();
        let backward = (0..rows)
            .step_by(OUTPUTS)
            .map(|start| blocks.turned(start..rows.min(start + OUTPUTS)))
            .collect::<std::result::Result<_, _>>()?;
        let forward = match blocks.is_packed() {
            true => blocks,
            false => Arc::new(Arc::unwrap_or_clone(blocks).in_eight_bits()?),
        };
        Ok(Self { forward, backward })
    }

    /// `y = dy W` where `y` is empty, else `y +=` that: (n, out) → (n, in).
    fn add_backward(&self, dy: &[f32], y: &mut Vec<f32>) {
        let rows = self.forward.rows();
        let mut activations = Activations::default();
        let mut start = 0;
        for matrix in &self.backward {
            let part = start..start + matrix.columns();
            start = part.end;
            activations.set_part(dy, rows, part);
            put_or_add(&activations, matrix, y);
        }
    }
}

/// `y = x Wᵀ` where `y` is empty, else `y +=` that.
fn put_or_add(x: &Activations, matrix: &QuantMatrix, y: &mut Vec<f32>) {
    match y.is_empty() {
        true => *y = kernels::matmul_new(x, matrix),
        false => kernels::matmul_add(x, matrix, y),
    }
}

#[derive(Debug)]
enum Source {
    Values(Vec<f32>),
    /// And their values, once all are needed.
    Blocks(Arc<QuantMatrix>, OnceLock<Vec<f32>>),
}

impl DenseWeight {
    /// `values` (out, `columns`)
    pub(crate) fn new(values: Vec<f32>, columns: usize) -> Self {
        Self::of(Source::Values(values), columns)
    }

    /// What quantized weights stand for.
    pub(crate) fn dequantized(blocks: Arc<QuantMatrix>) -> Self {
        let columns = blocks.columns();
        Self::of(Source::Blocks(blocks, OnceLock::new()), columns)
    }

    fn of(source: Source, columns: usize) -> Self {
        Self {
            source,
            columns,
            packed: Default::default(),
            integers: OnceLock::new(),
        }
    }

    /// For products in 8 bits, where the precision asks for them and the weight can.
    fn integers(&self, precision: Precision) -> Option<&Integers> {
        if !precision.takes_integers() {
            return None;
        }
        let made = self.integers.get_or_init(|| {
            let blocks = match &self.source {
                Source::Blocks(blocks, _) => blocks.clone(),
                Source::Values(values) => {
                    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                    let rows = values.len() / self.columns;
                    let blocks = QuantMatrix::from_bytes(Format::F32, rows, self.columns, &bytes);
                    Arc::new(blocks.ok()?)
                }
            };
            Integers::of(blocks).ok()
        });
        made.as_ref()
    }

    /// All of them, made anew where they are quantized.
    fn to_vec(&self) -> Vec<f32> {
        match &self.source {
            Source::Values(values) => values.clone(),
            Source::Blocks(blocks, _) => blocks.dequantize(),
        }
    }

    /// All of them, kept from now on.
    fn values(&self) -> &[f32] {
        match &self.source {
            Source::Values(values) => values,
            Source::Blocks(blocks, values) => values.get_or_init(|| blocks.dequantize()),
        }
    }

    /// One row, into as many values.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        match &self.source {
            Source::Values(values) => {
                out.copy_from_slice(&values[row * self.columns..][..self.columns]);
            }
            Source::Blocks(blocks, _) => blocks.dequantize_row(row, out),
        }
    }

    /// Wᵀ (in, out), for `x Wᵀ`, and W, for `dy W`.
    fn factors(&self, precision: Precision) -> [Factor<'_>; 2] {
        if !Packed::serves(precision) {
            let weight = match &self.source {
                Source::Blocks(blocks, _) if blocks.is_packed() => Factor::quantized(blocks),
                _ => Factor::new(self.values(), self.columns),
            };
            return [weight.transposed(), weight];
        }
        let packed = self.packed[precision as usize].get_or_init(|| {
            // Once they are packed, nothing needs the values of what is quantized.
            let values = match &self.source {
                Source::Values(values) => Cow::Borrowed(values.as_slice()),
                Source::Blocks(blocks, _) => Cow::Owned(blocks.dequantize()),
            };
            both_ways(&values, self.columns).map(|factor| Packed::right(factor, precision))
        });
        packed.each_ref().map(Packed::factor)
    }
}

/// A weight (out, `columns`) turned, and as it is.
fn both_ways(values: &[f32], columns: usize) -> [Factor<'_>; 2] {
    let weight = Factor::new(values, columns);
    [weight.transposed(), weight]
}

/// What goes into linear layers that are trained, (n, in): packed once for all products that read it.
pub(crate) struct TrainInput<'a> {
    values: &'a [f32],
    columns: usize,
    precision: Precision,
    left: OnceCell<Packed>,
    right: OnceCell<Packed>,
    activations: OnceCell<Activations>,
}

impl<'a> TrainInput<'a> {
    pub(crate) fn new(values: &'a [f32], columns: usize, precision: Precision) -> Self {
        Self {
            values,
            columns,
            precision,
            left: OnceCell::new(),
            right: OnceCell::new(),
            activations: OnceCell::new(),
        }
    }

    /// In 8 bits.
    fn activations(&self) -> &Activations {
        let quantize = || Activations::quantize(self.values, self.columns);
        self.activations.get_or_init(quantize)
    }

    /// As it is multiplied by a weight.
    fn left(&self) -> Factor<'_> {
        let factor = Factor::new(self.values, self.columns);
        let pack = || Packed::left(factor, self.precision);
        factor.packed(self.left.get_or_init(pack))
    }

    /// As gradients are multiplied by it.
    fn right(&self) -> Factor<'_> {
        let factor = Factor::new(self.values, self.columns);
        let pack = || Packed::right(factor, self.precision);
        factor.packed(self.right.get_or_init(pack))
    }
}

/// A linear layer without trainable weights of its own. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    weight: Arc<Weight>,
    bias: Option<Arc<Bias>>,
    /// Outputs.
    rows: usize,
    /// Inputs.
    columns: usize,
}

#[derive(Debug)]
struct Bias {
    host: Vec<f32>,
    plain: Option<Tensor>,
}

impl Linear {
    pub(crate) fn new(
        weight: Weight,
        bias: Option<Vec<f32>>,
        (rows, columns): (usize, usize),
    ) -> Result<Self> {
        let bias = bias
            .map(|host| -> Result<_> {
                let plain = match &weight {
                    Weight::Plain(w) => {
                        let bias = Tensor::from_slice(&host, host.len(), w.device())?;
                        Some(bias.to_dtype(w.dtype())?)
                    }
                    Weight::Quantized(_) | Weight::Dense(_) => None,
                };
                Ok(Arc::new(Bias { host, plain }))
            })
            .transpose()?;
        Ok(Self {
            weight: Arc::new(weight),
            bias,
            rows,
            columns,
        })
    }

    pub(crate) fn weight(&self) -> &Weight {
        &self.weight
    }

    /// The weights (out, in) in full precision.
    pub(crate) fn values(&self) -> Result<Vec<f32>> {
        match &*self.weight {
            Weight::Quantized(blocks) => Ok(blocks.dequantize()),
            Weight::Dense(weight) => Ok(weight.to_vec()),
            Weight::Plain(weight) => weight.to_dtype(DType::F32)?.flatten_all()?.to_vec1(),
        }
    }

    /// The bias (out), where there is one.
    pub(crate) fn bias(&self) -> Option<&[f32]> {
        self.bias.as_ref().map(|bias| bias.host.as_slice())
    }

    /// The same layer in full precision.
    pub(crate) fn dequantized(&self) -> Self {
        match &*self.weight {
            Weight::Quantized(blocks) => Self {
                weight: Arc::new(Weight::Dense(DenseWeight::dequantized(blocks.clone()))),
                ..self.clone()
            },
            Weight::Dense(_) | Weight::Plain(_) => self.clone(),
        }
    }

    /// Whether the two are one and the same layer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weight, &other.weight)
    }

    /// `x Wᵀ + bias + scale · (x Aᵀ) Bᵀ`: (n, in) → (n, out). Gradients are followed by plain weights
    /// alone.
    pub(crate) fn forward(&self, x: &Tensor, lora: Option<&LoraPair>) -> Result<Tensor> {
        match &*self.weight {
            Weight::Plain(weight) => {
                let bias = self.bias.as_ref().and_then(|bias| bias.plain.as_ref());
                plain::linear(x, weight, bias, lora)
            }
            _ if x.track_op() => {
                bail!("quantized and dense weights pass no gradients here; see `logprobs_at`")
            }
            _ => {
                let mut y = vec![0.0; x.dims2()?.0 * self.rows];
                let mut scratch = Scratch::default();
                with_slice(x, |x| -> Result<()> {
                    project([self], x, [&mut y], &mut scratch)?;
                    match lora {
                        Some(pair) => self.add_pair(x, pair, &mut scratch, &mut y),
                        None => Ok(()),
                    }
                })??;
                tensor_from_vec(y, (x.dims2()?.0, self.rows))
            }
        }
    }

    /// `y = x Wᵀ`, (n, in) → (n, out), by the kernels; what `y` held is let go.
    pub(crate) fn product(&self, x: &[f32], products: Products, y: &mut Vec<f32>) -> Result<()> {
        let n = x.len() / self.columns;
        match (&*self.weight, products) {
            (Weight::Quantized(_), Products::Training(_)) => {
                bail!("quantized weights pass no gradients; load the model dequantized to train it")
            }
            (Weight::Dense(weight), Products::Training(precision)) => {
                if let Some(integers) = weight.integers(precision) {
                    y.resize(n * self.rows, 0.0);
                    integers.forward.matmul(x, y);
                    return Ok(());
                }
                let [forward, _] = weight.factors(precision);
                // Before there are new values.
                drop(std::mem::take(y));
                *y = multiply(Factor::new(x, self.columns), forward, precision);
                Ok(())
            }
            _ => {
                y.resize(n * self.rows, 0.0);
                self.product_into(x, y)
            }
        }
    }

    /// `y = x Wᵀ`, exactly.
    fn product_into(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        match &*self.weight {
            Weight::Quantized(matrix) => matrix.matmul(x, y),
            Weight::Dense(weight) => {
                let shape = kernels::Shape {
                    n: x.len() / self.columns,
                    k: self.columns,
                    m: self.rows,
                };
                matmul_nt(shape, x, weight.values(), y);
            }
            Weight::Plain(_) => bail!("linear: expected a weight for the kernels"),
        }
        Ok(())
    }

    /// `ln softmax(x Wᵀ)` at (row, output) `places`, in parts of the outputs; none where the weights are not
    /// quantized.
    pub(crate) fn logprobs_at(&self, x: &[f32], places: &[(u32, u32)]) -> Option<Vec<f32>> {
        match &*self.weight {
            Weight::Quantized(matrix) if matrix.is_packed() => {
                Some(kernels::logprobs_of_product(x, matrix, places))
            }
            _ => None,
        }
    }

    /// `y W`: (n, out) → (n, in).
    pub(crate) fn backward_product(&self, y: &[f32], products: Products) -> Result<Vec<f32>> {
        let precision = match products {
            Products::Exact => Precision::F32,
            Products::Training(precision) => precision,
        };
        let weight = self.dense_weight()?;
        if let Some(integers) = weight.integers(precision) {
            let mut sum = Vec::new();
            integers.add_backward(y, &mut sum);
            return Ok(sum);
        }
        let [_, backward] = weight.factors(precision);
        Ok(multiply(Factor::new(y, self.rows), backward, precision))
    }

    /// Outputs.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    fn add_bias(&self, y: &mut [f32]) {
        if let Some(bias) = &self.bias {
            for row in y.chunks_exact_mut(self.rows) {
                for (y, bias) in row.iter_mut().zip(&bias.host) {
                    *y += bias;
                }
            }
        }
    }

    /// `y += scale · (x Aᵀ) Bᵀ`, exactly: (n, in) → (n, out).
    pub(crate) fn add_pair(
        &self,
        x: &[f32],
        pair: &LoraPair,
        scratch: &mut Scratch,
        y: &mut [f32],
    ) -> Result<()> {
        if let Some(turned) = &pair.turned {
            let xa = &mut scratch.xa;
            let (n, rank) = (x.len() / self.columns, turned.a.len() / self.columns);
            let shape = |k, m| kernels::Shape { n, k, m };
            xa.resize(n * rank, 0.0);
            matmul_nn(shape(self.columns, rank), x, &turned.a, xa);
            xa.iter_mut().for_each(|x| *x *= pair.scale as f32);
            matmul_nn_add(shape(rank, self.rows), xa, &turned.b, y);
            return Ok(());
        }
        with_slice(&pair.a, |a| {
            with_slice(&pair.b, |b| {
                let xa = &mut scratch.xa;
                let (n, rank) = (x.len() / self.columns, a.len() / self.columns);
                let shape = |k, m| kernels::Shape { n, k, m };
                xa.resize(n * rank, 0.0);
                matmul_nt(shape(self.columns, rank), x, a, xa);
                xa.iter_mut().for_each(|x| *x *= pair.scale as f32);
                matmul_nt_add(shape(rank, self.rows), xa, b, y);
            })
        })?
    }

    /// The weights, where they take quantized activations.
    fn packed(&self) -> Option<&QuantMatrix> {
        match &*self.weight {
            Weight::Quantized(matrix) if matrix.is_packed() => Some(matrix),
            _ => None,
        }
    }

    /// The weight in full precision.
    pub(crate) fn dense_weight(&self) -> Result<&DenseWeight> {
        match &*self.weight {
            Weight::Dense(weight) => Ok(weight),
            Weight::Quantized(_) | Weight::Plain(_) => bail!("linear: expected a dense weight"),
        }
    }

    /// For training: `y = x Wᵀ + bias + scale · (x Aᵀ) Bᵀ` where `y` is empty, else `y +=` that.
    /// Returns scale · x Aᵀ, (n, rank), for the backward pass.
    pub(crate) fn train_forward(
        &self,
        x: &TrainInput<'_>,
        lora: Option<&LoraPair>,
        y: &mut Vec<f32>,
    ) -> Result<Option<Vec<f32>>> {
        let precision = x.precision;
        let weight = self.dense_weight()?;
        if let Some(integers) = weight.integers(precision) {
            put_or_add(x.activations(), &integers.forward, y);
        } else {
            let [weight, _] = weight.factors(precision);
            if y.is_empty() {
                *y = multiply(x.left(), weight, precision);
            } else {
                multiply_add(x.left(), weight, y, precision);
            }
        }
        self.add_bias(y);
        let Some(pair) = lora else {
            return Ok(None);
        };
        let (a, b) = pair.tensors();
        let rank = a.dims2()?.0;
        let dropped = pair.dropout.map(|dropout| dropout.of(x.values));
        let read = match &dropped {
            Some(values) => Factor::new(values, self.columns),
            None => x.left(),
        };
        let mut xa = with_slice(&a, |a| {
            multiply(read, Factor::new(a, self.columns).transposed(), precision)
        })?;
        xa.iter_mut().for_each(|x| *x *= pair.scale as f32);
        with_slice(&b, |b| {
            let b = Factor::new(b, rank).transposed();
            multiply_add(Factor::new(&xa, rank), b, y, precision);
        })?;
        Ok(Some(xa))
    }

    /// The backward pass of [`Linear::train_forward`], which returned `xa`, of `dy` (n, out): the
    /// gradients of A and B; that of x, where it is wanted, is put in `dx` where that is empty, else
    /// added to it.
    pub(crate) fn train_backward(
        &self,
        x: &TrainInput<'_>,
        lora: Option<(&LoraPair, &[f32])>,
        dy: &[f32],
        mut dx: Option<&mut Vec<f32>>,
    ) -> Result<Option<(Tensor, Tensor)>> {
        let precision = x.precision;
        let dy = TrainInput::new(dy, self.rows, precision);
        if let Some(dx) = dx.as_deref_mut() {
            let weight = self.dense_weight()?;
            if let Some(integers) = weight.integers(precision) {
                integers.add_backward(dy.values, dx);
            } else {
                let [_, weight] = weight.factors(precision);
                if dx.is_empty() {
                    *dx = multiply(dy.left(), weight, precision);
                } else {
                    multiply_add(dy.left(), weight, dx, precision);
                }
            }
        }
        let Some((pair, xa)) = lora else {
            return Ok(None);
        };
        let (a, b) = pair.tensors();
        let rank = a.dims2()?.0;
        // y += u Bᵀ with u = scale · x Aᵀ
        let dy_columns = Factor::new(dy.values, self.rows).transposed();
        let d_b = multiply(dy_columns, Factor::new(xa, rank), precision);
        // d_u, times the scale
        let mut d_u = with_slice(&b, |b| multiply(dy.left(), Factor::new(b, rank), precision))?;
        d_u.iter_mut().for_each(|d| *d *= pair.scale as f32);
        let d_u = Factor::new(&d_u, rank);
        let dropped = pair.dropout.map(|dropout| dropout.of(x.values));
        let read = match &dropped {
            Some(values) => Factor::new(values, self.columns),
            None => x.right(),
        };
        let d_a = multiply(d_u.transposed(), read, precision);
        if let Some(dx) = dx {
            with_slice(&a, |a| {
                let a = Factor::new(a, self.columns);
                match pair.dropout {
                    None => multiply_add(d_u, a, dx, precision),
                    Some(dropout) => {
                        let mut of_pair = multiply(d_u, a, precision);
                        dropout.apply(&mut of_pair);
                        kernels::add(dx, &of_pair, self.columns);
                    }
                }
            })?;
        }
        let d_a = tensor_from_vec(d_a, a.dims2()?)?;
        let d_b = tensor_from_vec(d_b, b.dims2()?)?;
        Ok(Some((d_a, d_b)))
    }
}

/// Room that products use and leave for the next.
#[derive(Default)]
pub(crate) struct Scratch {
    activations: Activations,
    xa: Vec<f32>,
}

/// `yᵢ = x Wᵢᵀ + biasᵢ`: (n, in) → (n, outᵢ) of layers that read the same input, by the kernels.
pub(crate) fn project<const N: usize>(
    layers: [&Linear; N],
    x: &[f32],
    mut ys: [&mut [f32]; N],
    scratch: &mut Scratch,
) -> Result<()> {
    let packed = layers.map(Linear::packed);
    if packed.iter().all(Option::is_some) {
        scratch.activations.set(x, layers[0].columns);
        let mut ys = ys.iter_mut();
        let products = packed.map(|matrix| {
            // As many as there are layers.
            let (Some(matrix), Some(y)) = (matrix, ys.next()) else {
                unreachable!("each layer has weights and an output")
            };
            (matrix, &mut **y)
        });
        kernels::matmul_all(&scratch.activations, products);
    } else {
        for (linear, y) in layers.iter().zip(&mut ys) {
            linear.product_into(x, y)?;
        }
    }
    for (linear, y) in layers.iter().zip(ys) {
        linear.add_bias(y);
    }
    Ok(())
}

/// Which of the kernels' products computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Products {
    /// In `f32`, by the vector kernels.
    Exact,
    /// By `bf16` instructions, where the processor has them and the precision allows.
    Training(Precision),
}
