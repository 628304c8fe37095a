//! Blocks of a product on x86-64's matrix unit (AMX-BF16): a tile makes 16 × 16 outputs in the time of
//! a few vector instructions.
//!
//! The intrinsics are unstable in Rust; the few instructions needed are written as assembly.

use std::arch::asm;
use std::arch::x86_64::*;

use super::step_bytes;

/// Steps between what is multiplied and what is asked for of the left panels, which lie in the
/// second-level cache one after the other.
const LEFT_AHEAD: usize = 2;

/// Whether the processor has the unit and the system permits it.
pub(super) fn available() -> bool {
    processor_has_amx() && system_permits()
}

/// CPUID leaf 7: AMX-BF16 (bit 22) and AMX-TILE (bit 24) of EDX.
fn processor_has_amx() -> bool {
    if __cpuid(0).eax < 7 {
        return false;
    }
    let edx = __cpuid_count(7, 0).edx;
    edx & (1 << 22) != 0 && edx & (1 << 24) != 0
}

/// Linux saves the tiles of a process only once it has asked for them: arch_prctl(2) with
/// ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA. The permission holds for all threads.
#[cfg(target_os = "linux")]
fn system_permits() -> bool {
    const SYS_ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XFEATURE_XTILEDATA: i64 = 18;
    let result: i64;
    // SAFETY: the call takes two integers and touches no memory of this process.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") SYS_ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn system_permits() -> bool {
    false
}

/// The shape of all eight tiles: 16 rows of 64 bytes.
#[repr(C, align(64))]
struct TileConfig([u8; 64]);

const TILES: TileConfig = {
    let mut config = [0; 64];
    config[0] = 1; // palette
    let mut tile = 0;
    while tile < 8 {
        config[16 + 2 * tile] = 64; // bytes a row
        config[48 + tile] = 16; // rows
        tile += 1;
    }
    TileConfig(config)
};

/// # Safety
/// The processor must have AMX, and the system must permit it.
pub(super) unsafe fn configure() {
    // SAFETY: the configuration is 64 valid bytes.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &TILES, options(nostack, readonly)) };
}

/// Asks for cache lines of the left panel ahead, by their places in bytes.
macro_rules! ask {
    ($($at:literal)*) => {
        concat!($("prefetcht0 [{ahead} + ", $at, "]\n"),*)
    };
}

/// Computes a block of 32 × 32 outputs of `y`, whose rows are `stride` bytes apart; adds it to what
/// is there where `add`.
///
/// # Safety
/// The panels must hold `steps` ≥ 1 steps, and `y` a whole block; tiles must be configured.
pub(super) unsafe fn multiply<const SPLIT: bool>(
    left: *const u8,
    right: *const u8,
    steps: usize,
    y: *mut f32,
    stride: usize,
    add: bool,
) {
    let lower = y.wrapping_byte_add(16 * stride);
    // SAFETY: reads `steps` steps of each panel and touches 32 rows of 128 bytes of `y`.
    unsafe {
        asm!(
            "test {add}, {add}",
            "jz 3f",
            "tileloadd tmm0, [{y} + {stride}]",
            "tileloadd tmm1, [{y} + {stride} + 64]",
            "tileloadd tmm2, [{lower} + {stride}]",
            "tileloadd tmm3, [{lower} + {stride} + 64]",
            "jmp 2f",
            "3:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{left} + {line}]",
            "tileloadd tmm5, [{left} + {line} + 1024]",
            "test {split}, {split}",
            "jz 4f",
            // High parts of the left, low parts of the right.
            "tileloadd tmm6, [{right} + {line} + 2048]",
            "tileloadd tmm7, [{right} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            // High parts of both; meanwhile a later step of the left is asked for.
            "4:",
            "tileloadd tmm6, [{right} + {line}]",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            ask!(0 64 128 192 256 320 384 448 512 576 640 704 768 832 896 960),
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            ask!(1024 1088 1152 1216 1280 1344 1408 1472 1536 1600 1664 1728 1792 1856 1920 1984),
            "test {split}, {split}",
            "jz 5f",
            // Low parts of the left, high parts of the right.
            "tileloadd tmm4, [{left} + {line} + 2048]",
            "tileloadd tmm5, [{left} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            ask!(2048 2112 2176 2240 2304 2368 2432 2496 2560 2624 2688 2752 2816 2880 2944 3008),
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            ask!(3072 3136 3200 3264 3328 3392 3456 3520 3584 3648 3712 3776 3840 3904 3968 4032),
            "5:",
            "add {left}, {step}",
            "add {ahead}, {step}",
            "add {right}, {step}",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{y} + {stride}], tmm0",
            "tilestored [{y} + {stride} + 64], tmm1",
            "tilestored [{lower} + {stride}], tmm2",
            "tilestored [{lower} + {stride} + 64], tmm3",
            y = in(reg) y,
            lower = in(reg) lower,
            stride = in(reg) stride,
            left = inout(reg) left => _,
            right = inout(reg) right => _,
            ahead = inout(reg) left.wrapping_add(LEFT_AHEAD * step_bytes(SPLIT)) => _,
            steps = inout(reg) steps => _,
            line = in(reg) 64_usize,
            step = in(reg) step_bytes(SPLIT),
            add = in(reg) usize::from(add),
            split = in(reg) usize::from(SPLIT),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// # Safety
/// The processor must have AMX.
pub(super) unsafe fn release() {
    // SAFETY: puts the tiles back as they were.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}
