//! The pages' browser part: `app` as WebAssembly, shrunk, compressed, in `target/site/`.

use crate::process::{cargo, run, succeeds, target_folder};
use crate::setup;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

/// What a page may load of script and WebAssembly, compressed by brotli, in bytes.
const COMPRESSED_BYTES_MAX: usize = 100_000;

/// What one page alone loads, in a worker.
struct OwnModule {
    /// The package.
    package: &'static str,
    /// Its folder below `app/`.
    source: &'static str,
    /// Its folder beside the others on the site.
    folder: &'static str,
    /// The library, as rustc names it.
    library: &'static str,
    /// What it may load of script and WebAssembly, compressed by brotli, in bytes.
    compressed_bytes_max: usize,
}

/// What measures a visitor's own file.
const YOUR_FILE: OwnModule = OwnModule {
    package: "your-file",
    source: "your-file",
    folder: "your-file",
    library: "your_file",
    compressed_bytes_max: 400_000,
};

/// The demo's model.
const DEMO: OwnModule = OwnModule {
    package: "sayself-worker",
    source: "worker",
    folder: "demo",
    library: "sayself_worker",
    // Of one of its flavours: a browser loads the one that it can run.
    compressed_bytes_max: 1_200_000,
};

/// What the demo's module is built for. Each has its folder on the site, and its own for cargo, which
/// would build everything anew at each change of the flags.
struct Flavour {
    name: &'static str,
    /// Instructions beyond WebAssembly's first.
    features: &'static str,
    /// Whether its memory can be shared by workers, which then compute together.
    threads: bool,
}

/// The instructions that every browser with SIMD has; the newer ones, which make it about twice as fast; and
/// these with threads, for pages that are isolated from other origins.
const FLAVOURS: [Flavour; 3] = [
    Flavour {
        name: "simd",
        features: "+simd128",
        threads: false,
    },
    Flavour {
        name: "relaxed",
        features: "+simd128,+relaxed-simd",
        threads: false,
    },
    Flavour {
        name: "threads",
        features: "+simd128,+relaxed-simd,+atomics,+bulk-memory,+mutable-globals",
        threads: true,
    },
];

/// What the linker makes of memory that is shared, which has to say how large it may grow.
const SHARED_MEMORY: &str = "-C link-arg=--shared-memory -C link-arg=--import-memory \
    -C link-arg=--max-memory=1073741824 -C link-arg=--export=__wasm_init_tls \
    -C link-arg=--export=__tls_size -C link-arg=--export=__tls_align -C link-arg=--export=__tls_base";

impl Flavour {
    fn rust_flags(&self) -> String {
        let features = format!("-C target-feature={}", self.features);
        match self.threads {
            true => format!("{features} {SHARED_MEMORY}"),
            false => features,
        }
    }

    /// Its command for cargo. A standard library that threads can share has to be built anew, which is an
    /// unstable option: the toolchain is the pinned one, and only this module is built so.
    fn build(&self, root: &Path, own_target: &Path) -> Command {
        let mut build = cargo(root);
        build
            .env("RUSTFLAGS", self.rust_flags())
            .env("CARGO_TARGET_DIR", own_target)
            .args(["build", "--locked", "--lib", "-p", DEMO.package])
            .args(["--target", "wasm32-unknown-unknown", "--profile", FAST]);
        if self.threads {
            build
                .env("RUSTC_BOOTSTRAP", "1")
                .args(["-Z", "build-std=std,panic_abort"]);
        }
        build
    }
}

/// Its profile: what computes is fast, all else is small.
const FAST: &str = "worker-release";

/// The npm package of `wasm-opt`, in the version that was tried.
const BINARYEN: &str = "binaryen@132.0.0";

/// What rustc's modules use and every current browser has. Not `--all-features`: wasm-opt would then
/// write types that browsers have behind a flag alone, and refuse to load.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds the bundle and returns its folder: `app.js`, `app_bg.wasm`, a folder each with the module that
/// measures a visitor's own file and with the demo's, and `.br` beside each file.
///
/// # Errors
/// When a tool fails, or a module is larger than its limit.
pub fn build_web(root: &Path) -> Result<PathBuf> {
    let target = target_folder(root)?;
    compile(root)?;
    let compiled = target.join("wasm32-unknown-unknown/wasm-release");
    // Made ready beside the site and moved over at the end: a server that runs keeps serving.
    let fresh = target.join("site.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("cannot empty {}", fresh.display()))?;
    }
    bind(&compiled, "app", &fresh)?;
    shrink(target, &fresh.join("app_bg.wasm"), &["-Oz", "--converge"])?;
    let files = ["app_bg.wasm", "app.js"].map(String::from);
    compress_all("the pages", &fresh, &files, COMPRESSED_BYTES_MAX)?;
    own_module(root, target, &compiled, &fresh)?;
    demo(root, target, &fresh)?;
    let site = target.join("site");
    if site.exists() {
        fs::remove_dir_all(&site).with_context(|| format!("cannot replace {}", site.display()))?;
    }
    fs::rename(&fresh, &site)
        .with_context(|| format!("cannot move the bundle to {}", site.display()))?;
    Ok(site)
}

/// The module that measures a visitor's own file, with its scripts, in a folder of its own. It is made
/// to be fast first.
fn own_module(root: &Path, target: &Path, compiled: &Path, site: &Path) -> Result<()> {
    let OwnModule {
        package,
        library,
        compressed_bytes_max,
        ..
    } = YOUR_FILE;
    let folder = site.join(YOUR_FILE.folder);
    bind(compiled, library, &folder)?;
    let wasm = format!("{library}_bg.wasm");
    shrink(target, &folder.join(&wasm), &["-O3"])?;
    let mut files = vec![wasm, format!("{library}.js")];
    files.extend(copy_scripts(root, &YOUR_FILE, &folder)?);
    compress_all(package, &folder, &files, compressed_bytes_max)
}

/// The demo's module in each of its flavours, with its scripts.
fn demo(root: &Path, target: &Path, site: &Path) -> Result<()> {
    let OwnModule {
        package,
        library,
        compressed_bytes_max,
        ..
    } = DEMO;
    let folder = site.join(DEMO.folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let scripts = copy_scripts(root, &DEMO, &folder)?;
    for flavour in FLAVOURS {
        if flavour.threads && !setup::standard_library(root)? {
            continue;
        }
        let own_target = target.join("worker").join(flavour.name);
        run(&mut flavour.build(root, &own_target))?;
        let flavour = flavour.name;
        let compiled = own_target.join("wasm32-unknown-unknown").join(FAST);
        bind(&compiled, library, &folder.join(flavour))?;
        let mut files = scripts.clone();
        files.extend([
            format!("{flavour}/{library}_bg.wasm"),
            format!("{flavour}/{library}.js"),
        ]);
        let what = format!("{package}, {flavour}");
        compress_all(&what, &folder, &files, compressed_bytes_max)?;
    }
    Ok(())
}

/// Puts a module's scripts, which are served as they are, beside it; their names.
fn copy_scripts(root: &Path, module: &OwnModule, folder: &Path) -> Result<Vec<String>> {
    let source = root.join("app").join(module.source).join("web");
    let entries =
        fs::read_dir(&source).with_context(|| format!("cannot read {}", source.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".js") {
            let from = source.join(&name);
            fs::copy(&from, folder.join(&name))
                .with_context(|| format!("cannot copy {}", from.display()))?;
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Compresses the files of a module and fails where they are more than `bytes_max` together.
fn compress_all(what: &str, folder: &Path, files: &[String], bytes_max: usize) -> Result<()> {
    let mut compressed = 0;
    for file in files {
        compressed += compress(&folder.join(file))?;
    }
    println!(
        "  {what}: script and WebAssembly {} kB compressed, limit {} kB",
        kilobytes(compressed),
        kilobytes(bytes_max)
    );
    if compressed > bytes_max {
        bail!("the bundle of {what} has {compressed} bytes compressed, the limit is {bytes_max}");
    }
    Ok(())
}

/// The pages' module and that of visitors' files in one build: what they share is compiled once.
fn compile(root: &Path) -> Result<()> {
    run(cargo(root)
        .args(["build", "--locked", "-p", "app", "-p", YOUR_FILE.package])
        .arg("--lib")
        .args([
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "wasm-release",
        ])
        .args(["--no-default-features", "--features", "app/browser"]))
}

/// Writes the JavaScript that browsers load, and the module it loads.
fn bind(compiled: &Path, library: &str, folder: &Path) -> Result<()> {
    let compiled = compiled.join(library).with_extension("wasm");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&compiled)
        .out_name(library)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .web(true)?
        .generate(folder)
        .with_context(|| format!("wasm-bindgen cannot read {}", compiled.display()))
}

/// `wasm-opt` from npm, at levels such as `-Oz`; without npm the bundle is larger and works all the
/// same.
fn shrink(target: &Path, wasm: &Path, levels: &[&str]) -> Result<()> {
    let Some(wasm_opt) = wasm_opt(target)? else {
        eprintln!("  wasm-opt cannot be had (npm is missing or offline): the bundle stays larger");
        return Ok(());
    };
    let before = size(wasm)?;
    let smaller = wasm.with_extension("smaller");
    let mut optimize = Command::new(&wasm_opt);
    optimize
        .args(levels)
        .args(WASM_FEATURES)
        .arg("-o")
        .arg(&smaller)
        .arg(wasm);
    run(&mut optimize)?;
    fs::rename(&smaller, wasm).with_context(|| format!("cannot replace {}", wasm.display()))?;
    eprintln!(
        "  wasm-opt: {} kB, was {} kB",
        kilobytes(size(wasm)?),
        kilobytes(before)
    );
    Ok(())
}

/// The path of `wasm-opt` in `target/web-tools/`, installed there once; `None` where npm cannot.
fn wasm_opt(target: &Path) -> Result<Option<PathBuf>> {
    let tools = target.join("web-tools");
    let program = tools.join("node_modules/.bin/wasm-opt");
    if !program.exists() {
        fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
        // npm installs beside the nearest package.json above; this one keeps it here.
        fs::write(tools.join("package.json"), "{\"private\":true}")?;
        eprintln!("  installing {BINARYEN} from npm into {}", tools.display());
        let installed = succeeds(Command::new("npm").current_dir(&tools).args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-save",
            BINARYEN,
        ]));
        if !installed {
            return Ok(None);
        }
    }
    Ok(program.exists().then_some(program))
}

/// Writes FILE.br at brotli's best and returns its size in bytes.
fn compress(file: &Path) -> Result<usize> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut compressed = Vec::new();
    {
        let mut writer = brotli::CompressorWriter::new(&mut compressed, 1 << 16, 11, 22);
        writer
            .write_all(&bytes)
            .with_context(|| format!("cannot compress {}", file.display()))?;
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    fs::write(&name, &compressed)
        .with_context(|| format!("cannot write {}", Path::new(&name).display()))?;
    eprintln!(
        "  {}: {} kB, {} kB compressed",
        file.file_name().unwrap_or_default().display(),
        kilobytes(bytes.len()),
        kilobytes(compressed.len())
    );
    Ok(compressed.len())
}

fn size(file: &Path) -> Result<usize> {
    let metadata = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    usize::try_from(metadata.len()).context("a file larger than memory")
}

fn kilobytes(bytes: usize) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}
