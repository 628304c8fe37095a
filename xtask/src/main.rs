//! Chores of the workspace. Each is one command: `cargo xtask --help`.
//!
//! Every chore sets up what it needs itself: it looks for each tool, installs only what is
//! missing, and says what it does.

mod bench;
mod browser;
mod cuda;
mod demo;
mod follow;
mod made_runs;
mod openai_clients;
mod postgres;
mod process;
mod python;
mod schemathesis;
mod screenshot;
mod serve;
mod setup;
mod steps;
mod test;
mod web;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Chores of sayself: demo, test, bench, and what they are made of",
    after_help = "Examples:\n  cargo xtask demo               see a model taught to be honest, in the browser\n  cargo xtask test               everything that CI checks\n  cargo xtask test metrics       only the tests with `metrics` in their name"
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build everything, open the pages on the recorded run, and teach the model once more
    Demo(demo::Arguments),
    /// Check everything that CI checks: format, lints, WASM builds, tests, pages in a real browser
    Test(test::Arguments),
    /// Build the browser's part of the pages into target/site
    Web,
    /// Make docs/run-page.png, the README's picture, from the recorded run
    Screenshot,
    /// Time sayself beside what a user would pick instead, both in one run; installs the peers
    Bench(bench::Arguments),
    /// Ask the REST API things that schemathesis makes up from its OpenAPI document
    Schemathesis,
    /// Ask `sayself infer` by OpenAI's own Python and JavaScript clients; installs them
    OpenaiClients,
    /// Type-check the CUDA build; sets up the CUDA compiler where none is installed
    CheckCuda,
    /// Where a GPU is at hand: compare it with the CPU and run one training step on it
    TestGpu,
}

/// The workspace's root folder.
fn root() -> PathBuf {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map_or(xtask.clone(), PathBuf::from)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = root();
    let outcome = match arguments.chore {
        Chore::Demo(arguments) => demo::demo(&root, &arguments),
        Chore::Test(arguments) => test::test(&root, &arguments),
        Chore::Web => setup::wasm_target(&root)
            .and_then(|()| web::build_web(&root))
            .map(|site| println!("The pages' bundle is in {}", site.display())),
        Chore::Screenshot => screenshot::screenshot(&root),
        Chore::Bench(arguments) => bench::bench(&root, &arguments),
        Chore::Schemathesis => schemathesis::build_and_check(&root),
        Chore::OpenaiClients => openai_clients::build_and_check(&root),
        Chore::CheckCuda => cuda::check(&root),
        Chore::TestGpu => cuda::test(&root),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
