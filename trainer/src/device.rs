//! Where models compute: a CUDA device where the program was built for it and one is there, else
//! the CPU.

use model::{Device, LoadOptions};

/// The device, asked for once a process.
pub fn best() -> anyhow::Result<Device> {
    #[cfg(feature = "cuda")]
    if candle_core::utils::cuda_is_available() {
        return Ok(Device::new_cuda(0)?);
    }
    Ok(Device::Cpu)
}

/// Weights as the file holds them on the CPU; dense on CUDA, or where `dequantize` asks for it.
pub fn load_options(dequantize: bool) -> anyhow::Result<LoadOptions> {
    let device = best()?;
    let dequantize = dequantize || !device.is_cpu();
    Ok(LoadOptions {
        device,
        dequantize,
        ..LoadOptions::default()
    })
}
