//! A file is read line by line: memory does not grow with it.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]
#![cfg(target_os = "linux")]

use sayself_tests::children::Watched;
use sayself_tests::programs::sayself;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Duration;

const FILE_BYTES: usize = 200 << 20;
const LINE_BYTES: usize = 20 << 10;
const PEAK_BYTES_MAX: u64 = 64 << 20;

/// The most memory that a command of `sayself` holds while it reads a file of such lines.
fn peak_bytes(command: &str, line: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for _ in 0..FILE_BYTES / line.len() {
        file.write_all(line.as_bytes()).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();

    let errors = folder.path().join("errors");
    let mut child = Watched::start(sayself().arg(command).arg(&path).arg("--json"), &errors);
    let mut peak = 0;
    loop {
        peak = peak.max(child.peak_memory_bytes().unwrap_or(0));
        if let Some(status) = child.wait_for(Duration::from_millis(5)) {
            assert!(
                status.success(),
                "{}",
                std::fs::read_to_string(errors).unwrap()
            );
            return peak;
        }
    }
}

#[test]
fn metrics_reads_line_by_line() {
    let filler = "x".repeat(LINE_BYTES);
    let line = format!("{{\"confidence\":0.5,\"correct\":true,\"response\":\"{filler}\"}}\n");
    let peak = peak_bytes("metrics", &line);
    assert!(
        peak > 0 && peak < PEAK_BYTES_MAX,
        "{peak} bytes for a file of {FILE_BYTES}"
    );
}

#[test]
fn parse_reads_line_by_line() {
    let filler = "x ".repeat(LINE_BYTES / 2);
    let line = format!("{{\"response\":\"{filler}\\nAnswer: a\\nConfidence: 8\"}}\n");
    let peak = peak_bytes("parse", &line);
    assert!(
        peak > 0 && peak < PEAK_BYTES_MAX,
        "{peak} bytes for a file of {FILE_BYTES}"
    );
}
