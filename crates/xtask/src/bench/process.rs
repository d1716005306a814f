//! A program from its start to its end, with the clock and an eye on its memory.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// How often a child is looked at. Its peak is kept by the system, so only what it grows in its last moments is missed.
const LOOK: Duration = Duration::from_micros(500);

/// What one run took and said.
pub struct Spent {
    /// From before the start to after the end.
    pub milliseconds: f64,
    /// The most that was resident at once (`VmHWM`), where the system tells.
    pub megabytes: Option<f64>,
    /// Its standard output.
    pub said: String,
}

/// Runs it once. What it prints must fit into a pipe.
pub fn once(command: &mut Command) -> Result<Spent> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn()?;
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
    let megabytes = kilobytes.map(|kilobytes: u64| kilobytes as f64 * 1024.0 / 1e6);
    Ok(Spent { milliseconds, megabytes, said: String::from_utf8_lossy(&output.stdout).into_owned() })
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
        command.args(["-c", "x=$(head -c 30000000 /dev/zero | tr '\\0' a); sleep 0.1; echo done"]);
        let spent = once(&mut command).unwrap();
        assert!(spent.milliseconds >= 100.0, "{}", spent.milliseconds);
        assert!(spent.megabytes.unwrap() >= 30.0, "{:?}", spent.megabytes);
        assert_eq!(spent.said, "done\n");
        assert!(once(&mut Command::new("false")).is_err());
    }
}
