//! A disk that is soon full.

use crate::simulated::in_ci;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory; unmounted when this value goes out of scope.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    /// `None` with a word where only root could, as `cargo xtask test` says before; in CI, a panic.
    pub fn mount(folder: &Path, kilobytes: usize) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let size = format!("size={kilobytes}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(folder.into()));
        }
        assert!(!in_ci(), "a tmpfs must be mountable in CI");
        eprintln!("\n!! SKIPPED: the full disk; only root can mount a small file system\n");
        None
    }

    pub fn grow(&self, megabytes: usize) {
        let size = format!("remount,size={megabytes}m");
        let grown = Command::new("mount")
            .args(["-o", &size])
            .arg(&self.0)
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.0.display());
        }
    }
}
