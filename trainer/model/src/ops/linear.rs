//! Linear layers: frozen weights, dense or quantized, with an optional LoRA update.

use super::plain;
use super::slices::{tensor_from_vec, with_slice};
use crate::LoraPair;
use candle_core::{Result, Tensor, bail};
use kernels::{
    Activations, Precision, QuantMatrix, matmul_nn_add_training, matmul_nn_training, matmul_nt,
    matmul_nt_add, matmul_nt_add_training, matmul_nt_training, matmul_tn_add_training,
};
use std::cell::OnceCell;
use std::sync::Arc;

/// A frozen weight (out, in).
#[derive(Debug)]
pub(crate) enum Weight {
    /// In the file's own blocks, computed with activations of 8 bits. Forward only.
    Quantized(QuantMatrix),
    /// `f32` for the kernels.
    Dense(Vec<f32>),
    /// For plain compositions, on any device.
    Plain(Tensor),
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
                let mut y = with_slice(input.x, |x| self.frozen_forward(x, Products::Exact))??;
                if let Some(pair) = lora {
                    with_slice(input.x, |x| self.add_pair(x, pair, Products::Exact, &mut y))??;
                }
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
                self.add_pair(x, pair, Products::Exact, &mut y)?;
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
        y.resize(x.dims2()?.0 * self.rows, 0.0);
        with_slice(x, |x| self.product(x, Products::Exact, y))??;
        Ok(true)
    }

    /// `y = x Wᵀ`: (n, in) → (n, out), by the kernels.
    pub(crate) fn product(&self, x: &[f32], products: Products, y: &mut [f32]) -> Result<()> {
        match (&*self.weight, products) {
            (Weight::Quantized(matrix), Products::Exact) => matrix.matmul(x, y),
            (Weight::Quantized(_), Products::Training(_)) => {
                bail!("quantized weights pass no gradients; load the model dequantized to train it")
            }
            (Weight::Dense(weight), _) => {
                products.nt(self.shape(x.len() / self.columns), x, weight, y);
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
        let mut x = Vec::new();
        self.add_frozen_backward(y, precision, &mut x)?;
        Ok(x)
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

    /// [`Linear::add_lora`] of a pair's variables.
    fn add_pair(
        &self,
        x: &[f32],
        pair: &LoraPair,
        products: Products,
        y: &mut [f32],
    ) -> Result<()> {
        let (a, b) = pair.tensors();
        with_slice(&a, |a| {
            with_slice(&b, |b| {
                self.add_lora(x, a, b, pair.scale as f32, products, y);
            })
        })?
    }

    /// `y += scale · (x Aᵀ) Bᵀ`
    fn add_lora(
        &self,
        x: &[f32],
        a: &[f32],
        b: &[f32],
        scale: f32,
        products: Products,
        y: &mut [f32],
    ) {
        let xa = self.scaled_xa(x, a, scale, products);
        let (n, rank) = (x.len() / self.columns, a.len() / self.columns);
        let shape = kernels::Shape {
            n,
            k: rank,
            m: self.rows,
        };
        match products {
            Products::Exact => matmul_nt_add(shape, &xa, b, y),
            Products::Training(precision) => matmul_nt_add_training(shape, &xa, b, y, precision),
        }
    }

    /// `scale · x Aᵀ`, (n, rank)
    fn scaled_xa(&self, x: &[f32], a: &[f32], scale: f32, products: Products) -> Vec<f32> {
        let (n, rank) = (x.len() / self.columns, a.len() / self.columns);
        let mut xa = vec![0.0; n * rank];
        products.nt(
            kernels::Shape {
                n,
                k: self.columns,
                m: rank,
            },
            x,
            a,
            &mut xa,
        );
        xa.iter_mut().for_each(|x| *x *= scale);
        xa
    }

    pub(crate) fn dense(&self) -> Result<&[f32]> {
        match &*self.weight {
            Weight::Dense(weight) => Ok(weight),
            Weight::Quantized(_) | Weight::Plain(_) => bail!("linear: expected a dense weight"),
        }
    }

    /// `x Wᵀ + bias`
    fn frozen_forward(&self, x: &[f32], products: Products) -> Result<Vec<f32>> {
        let n = x.len() / self.columns;
        let mut y = vec![0.0; n * self.rows];
        products.nt(self.shape(n), x, self.dense()?, &mut y);
        self.add_bias(&mut y);
        Ok(y)
    }

    /// `dx = dy W` where `dx` is empty, else `dx += dy W`.
    fn add_frozen_backward(
        &self,
        dy: &[f32],
        precision: Precision,
        dx: &mut Vec<f32>,
    ) -> Result<()> {
        let n = dy.len() / self.rows;
        let shape = kernels::Shape {
            n,
            k: self.rows,
            m: self.columns,
        };
        if dx.is_empty() {
            dx.resize(n * self.columns, 0.0);
            matmul_nn_training(shape, dy, self.dense()?, dx, precision);
        } else {
            matmul_nn_add_training(shape, dy, self.dense()?, dx, precision);
        }
        Ok(())
    }

    /// For training: `y = x Wᵀ + bias + scale · (x Aᵀ) Bᵀ` where `y` is empty, else `y +=` that, by
    /// products of `precision`.
    pub(crate) fn train_forward(
        &self,
        x: &[f32],
        lora: Option<&LoraPair>,
        precision: Precision,
        y: &mut Vec<f32>,
    ) -> Result<()> {
        let n = x.len() / self.columns;
        if y.is_empty() {
            y.resize(n * self.rows, 0.0);
            matmul_nt_training(self.shape(n), x, self.dense()?, y, precision);
        } else {
            matmul_nt_add_training(self.shape(n), x, self.dense()?, y, precision);
        }
        self.add_bias(y);
        match lora {
            Some(pair) => self.add_pair(x, pair, Products::Training(precision), y),
            None => Ok(()),
        }
    }

    /// The backward pass of [`Linear::train_forward`]: the gradients of A and B, and that of x,
    /// where it is wanted, in or added to `dx` as there.
    pub(crate) fn train_backward(
        &self,
        x: &[f32],
        lora: Option<&LoraPair>,
        dy: &[f32],
        precision: Precision,
        mut dx: Option<&mut Vec<f32>>,
    ) -> Result<Option<(Tensor, Tensor)>> {
        if let Some(dx) = dx.as_deref_mut() {
            self.add_frozen_backward(dy, precision, dx)?;
        }
        let Some(pair) = lora else {
            return Ok(None);
        };
        let (a, b) = pair.tensors();
        let scale = pair.scale as f32;
        let (d_a, d_b) = with_slice(&a, |a| {
            with_slice(&b, |b| {
                self.pair_backward((a, b, scale), x, dy, precision, dx)
            })
        })??;
        let d_a = tensor_from_vec(d_a, a.dims2()?)?;
        let d_b = tensor_from_vec(d_b, b.dims2()?)?;
        Ok(Some((d_a, d_b)))
    }

    /// The gradients of A and B of `y += scale · (x Aᵀ) Bᵀ`; that of x is added to `dx`.
    fn pair_backward(
        &self,
        (a, b, scale): (&[f32], &[f32], f32),
        x: &[f32],
        dy: &[f32],
        precision: Precision,
        dx: Option<&mut Vec<f32>>,
    ) -> (Vec<f32>, Vec<f32>) {
        let (n, k, m) = (x.len() / self.columns, self.columns, self.rows);
        let rank = a.len() / k;
        let shape = |n, k, m| kernels::Shape { n, k, m };
        // y += u Bᵀ with u = scale · x Aᵀ
        let u = self.scaled_xa(x, a, scale, Products::Training(precision));
        let mut d_b = vec![0.0; m * rank];
        matmul_tn_add_training(shape(m, n, rank), dy, &u, &mut d_b, precision);
        // d_u, times the scale
        let mut d_u = vec![0.0; n * rank];
        matmul_nn_training(shape(n, m, rank), dy, b, &mut d_u, precision);
        d_u.iter_mut().for_each(|d| *d *= scale);
        let mut d_a = vec![0.0; rank * k];
        matmul_tn_add_training(shape(rank, n, k), &d_u, x, &mut d_a, precision);
        if let Some(dx) = dx {
            matmul_nn_add_training(shape(n, rank, k), &d_u, a, dx, precision);
        }
        (d_a, d_b)
    }
}

/// Which of the kernels' products computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Products {
    /// In `f32`, by the vector kernels.
    Exact,
    /// On the processor's matrix unit, where it has one.
    Training(Precision),
}

impl Products {
    /// `y (n, m) = x (n, k) · w (m, k)ᵀ`
    fn nt(self, shape: kernels::Shape, x: &[f32], w: &[f32], y: &mut [f32]) {
        match self {
            Self::Exact => matmul_nt(shape, x, w, y),
            Self::Training(precision) => matmul_nt_training(shape, x, w, y, precision),
        }
    }
}
