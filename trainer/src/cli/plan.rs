//! `sayself plan`.

use crate::cli::run::find_config;
use crate::cli::{Globals, output};
use crate::error::bad_use;
use crate::plan::{Plan, plan};
use crate::stages::run::RunOptions;
use clap::Args;
use indicatif::HumanCount;

/// What a run will cost: tokens, memory, disk and hours, before it starts.
///
/// Runs the whole configuration on a few questions of each split in a temporary folder, on this
/// machine, and scales what each stage took. An endpoint that the configuration names is asked those
/// few questions too.
#[derive(Args)]
#[command(after_help = "Example:\n  sayself plan world-facts/full --training-seeds 1,2,3")]
pub struct Arguments {
    /// A file as `run.toml`, or a shipped configuration's name, such as world-facts/demo
    #[arg(value_name = "CONFIG.toml")]
    config: String,
    /// Teach once with each of these seeds, in place of the configuration's
    #[arg(long, value_name = "SEED,…", value_delimiter = ',')]
    training_seeds: Option<Vec<u64>>,
    /// Questions of each split that are tried: more make it slower and surer
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    probe: u32,
    /// Count malformed rows and go on, in place of failing
    #[arg(long)]
    skip_invalid: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> anyhow::Result<()> {
    let mut config = find_config(&arguments.config)?;
    config.training_seeds = arguments.training_seeds.unwrap_or(config.training_seeds);
    config.check().map_err(|error| bad_use(error.to_string()))?;
    let options = RunOptions {
        skip_invalid: arguments.skip_invalid,
        quiet: globals.quiet,
        until: None,
    };
    let plan = plan(&config, arguments.probe as usize, options)?;
    if arguments.json {
        return output::json(&plan);
    }
    output::line(told(&plan).trim_end())
}

/// A plan in words.
fn told(plan: &Plan) -> String {
    let mut rows = vec![
        ["stage", "questions", "tokens written", "time"]
            .map(String::from)
            .to_vec(),
    ];
    for stage in &plan.stages {
        rows.push(vec![
            stage.stage.clone(),
            HumanCount(stage.questions).to_string(),
            stage
                .tokens
                .map_or("–".into(), |tokens| HumanCount(tokens).to_string()),
            duration(stage.seconds),
        ]);
    }
    rows.push(vec![
        "all".into(),
        String::new(),
        HumanCount(plan.tokens).to_string(),
        duration(plan.seconds),
    ]);
    let mut text = comparison::form::aligned(&rows).join("\n");
    let memory = plan
        .memory_mb
        .map_or("unknown".into(), |mb| format!("{mb:.0} MB"));
    text.push_str(&format!(
        "\nmemory {memory}, run directory {:.0} MB; scaled from at most {} questions of each split, tried in {}",
        plan.disk_mb,
        plan.probe.questions,
        duration(plan.probe.seconds)
    ));
    text
}

/// Hours and minutes, or seconds.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3_600, whole / 60 % 60) {
        (0, 0) => format!("{whole} s"),
        (0, minutes) => format!("{minutes} min {:02} s", whole % 60),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_two_units() {
        let told = [12.4, 61.0, 3_599.0, 7_260.0].map(duration);
        assert_eq!(told, ["12 s", "1 min 01 s", "59 min 59 s", "2 h 01 min"]);
    }
}
