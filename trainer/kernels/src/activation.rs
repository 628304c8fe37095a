//! The gated activation of SwiGLU (Shazeer 2020): `silu(gate) * up`.

use crate::features::for_each_instruction_set;
use crate::parallel::{Shared, in_parts};
use crate::softmax::exp;

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 13;

/// `y = gate / (1 + exp(-gate)) * up`, element by element.
pub fn silu_mul(gate: &[f32], up: &[f32], y: &mut [f32]) {
    assert!(
        gate.len() == y.len() && up.len() == y.len(),
        "silu_mul: lengths differ"
    );
    let len = y.len();
    let y = Shared::new(y);
    in_parts(len, TASK_ELEMENTS, |start, len| {
        // SAFETY: the parts are disjoint.
        let y = unsafe { y.part(start, len) };
        silu_mul_part(&gate[start..][..len], &up[start..][..len], y);
    });
}

/// The gradients of [`silu_mul`] towards `gate` and `up`, overwritten.
pub fn silu_mul_backward(
    gate: &[f32],
    up: &[f32],
    dy: &[f32],
    d_gate: &mut [f32],
    d_up: &mut [f32],
) {
    let len = gate.len();
    assert!(
        up.len() == len && dy.len() == len && d_gate.len() == len && d_up.len() == len,
        "silu_mul_backward: lengths differ"
    );
    let (d_gate, d_up) = (Shared::new(d_gate), Shared::new(d_up));
    in_parts(len, TASK_ELEMENTS, |start, len| {
        // SAFETY: the parts are disjoint.
        let (d_gate, d_up) = unsafe { (d_gate.part(start, len), d_up.part(start, len)) };
        silu_mul_backward_part(
            &gate[start..][..len],
            &up[start..][..len],
            &dy[start..][..len],
            d_gate,
            d_up,
        );
    });
}

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
