//! Killed at any moment and started again, a run ends with the same bytes as undisturbed.
//!
//! Each stage is killed by SIGKILL at 3 random moments; at as many as `SAYSELF_KILLS` says
//! (`cargo xtask test --kill`: 20).

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::children::{Watched, stages, starts};
use sayself_tests::folders::{assert_same, lasting_files};
use sayself_tests::tiny_run;
use std::fs;
use std::path::Path;
use std::time::Duration;

const KILLS: usize = 3;

/// Uniform draws in 0..1, the same on every machine.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn finish(config: &Path, run: &Path, errors: &Path) {
    let mut child = Watched::start(&mut tiny_run::command(config, run), errors);
    let status = child.wait();
    assert!(
        status.success(),
        "{status}: {}",
        fs::read_to_string(errors).unwrap()
    );
}

/// Kills a run of `config` in each stage whose name starts with one of `stages`, at so many moments.
fn kill_in(config: &Path, starts_with: &[&str], kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let errors = folder.path().join("errors");
    let undisturbed = folder.path().join("undisturbed").join("tiny");
    finish(config, &undisturbed, &errors);
    let wanted = lasting_files(&undisturbed);
    let stages = stages(&undisturbed);
    let is_killed = |name: &str| starts_with.iter().any(|start| name.starts_with(start));
    let count = stages.iter().filter(|(name, _)| is_killed(name)).count();
    assert!(count >= 4, "{stages:?}");

    let mut draws = Draws(kills as u64);
    let (mut landed, mut missed) = (0, 0);
    for round in 0..kills {
        let run = folder.path().join(format!("round-{round}")).join("tiny");
        for (index, (name, took_ms)) in stages.iter().enumerate() {
            if !is_killed(name) {
                continue;
            }
            // A short stage may be over before a kill lands: then the kill lands in a later one.
            let later: Vec<&str> = stages[index..]
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            let before = starts(&run, &later);
            let moment = Duration::from_millis((*took_ms as f64 * draws.next()) as u64);
            let mut child = Watched::start(&mut tiny_run::command(config, &run), &errors);
            let ended = child
                .wait_until(|| starts(&run, &later) > before)
                .or_else(|| child.wait_for(moment));
            match ended {
                None => {
                    child.kill();
                    landed += 1;
                }
                Some(status) => {
                    assert!(
                        status.success(),
                        "{status}: {}",
                        fs::read_to_string(&errors).unwrap()
                    );
                    missed += 1;
                }
            }
        }
        finish(config, &run, &errors);
        assert_same(&wanted, &lasting_files(&run));
        fs::remove_dir_all(&run).unwrap();
    }
    println!("{landed} kills landed, {missed} came too late, in {count} stages");
    assert!(
        landed * 2 >= kills * count,
        "only {landed} of {} kills landed",
        kills * count
    );
}

fn kills() -> usize {
    std::env::var("SAYSELF_KILLS").map_or(KILLS, |count| count.parse().unwrap())
}

#[test]
fn a_killed_run_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    kill_in(&tiny_run::config(folder.path()), &[""], kills());
}

/// Checkpoints of GRPO within a round, of PPO's value head, scaling and β, and of what `sft` has seen of
/// held-out records.
#[test]
fn other_algorithms_killed_end_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in ["grpo", "ppo"] {
        let config = tiny_run::config_by(folder.path(), algorithm);
        kill_in(&config, &["sft", "rl"], kills().div_ceil(2));
    }
}

/// A run that is finished is left as it is, byte for byte, and says so at once.
#[test]
fn a_finished_run_is_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_run::config(folder.path());
    let errors = folder.path().join("errors");
    let run = folder.path().join("tiny");
    finish(&config, &run, &errors);
    let before = lasting_files(&run);
    finish(&config, &run, &errors);
    assert_same(&before, &lasting_files(&run));
}

/// A line that was being written when the power went is dropped and done again.
#[test]
fn a_torn_last_line_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_run::config(folder.path());
    let errors = folder.path().join("errors");
    let run = folder.path().join("tiny");
    let mut child = Watched::start(&mut tiny_run::command(&config, &run), &errors);
    let ended = child.wait_until(|| starts(&run, &["cluster"]) > 0);
    assert!(ended.is_none(), "{}", fs::read_to_string(&errors).unwrap());
    child.kill();
    let samples = run.join("sample/samples.jsonl");
    let bytes = fs::read(&samples).unwrap();
    fs::write(&samples, &bytes[..bytes.len() - 20]).unwrap();
    let mut child = Watched::start(&mut tiny_run::command(&config, &run), &errors);
    let ended = child.wait_until(|| starts(&run, &["cluster"]) > 1);
    assert!(
        ended.is_none_or(|status| status.success()),
        "{}",
        fs::read_to_string(&errors).unwrap()
    );
    child.kill();
    assert_eq!(fs::read(&samples).unwrap(), bytes);
}
