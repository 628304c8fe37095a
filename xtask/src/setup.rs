//! The tools that the chores need: looked for, installed only where missing, each with a word.

use crate::made_runs::Scratch;
use crate::process::{self, cargo, find, output, run, succeeds};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tool that a chore can do without, at the price of leaving something out.
pub enum Tool {
    At(PathBuf),
    /// Not there, and not to be installed without the person: the line to type.
    Missing {
        install: String,
    },
}

/// Whether this is CI, where nothing may be left out.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Says loudly what is left out; in CI that is an error.
pub fn leave_out(what: &str, install: &str) -> Result<()> {
    if in_ci() {
        bail!("{what} cannot be left out in CI; install what is missing: {install}");
    }
    eprintln!("\n!! SKIPPED: {what}\n!! To have it, type: {install}\n");
    Ok(())
}

/// Where the toolchain keeps its libraries.
fn libraries(root: &Path) -> Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = output(
        Command::new(rustc)
            .current_dir(root)
            .args(["--print", "sysroot"]),
    )?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib"))
}

/// The standard library for WASM.
pub fn wasm_target(root: &Path) -> Result<()> {
    let library = libraries(root)?.join("wasm32-unknown-unknown/lib");
    if library.is_dir() {
        eprintln!("  wasm32 target: there");
        return Ok(());
    }
    eprintln!("  wasm32 target: missing, adding it");
    run(Command::new("rustup")
        .current_dir(root)
        .args(["target", "add", "wasm32-unknown-unknown"]))
    .context("the target wasm32-unknown-unknown is needed for the pages' browser part")
}

/// Whether the standard library's source is there, or could be added: threads in the browser need one of
/// their own. Without it the demo computes on one thread.
///
/// # Errors
/// Where it cannot be had and `CI=true`.
pub fn standard_library(root: &Path) -> Result<bool> {
    if libraries(root)?
        .join("src/rust/library/Cargo.lock")
        .is_file()
    {
        eprintln!("  rust-src: there");
        return Ok(true);
    }
    eprintln!("  rust-src: missing, adding it");
    let added =
        run(Command::new("rustup")
            .current_dir(root)
            .args(["component", "add", "rust-src"]));
    match added {
        Ok(()) => Ok(true),
        Err(error) if in_ci() => Err(error),
        Err(error) => {
            eprintln!("  rust-src cannot be had ({error:#}): the demo computes on one thread");
            Ok(false)
        }
    }
}

/// rustfmt and clippy.
pub fn rust_components(root: &Path) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if succeeds(cargo(root).args([subcommand, "--version"])) {
            eprintln!("  {component}: there");
        } else {
            eprintln!("  {component}: missing, adding it");
            run(Command::new("rustup")
                .current_dir(root)
                .args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// cargo-nextest, the test runner.
pub fn nextest(root: &Path) -> Result<()> {
    if succeeds(cargo(root).args(["nextest", "--version"])) {
        eprintln!("  cargo-nextest: there");
        return Ok(());
    }
    eprintln!("  cargo-nextest: missing, building it");
    // Outside the workspace, so that its toolchain file and profiles do not count.
    run(Command::new("cargo")
        .current_dir(std::env::temp_dir())
        .args(["install", "--locked", "cargo-nextest"]))
}

/// Chromium, from `SAYSELF_CHROMIUM`, from `PATH`, or as a system package.
pub fn chromium() -> Result<Tool> {
    let look = || {
        let given = std::env::var_os("SAYSELF_CHROMIUM").map(PathBuf::from);
        let macos = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
        given
            .or_else(|| {
                ["chromium", "chromium-browser", "google-chrome"]
                    .into_iter()
                    .find_map(find)
            })
            .or_else(|| macos.is_file().then_some(macos))
    };
    system_tool("Chromium", &["chromium"], look)
}

/// The oldest major version of node that playwright-core and our scripts run on.
const NODE_MAJOR_MIN: u32 = 20;

/// node and npm.
pub fn node() -> Result<Tool> {
    let tool = system_tool("node and npm", &["nodejs", "npm"], || {
        find("npm").and(find("node"))
    })?;
    let Tool::At(node) = &tool else {
        return Ok(tool);
    };
    let version = output(Command::new(node).arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next();
    if major
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major < NODE_MAJOR_MIN)
    {
        let install = format!(
            "a Node.js of version {NODE_MAJOR_MIN} or newer; {} is there",
            version.trim()
        );
        return Ok(Tool::Missing { install });
    }
    Ok(tool)
}

/// A Python 3 that makes virtual environments, with pip in them.
pub fn python() -> Result<Tool> {
    let look = || {
        let python = find("python3")?;
        let mut asked = Command::new(&python);
        succeeds(asked.args(["-c", "import ensurepip, venv"])).then_some(python)
    };
    system_tool("Python 3 with venv", &["python3", "python3-venv"], look)
}

/// What the programs in `examples/` run on; without it their tests are left out.
pub fn example_tools() -> Result<()> {
    for name in ["python3", "curl"] {
        if let Tool::Missing { install } = system_tool(name, &[name], || find(name))? {
            let what = format!("the tests of the programs in examples/ that need {name}");
            leave_out(&what, &install)?;
        }
    }
    Ok(())
}

/// `kill`, which no test of signals can do without; Debian's smallest images have none.
pub fn kill() -> Result<()> {
    match system_tool("kill", &["procps"], || find("kill"))? {
        Tool::At(_) => Ok(()),
        Tool::Missing { install } => bail!("the tests send signals by `kill`: {install}"),
    }
}

/// Tells where no small disk can be mounted, which some tests fill up: they are then left out.
pub fn small_disk() -> Result<()> {
    let scratch = Scratch::new("small-disk")?;
    let mut mount = Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(&scratch.0);
    if succeeds(&mut mount) {
        eprintln!("  small disks: can be mounted");
        return output(Command::new("umount").arg(&scratch.0)).map(drop);
    }
    leave_out(
        "the tests of a full disk",
        "the same as root on Linux: nobody else can mount a small file system",
    )
}

/// PostgreSQL's server programs: the folder that holds `initdb` and `postgres`.
pub fn postgres() -> Result<Tool> {
    let look = || {
        let in_path = find("initdb")
            .and_then(|path| path.parent().map(PathBuf::from))
            .filter(|folder| folder.join("postgres").is_file());
        let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|folder| folder.join("initdb").is_file())
            .collect();
        versions.sort();
        in_path.or(versions.pop())
    };
    system_tool("PostgreSQL server", &["postgresql"], look)
}

/// Looks for a tool; as root with apt, installs it where missing. One that apt cannot get, as without a
/// network, is missing.
fn system_tool(name: &str, packages: &[&str], look: impl Fn() -> Option<PathBuf>) -> Result<Tool> {
    if let Some(path) = look() {
        eprintln!("  {name}: {}", path.display());
        return Ok(Tool::At(path));
    }
    let install = format!("sudo apt-get install --yes {}", packages.join(" "));
    if !process::is_root() || find("apt-get").is_none() {
        return Ok(Tool::Missing { install });
    }
    eprintln!("  {name}: missing, installing it");
    if let Err(error) = apt_install(packages) {
        eprintln!("  {name} cannot be installed: {error:#}");
        return Ok(Tool::Missing { install });
    }
    match look() {
        Some(path) => Ok(Tool::At(path)),
        None => bail!(
            "{name} is not found although {} was installed",
            packages.join(" ")
        ),
    }
}

fn apt_install(packages: &[&str]) -> Result<()> {
    run(Command::new("apt-get").args(["update", "--quiet"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(packages))
}

/// Installs a folder's npm packages as its lock file has them, if they are not there yet.
pub fn npm_packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let mark = folder.join("node_modules/.installed-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    if std::fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        eprintln!("  npm packages of {}: there", folder.display());
        return Ok(());
    }
    eprintln!("  npm packages of {}: installing them", folder.display());
    run(Command::new("npm")
        .current_dir(folder)
        .args(["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))
}

/// The models that demo and tests run on, pulled into the user's cache folder.
pub fn models(root: &Path) -> Result<()> {
    let sayself = process::program(root, "sayself")?;
    for model in ["smollm2-135m", "minilm"] {
        run(Command::new(&sayself)
            .current_dir(root)
            .args(["pull", model]))?;
    }
    Ok(())
}
