//! The gated activations of SwiGLU and GeGLU (Shazeer 2020): `silu(gate) * up`, `gelu(gate) * up`.

use crate::features::for_each_instruction_set;
use crate::parallel::{Shared, in_parts};
use crate::softmax::exp;

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 13;

/// `y = gate / (1 + exp(-gate)) * up`, element by element.
pub fn silu_mul(gate: &[f32], up: &[f32], y: &mut [f32]) {
    gated(silu_mul_part, gate, up, y);
}

/// The gradients of [`silu_mul`] towards `gate` and `up`, overwritten.
pub fn silu_mul_backward(
    gate: &[f32],
    up: &[f32],
    dy: &[f32],
    d_gate: &mut [f32],
    d_up: &mut [f32],
) {
    gated_backward(silu_mul_backward_part, gate, up, dy, d_gate, d_up);
}

/// `y = gelu(gate) * up`, element by element, with gelu in its form with tanh (Hendrycks and Gimpel
/// 2016): `gelu(g) = g / 2 * (1 + tanh(√(2/π) (g + 0.044715 g³)))`.
pub fn gelu_mul(gate: &[f32], up: &[f32], y: &mut [f32]) {
    gated(gelu_mul_part, gate, up, y);
}

/// The gradients of [`gelu_mul`] towards `gate` and `up`, overwritten.
pub fn gelu_mul_backward(
    gate: &[f32],
    up: &[f32],
    dy: &[f32],
    d_gate: &mut [f32],
    d_up: &mut [f32],
) {
    gated_backward(gelu_mul_backward_part, gate, up, dy, d_gate, d_up);
}

/// `part(gate, up, y)` of all parts.
fn gated(
    part: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
    gate: &[f32],
    up: &[f32],
    y: &mut [f32],
) {
    assert!(
        gate.len() == y.len() && up.len() == y.len(),
        "a gated activation: lengths differ"
    );
    let len = y.len();
    let y = Shared::new(y);
    in_parts(len, TASK_ELEMENTS, |start, len| {
        // SAFETY: the parts are disjoint.
        let y = unsafe { y.part(start, len) };
        part(&gate[start..][..len], &up[start..][..len], y);
    });
}

/// `part(gate, up, dy, d_gate, d_up)` of all parts.
fn gated_backward(
    part: impl Fn(&[f32], &[f32], &[f32], &mut [f32], &mut [f32]) + Sync,
    gate: &[f32],
    up: &[f32],
    dy: &[f32],
    d_gate: &mut [f32],
    d_up: &mut [f32],
) {
    let len = gate.len();
    assert!(
        up.len() == len && dy.len() == len && d_gate.len() == len && d_up.len() == len,
        "the gradient of a gated activation: lengths differ"
    );
    let (d_gate, d_up) = (Shared::new(d_gate), Shared::new(d_up));
    in_parts(len, TASK_ELEMENTS, |start, len| {
        // SAFETY: the parts are disjoint.
        let (d_gate, d_up) = unsafe { (d_gate.part(start, len), d_up.part(start, len)) };
        part(
            &gate[start..][..len],
            &up[start..][..len],
            &dy[start..][..len],
            d_gate,
            d_up,
        );
    });
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use crate::relaxed::{gelu_mul as gelu_mul_part, silu_mul as silu_mul_part};

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
for_each_instruction_set! {
    fn silu_mul_part(gate: &[f32], up: &[f32], y: &mut [f32]) {
        for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
            *y = g / (1.0 + exp::<FUSED>(-g)) * u;
        }
    }
}

for_each_instruction_set! {
    fn silu_mul_backward_part(gate: &[f32], up: &[f32], dy: &[f32], d_gate: &mut [f32], d_up: &mut [f32]) {
        for ((((dg, du), g), u), dy) in d_gate.iter_mut().zip(d_up).zip(gate).zip(up).zip(dy) {
            let sigmoid = 1.0 / (1.0 + exp::<FUSED>(-g));
            *du = dy * g * sigmoid;
            *dg = dy * u * sigmoid * (1.0 + g * (1.0 - sigmoid));
        }
    }
}

/// 2 √(2/π): `(1 + tanh z) / 2` is the sigmoid of `2 z`.
pub(crate) const TWICE_ROOT: f32 = 1.595_769;
/// The weight of the cube.
pub(crate) const CUBE: f32 = 0.044_715;

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
for_each_instruction_set! {
    fn gelu_mul_part(gate: &[f32], up: &[f32], y: &mut [f32]) {
        for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
            let inner = TWICE_ROOT * g * (1.0 + CUBE * g * g);
            *y = g / (1.0 + exp::<FUSED>(-inner)) * u;
        }
    }
}

for_each_instruction_set! {
    fn gelu_mul_backward_part(gate: &[f32], up: &[f32], dy: &[f32], d_gate: &mut [f32], d_up: &mut [f32]) {
        for ((((dg, du), g), u), dy) in d_gate.iter_mut().zip(d_up).zip(gate).zip(up).zip(dy) {
            let inner = TWICE_ROOT * g * (1.0 + CUBE * g * g);
            let slope = TWICE_ROOT * (1.0 + 3.0 * CUBE * g * g);
            let sigmoid = 1.0 / (1.0 + exp::<FUSED>(-inner));
            *du = dy * g * sigmoid;
            *dg = dy * u * sigmoid * (1.0 + g * slope * (1.0 - sigmoid));
        }
    }
}
