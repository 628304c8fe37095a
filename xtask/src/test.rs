//! `cargo xtask test`: everything that CI checks, in one command that sets itself up.

use crate::postgres::Postgres;
use crate::process::{cargo, run};
use crate::setup::{self, Tool};
use crate::steps::Steps;
use crate::{browser, openai_clients, schemathesis, web};
use anyhow::Result;
use std::path::Path;

/// Crates that must run in the browser.
pub const PURE_CRATES: [&str; 7] = [
    "asking",
    "calibration",
    "chart",
    "comparison",
    "kernels",
    "model",
    "datasets",
];
/// Random moments at which each stage is killed with `--kill`; 3 without.
const KILLS_WHEN_ASKED: &str = "20";

#[derive(clap::Args)]
pub struct Arguments {
    /// Kill each stage at 20 random moments in place of 3
    #[arg(long)]
    kill: bool,
    /// Run only the tests whose names contain one of these; checks nothing else
    filters: Vec<String>,
}

pub fn test(root: &Path, arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::new();
    steps.need("look for the tools", || {
        setup::wasm_target(root)?;
        setup::rust_components(root)?;
        setup::nextest(root)?;
        setup::kill()?;
        setup::example_tools()?;
        setup::small_disk()
    })?;
    let postgres = steps.need("start PostgreSQL for the server's tests", postgres)?;
    let browser = steps.need("set up the browser", || browser::set_up(root))?;

    let everything = arguments.filters.is_empty();
    if everything {
        steps.check("format", || {
            run(cargo(root).args(["fmt", "--all", "--check"]))
        });
        steps.check("clippy", || {
            let what = [
                "clippy",
                "--release",
                "--locked",
                "--workspace",
                "--all-targets",
            ];
            run(cargo(root).args(what).args(["--", "-D", "warnings"]))
        });
        steps.check("the pure crates for wasm32", || wasm_checks(root));
    }
    // One build of all targets: the tests' and the programs' features are then the same, and
    // nothing is compiled twice.
    steps.need("build", || {
        let what = [
            "build",
            "--release",
            "--locked",
            "--workspace",
            "--all-targets",
        ];
        run(cargo(root).args(what))
    })?;
    steps.need("build the pages' browser part", || {
        web::build_web(root).map(drop)
    })?;
    steps.need("pull the models", || setup::models(root))?;
    steps.check("tests", || {
        let mut command = cargo(root);
        command.args(["nextest", "run", "--release", "--locked", "--workspace"]);
        command.args(&arguments.filters);
        if let Some(postgres) = &postgres {
            command.env("SAYSELF_TEST_POSTGRES", &postgres.url);
        }
        if arguments.kill {
            command.env("SAYSELF_KILLS", KILLS_WHEN_ASKED);
        }
        run(&mut command)
    });
    drop(postgres);
    if everything {
        steps.check("examples in the documentation", || {
            let what = [
                "test",
                "--release",
                "--locked",
                "--workspace",
                "--doc",
                "--quiet",
            ];
            run(cargo(root).args(what))
        });
        steps.check("made-up requests to the REST API", || {
            schemathesis::check(root)
        });
        steps.check("OpenAI's own clients", || openai_clients::check(root));
        if let Some(browser) = &browser {
            steps.check("the pages in a real browser", || browser.test());
        }
    }
    steps.finish()?;
    println!("\nAll checks passed.");
    Ok(())
}

fn postgres() -> Result<Option<Postgres>> {
    match setup::postgres()? {
        Tool::At(programs) => Postgres::start(&programs).map(Some),
        Tool::Missing { install } => {
            setup::leave_out("the server's tests on PostgreSQL", &install)?;
            Ok(None)
        }
    }
}

fn wasm_checks(root: &Path) -> Result<()> {
    let target = [
        "--release",
        "--locked",
        "--target",
        "wasm32-unknown-unknown",
    ];
    let packages = PURE_CRATES.iter().flat_map(|name| ["-p", name]);
    run(cargo(root).arg("check").args(target).args(packages))
}
