//! Somebody else who wants the processor: a process that never rests, for as long as this lives.

use std::process::{Child, Command};

use anyhow::{Context as _, Result};

/// Ends the process when it is dropped.
pub struct Busy(Child);

impl Busy {
    /// Starts it.
    pub fn start() -> Result<Self> {
        let child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn();
        Ok(Self(child.context("cannot start `sh` to keep a core busy")?))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // It has no way of refusing, and nothing that could be lost.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
