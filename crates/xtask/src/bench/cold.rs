//! A program from its start to its end, with the clock and an eye on its memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::peers::{Kind, Material};

/// How often a child is looked at. Its peak is kept by the system, so only what it grows in its last moments is missed.
const LOOK: Duration = Duration::from_micros(500);

/// A program that can be started again and again.
pub struct Cold(Command);

/// What one run took.
pub struct Spent {
    /// From before the start to after the end.
    pub milliseconds: f64,
    /// The most that was resident at once (`VmHWM`), where the system tells.
    pub megabytes: Option<f64>,
}

impl Cold {
    /// The program itself; its conversions are cached in `folder`.
    pub fn camtui(program: &Path, model: &Path, image: &Path, threads: usize, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["--render", "--explainer", "grad-cam", "--layer", "layer4", "--protocol", "none"]);
        command.arg("--model").arg(model).arg("--threads").arg(threads.to_string());
        command.arg("--output").arg(folder.join("camtui.png")).arg(image);
        command.env("CAMTUI_CACHE_DIR", folder.join("cache"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    /// A script that does the same.
    pub fn peer(kind: Kind, material: &Material) -> Self {
        Self(material.command(kind, "cold"))
    }

    /// Runs it.
    pub fn once(&mut self) -> Result<Spent> {
        let begun = Instant::now();
        let mut child = self.0.spawn()?;
        let mut kilobytes = None;
        let milliseconds = loop {
            if child.try_wait()?.is_some() {
                break begun.elapsed().as_secs_f64() * 1e3;
            }
            kilobytes = peak(&child).max(kilobytes);
            std::thread::sleep(LOOK);
        };
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(Spent { milliseconds, megabytes: kilobytes.map(|kilobytes: u64| kilobytes as f64 * 1024.0 / 1e6) })
    }
}

/// Kilobytes (of 1024 bytes) that the child has had resident at most so far.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{}/status", child.id()))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn time_and_peak_memory_are_those_of_the_child() {
        let mut command = Command::new("sh");
        command.args(["-c", "x=$(head -c 30000000 /dev/zero | tr '\\0' a); sleep 0.1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spent = Cold(command).once().unwrap();
        assert!(spent.milliseconds >= 100.0, "{}", spent.milliseconds);
        assert!(spent.megabytes.unwrap() >= 30.0, "{:?}", spent.megabytes);
        assert!(Cold(Command::new("false")).once().is_err());
    }
}
