//! The CUDA build: type-checked anywhere, run where a GPU is at hand.

use crate::process::{cargo, find, output, run, succeeds};
use crate::python;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler, its headers and libraries, as Python packages, all of one release.
const PACKAGES: [&str; 6] = [
    "nvidia-cuda-nvcc==13.0.*",
    "nvidia-cuda-cccl==13.0.*",
    "nvidia-cuda-runtime==13.0.*",
    "nvidia-nvvm==13.0.*",
    "nvidia-cuda-crt==13.0.*",
    "nvidia-curand",
];
/// Kernels are compiled for this generation where no GPU tells its own: 8.0, the oldest with bf16.
const COMPUTE_CAPABILITY: &str = "80";

/// Type-checks `sayself` with the feature `cuda`, which compiles candle's kernels on the way.
pub fn check(root: &Path) -> Result<()> {
    let mut command = cargo(root);
    command.args([
        "check",
        "--release",
        "--locked",
        "-p",
        "sayself",
        "--features",
        "cuda",
    ]);
    toolkit(&mut command)?;
    run(&mut command)?;
    println!("The CUDA build type-checks.");
    Ok(())
}

/// Compares CPU and GPU and runs a training step, where there is a GPU.
pub fn test(root: &Path) -> Result<()> {
    if !succeeds(Command::new("nvidia-smi").arg("-L")) {
        bail!("no NVIDIA GPU is at hand (`nvidia-smi -L` says so): nothing was tested");
    }
    let mut build = cargo(root);
    build.args(["build", "--release", "--locked", "-p", "sayself"]);
    run(&mut build)?;
    crate::setup::models(root)?;
    let mut command = cargo(root);
    command.args([
        "test",
        "--release",
        "--locked",
        "-p",
        "sayself-tests",
        "--features",
        "cuda",
    ]);
    command.args(["--test", "gpu", "--", "--ignored", "--nocapture"]);
    toolkit(&mut command)?;
    run(&mut command)
}

/// Gives the command a CUDA compiler: the installed one, or one from Python packages in the cache.
fn toolkit(command: &mut Command) -> Result<()> {
    if let Some(nvcc) = find("nvcc") {
        println!("  nvcc: {}", nvcc.display());
    } else {
        let home = from_packages()?;
        println!("  nvcc: {}", home.join("bin/nvcc").display());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(home.join("bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders)?);
        command
            .env("CUDA_HOME", &home)
            .env("CUDA_PATH", &home)
            .env("CUDA_ROOT", &home);
    }
    if std::env::var_os("CUDA_COMPUTE_CAP").is_none()
        && !succeeds(Command::new("nvidia-smi").arg("-L"))
    {
        command.env("CUDA_COMPUTE_CAP", COMPUTE_CAPABILITY);
    }
    Ok(())
}

/// Installs the packages into a virtual environment in the cache, once.
fn from_packages() -> Result<PathBuf> {
    let python = python::environment("cuda-13.0")?;
    let home = || -> Result<Option<PathBuf>> {
        let place = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
        let packages = output(Command::new(&python).args(["-c", place]))?;
        let home = Path::new(packages.trim()).join("nvidia/cu13");
        Ok(home.join("bin/nvcc").is_file().then_some(home))
    };
    if let Some(home) = home()? {
        return Ok(home);
    }
    println!("  nvcc: missing, installing it with {}", python.display());
    python::install(&python, &PACKAGES, &[])?;
    match home()? {
        Some(home) => {
            link_libraries(&home)?;
            Ok(home)
        }
        None => bail!("the Python packages brought no nvidia/cu13/bin/nvcc"),
    }
}

/// The packages have `lib` alone and versioned names; linkers look for `lib64` and bare names.
fn link_libraries(home: &Path) -> Result<()> {
    let folder = home.join("lib");
    for entry in std::fs::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((stem, _)) = name.split_once(".so.") else {
            continue;
        };
        let bare = folder.join(format!("{stem}.so"));
        if !bare.exists() {
            symlink(Path::new(&name), &bare)?;
        }
    }
    let lib64 = home.join("lib64");
    if !lib64.exists() {
        symlink(Path::new("lib"), &lib64)?;
    }
    Ok(())
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot make the link {}", link.display()))
}

#[cfg(not(unix))]
fn symlink(_target: &Path, link: &Path) -> Result<()> {
    bail!("{}: the CUDA build is set up on Linux only", link.display())
}
