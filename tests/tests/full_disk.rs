//! A full disk gives an error that says so, and leaves the run resumable.
//!
//! Needs a small file system of its own, which only root can mount: without it nothing is tested, as
//! `cargo xtask test` says before, and in CI the test fails.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]
#![cfg(target_os = "linux")]

use sayself_tests::children::Watched;
use sayself_tests::folders::{assert_same, lasting_files};
use sayself_tests::tiny_run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory; unmounted when this value goes out of scope.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, kilobytes: usize) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={kilobytes}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| SmallDisk(folder.into()))
    }

    fn grow(&self, megabytes: usize) {
        let size = format!("remount,size={megabytes}m");
        let status = Command::new("mount")
            .args(["-o", &size])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "{} stays mounted",
            self.0.display()
        );
    }
}

#[test]
fn a_full_disk_is_told_and_the_run_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_run::config(folder.path());
    let errors = folder.path().join("errors");
    let wanted_run = folder.path().join("wanted").join("tiny");
    let wanted = Watched::start(&mut tiny_run::command(&config, &wanted_run), &errors).wait();
    assert!(wanted.success(), "{}", fs::read_to_string(&errors).unwrap());
    let wanted = lasting_files(&wanted_run);

    // From too small for the first records to too small for the adapters.
    for kilobytes in [16, 64, 512] {
        let place = folder.path().join(format!("disk-{kilobytes}"));
        let Some(disk) = SmallDisk::mount(&place, kilobytes) else {
            let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
            assert!(!ci, "a tmpfs must be mountable in CI");
            eprintln!("\n!! SKIPPED: the full disk; only root can mount a small file system\n");
            return;
        };
        let run = place.join("tiny");
        let status = Watched::start(&mut tiny_run::command(&config, &run), &errors).wait();
        let told = fs::read_to_string(&errors).unwrap();
        assert_eq!(status.code(), Some(1), "{kilobytes} kB: {told}");
        assert!(
            told.to_lowercase().contains("no space left"),
            "{kilobytes} kB: {told}"
        );
        assert!(!told.contains("panicked"), "{kilobytes} kB: {told}");

        disk.grow(64);
        let status = Watched::start(&mut tiny_run::command(&config, &run), &errors).wait();
        assert!(
            status.success(),
            "{kilobytes} kB: {}",
            fs::read_to_string(&errors).unwrap()
        );
        assert_same(&wanted, &lasting_files(&run));
    }
}
