//! Linear layers: frozen weights, dense or quantized, with an optional LoRA update.

use super::plain;
use super::slices::{tensor_from_vec, with_slice};
use crate::LoraPair;
use candle_core::{Result, Tensor, bail};
use kernels::{
    Activations, Factor, Packed, Precision, QuantMatrix, matmul_nt, matmul_nt_add, multiply,
    multiply_add,
};
use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

/// A frozen weight (out, in).
#[derive(Debug)]
pub(crate) enum Weight {
    /// In the file's own blocks, computed with activations of 8 bits. Forward only.
    Quantized(QuantMatrix),
    /// `f32` for the kernels.
    Dense(DenseWeight),
    /// For plain compositions, on any device.
    Plain(Tensor),
}

/// A weight (out, in) in `f32`, and packed for training's products once it takes part in some.
#[derive(Debug)]
pub(crate) struct DenseWeight {
    values: Vec<f32>,
    columns: usize,
    /// By precision: for `x Wᵀ` and for `dy W`.
    packed: [OnceLock<[Packed; 2]>; 2],
}

impl DenseWeight {
    /// `values` (out, `columns`)
    pub(crate) fn new(values: Vec<f32>, columns: usize) -> Self {
        Self {
            values,
            columns,
            packed: Default::default(),
        }
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Wᵀ (in, out), for `x Wᵀ`, and W, for `dy W`.
    fn factors(&self, precision: Precision) -> [Factor<'_>; 2] {
        let backward = Factor::new(&self.values, self.columns);
        let factors = [backward.transposed(), backward];
        let packed = self.packed[precision as usize]
            .get_or_init(|| factors.map(|factor| Packed::right(factor, precision)));
        let [forward, backward] = factors;
        [forward.packed(&packed[0]), backward.packed(&packed[1])]
    }
}

/// What goes into linear layers that are trained, (n, in): packed once for all products that read it.
pub(crate) struct TrainInput<'a> {
    values: &'a [f32],
    columns: usize,
    precision: Precision,
    left: OnceCell<Packed>,
    right: OnceCell<Packed>,
}

impl<'a> TrainInput<'a> {
    pub(crate) fn new(values: &'a [f32], columns: usize, precision: Precision) -> Self {
        Self {
            values,
            columns,
            precision,
            left: OnceCell::new(),
            right: OnceCell::new(),
        }
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

/// What goes into a linear layer. Where several layers take the same input, its quantized form is
/// made once.
pub(crate) struct Input<'a> {
    x: &'a Tensor,
    activations: OnceCell<Activations>,
}

impl<'a> Input<'a> {
    /// `x` (n, in)
    pub(crate) fn new(x: &'a Tensor) -> Self {
        Self {
            x,
            activations: OnceCell::new(),
        }
    }
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

    /// `x Wᵀ + bias + scale · (x Aᵀ) Bᵀ`: (n, in) → (n, out).
    pub(crate) fn forward(&self, input: &Input<'_>, lora: Option<&LoraPair>) -> Result<Tensor> {
        match (&*self.weight, lora) {
            (Weight::Quantized(matrix), _) => self.forward_quantized(matrix, input, lora),
            (Weight::Dense(_), lora) => {
                if input.x.track_op() {
                    bail!("dense weights pass gradients by the tape and by `logprobs_at` alone");
                }
                let n = input.x.dims2()?.0;
                let mut y = vec![0.0; n * self.rows];
                with_slice(input.x, |x| {
                    matmul_nt(self.shape(n), x, self.dense()?, &mut y);
                    self.add_bias(&mut y);
                    match lora {
                        Some(pair) => self.add_pair(x, pair, &mut y),
                        None => Ok(()),
                    }
                })??;
                tensor_from_vec(y, (n, self.rows))
            }
            (Weight::Plain(weight), _) => {
                let bias = self.bias.as_ref().and_then(|bias| bias.plain.as_ref());
                plain::linear(input.x, weight, bias, lora)
            }
        }
    }

    fn forward_quantized(
        &self,
        matrix: &QuantMatrix,
        input: &Input<'_>,
        lora: Option<&LoraPair>,
    ) -> Result<Tensor> {
        if input.x.track_op() {
            bail!("quantized weights pass no gradients; load the model dequantized to train it");
        }
        let n = input.x.dims2()?.0;
        let mut y = vec![0.0; n * self.rows];
        with_slice(input.x, |x| {
            if matrix.takes_activations() {
                let quantize = || Activations::quantize(x, self.columns);
                matrix.matmul_activations(input.activations.get_or_init(quantize), &mut y);
            } else {
                matrix.matmul(x, &mut y);
            }
            self.add_bias(&mut y);
            if let Some(pair) = lora {
                self.add_pair(x, pair, &mut y)?;
            }
            Result::Ok(())
        })??;
        tensor_from_vec(y, (n, self.rows))
    }

    /// As [`Linear::forward`] without a bias or adapter, into a buffer (n, out) of the caller's.
    /// False if the weight is not one that the kernels compute with.
    pub(crate) fn forward_into(&self, x: &Tensor, y: &mut Vec<f32>) -> Result<bool> {
        if let Weight::Plain(_) = *self.weight {
            return Ok(false);
        }
        with_slice(x, |x| self.product(x, Products::Exact, y))??;
        Ok(true)
    }

    /// `y = x Wᵀ`, (n, in) → (n, out), by the kernels; what `y` held is let go.
    pub(crate) fn product(&self, x: &[f32], products: Products, y: &mut Vec<f32>) -> Result<()> {
        let n = x.len() / self.columns;
        match (&*self.weight, products) {
            (Weight::Quantized(matrix), Products::Exact) => {
                y.resize(n * self.rows, 0.0);
                matrix.matmul(x, y);
            }
            (Weight::Quantized(_), Products::Training(_)) => {
                bail!("quantized weights pass no gradients; load the model dequantized to train it")
            }
            (Weight::Dense(weight), Products::Exact) => {
                y.resize(n * self.rows, 0.0);
                matmul_nt(self.shape(n), x, &weight.values, y);
            }
            (Weight::Dense(weight), Products::Training(precision)) => {
                let [forward, _] = weight.factors(precision);
                *y = multiply(Factor::new(x, self.columns), forward, precision);
            }
            (Weight::Plain(_), _) => bail!("linear: expected a weight for the kernels"),
        }
        Ok(())
    }

    /// `y W`: (n, out) → (n, in).
    pub(crate) fn backward_product(&self, y: &[f32], products: Products) -> Result<Vec<f32>> {
        let precision = match products {
            Products::Exact => Precision::F32,
            Products::Training(precision) => precision,
        };
        let [_, backward] = self.dense_weight()?.factors(precision);
        Ok(multiply(Factor::new(y, self.rows), backward, precision))
    }

    /// Outputs.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    fn shape(&self, n: usize) -> kernels::Shape {
        kernels::Shape {
            n,
            k: self.columns,
            m: self.rows,
        }
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

    /// `y += scale · (x Aᵀ) Bᵀ`
    fn add_pair(&self, x: &[f32], pair: &LoraPair, y: &mut [f32]) -> Result<()> {
        let (a, b) = pair.tensors();
        with_slice(&a, |a| {
            with_slice(&b, |b| {
                let (n, rank) = (x.len() / self.columns, a.len() / self.columns);
                let shape = |k, m| kernels::Shape { n, k, m };
                let mut xa = vec![0.0; n * rank];
                matmul_nt(shape(self.columns, rank), x, a, &mut xa);
                xa.iter_mut().for_each(|x| *x *= pair.scale as f32);
                matmul_nt_add(shape(rank, self.rows), &xa, b, y);
            })
        })?
    }

    /// The weight (out, in), dense.
    pub(crate) fn dense(&self) -> Result<&[f32]> {
        Ok(&self.dense_weight()?.values)
    }

    fn dense_weight(&self) -> Result<&DenseWeight> {
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
        let [weight, _] = self.dense_weight()?.factors(precision);
        if y.is_empty() {
            *y = multiply(x.left(), weight, precision);
        } else {
            multiply_add(x.left(), weight, y, precision);
        }
        self.add_bias(y);
        let Some(pair) = lora else {
            return Ok(None);
        };
        let (a, b) = pair.tensors();
        let rank = a.dims2()?.0;
        let mut xa = with_slice(&a, |a| {
            multiply(
                x.left(),
                Factor::new(a, self.columns).transposed(),
                precision,
            )
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
            let [_, weight] = self.dense_weight()?.factors(precision);
            if dx.is_empty() {
                *dx = multiply(dy.left(), weight, precision);
            } else {
                multiply_add(dy.left(), weight, dx, precision);
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
        let d_a = multiply(d_u.transposed(), x.right(), precision);
        if let Some(dx) = dx {
            with_slice(&a, |a| {
                multiply_add(d_u, Factor::new(a, self.columns), dx, precision);
            })?;
        }
        let d_a = tensor_from_vec(d_a, a.dims2()?)?;
        let d_b = tensor_from_vec(d_b, b.dims2()?)?;
        Ok(Some((d_a, d_b)))
    }
}

/// Which of the kernels' products computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Products {
    /// In `f32`, by the vector kernels.
    Exact,
    /// By `bf16` instructions, where the processor has them and the precision allows.
    Training(Precision),
}
