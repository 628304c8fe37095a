//! Named steps with the minutes that each took.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

struct Step {
    name: String,
    took: Duration,
    error: Option<String>,
}

/// The steps of one chore.
pub struct Steps {
    started: Instant,
    done: Vec<Step>,
}

impl Steps {
    pub fn new() -> Self {
        Steps {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// A step that all later ones need: its error ends the chore.
    pub fn need<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = work();
        self.done.push(Step {
            name: name.into(),
            took: started.elapsed(),
            error: outcome.as_ref().err().map(|error| format!("{error:#}")),
        });
        if outcome.is_err() {
            self.print();
        }
        outcome
    }

    /// A step that others do not need: its error is shown and kept, and the chore goes on.
    pub fn check(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let started = Instant::now();
        let error = work().err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            println!("FAILED: {error}");
        }
        self.done.push(Step {
            name: name.into(),
            took: started.elapsed(),
            error,
        });
    }

    /// The minutes of each step.
    pub fn print(&self) {
        println!("\nminutes  step");
        for step in &self.done {
            let verdict = if step.error.is_some() { "  FAILED" } else { "" };
            println!("{:>7.1}  {}{verdict}", minutes(step.took), step.name);
        }
        println!("{:>7.1}  in all", minutes(self.started.elapsed()));
    }

    /// Prints the minutes; an error if any step failed.
    pub fn finish(self) -> Result<()> {
        self.print();
        let failed: Vec<String> = self
            .done
            .iter()
            .filter_map(|step| {
                step.error
                    .as_ref()
                    .map(|error| format!("{}: {error}", step.name))
            })
            .collect();
        if !failed.is_empty() {
            bail!(
                "{} of {} steps failed\n  {}",
                failed.len(),
                self.done.len(),
                failed.join("\n  ")
            );
        }
        Ok(())
    }
}

fn minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}
