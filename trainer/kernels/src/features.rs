//! The one place where the processor's abilities are asked for.

use std::sync::OnceLock;

/// The instruction set that the kernels use, best last on each architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Features {
    /// Portable code, as the compiler vectorises it for the target's baseline. On aarch64 that is
    /// NEON with fused multiply-add, and integer dot products are written for it.
    Scalar,
    /// x86-64: AVX2, FMA and F16C.
    Avx2,
    /// x86-64: AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
    /// wasm32 compiled with `-C target-feature=+simd128`.
    Simd128,
}

/// The instruction set in use, detected once.
///
/// The environment variable `SAYSELF_SIMD` (`scalar`, `avx2`, `avx512`) lowers it, for tests and
/// for comparisons; it never raises it above what the processor has.
pub fn features() -> Features {
    static FEATURES: OnceLock<Features> = OnceLock::new();
    *FEATURES.get_or_init(detect)
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Features {
    let wanted = std::env::var("SAYSELF_SIMD").unwrap_or_default();
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    match wanted.as_str() {
        "scalar" => Features::Scalar,
        "avx2" if avx2 => Features::Avx2,
        _ if avx512 => Features::Avx512,
        _ if avx2 => Features::Avx2,
        _ => Features::Scalar,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Features {
    if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) {
        Features::Simd128
    } else {
        Features::Scalar
    }
}

/// Asks for the cache line that holds the start of `value`, where the processor can be asked.
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86-64; a prefetch does not fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// `a * b + c`, fused to one rounding where `FUSED`.
///
/// Without a hardware instruction `mul_add` is a slow library call, so the baseline of x86-64 and
/// of wasm rounds twice instead.
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Whether the portable code of this target may use `mul_add`.
pub(crate) const BASELINE_FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// Defines a function whose portable body is compiled once for each instruction set and chosen at
/// run time. The body sees the constant `FUSED`: whether multiply-add may be fused.
macro_rules! for_each_instruction_set {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn portable<const FUSED: bool>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $ty),*) $(-> $ret)? { portable::<true>($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $ty),*) $(-> $ret)? { portable::<true>($($arg),*) }

            match $crate::features::features() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `features` found these instruction sets on this processor.
                $crate::features::Features::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::features::Features::Avx2 => unsafe { avx2($($arg),*) },
                _ => portable::<{ $crate::features::BASELINE_FUSED }>($($arg),*),
            }
        }
    };
}
pub(crate) use for_each_instruction_set;
