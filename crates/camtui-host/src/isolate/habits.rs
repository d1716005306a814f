//! What of a process must be as it was when a call is over: its threads, its folder, what it does with signals.
//!
//! Linux tells it of any process; this side looks, because the child cannot be believed. Elsewhere nothing is known
//! and nothing is told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long threads that have been joined may take to be gone.
const PATIENCE: Duration = Duration::from_millis(300);

/// Most signals that are named in a sentence.
const NAMED: usize = 3;

/// A process's state between calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Habits {
    threads: u32,
    folder: PathBuf,
    /// Masks with a bit a signal: blocked, ignored, caught.
    signals: [u64; 3],
    children: usize,
}

impl Habits {
    /// Of the process `pid`, if the system tells.
    #[cfg(target_os = "linux")]
    pub fn of(pid: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        Some(Self {
            folder: std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?,
            children: children.map_or(0, |pids| pids.split_whitespace().count()),
            ..Self::parse(&status)?
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub fn of(_pid: u32) -> Option<Self> {
        None
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has this text"))]
    fn parse(status: &str) -> Option<Self> {
        let mask = |name| u64::from_str_radix(field(status, name)?, 16).ok();
        Some(Self {
            threads: field(status, "Threads")?.parse().ok()?,
            folder: PathBuf::new(),
            signals: [mask("SigBlk")?, mask("SigIgn")?, mask("SigCgt")?],
            children: 0,
        })
    }

    /// What is no longer as it was in the process `pid`, each as a clause. Threads that are just ending are waited
    /// for a little.
    pub fn broken_by(&self, pid: u32) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let Some(now) = Self::of(pid) else { return vec![] };
            if now.threads > self.threads && begun.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            return self.differences(&now);
        }
    }

    fn differences(&self, now: &Self) -> Vec<String> {
        let mut clauses = vec![];
        match now.threads.saturating_sub(self.threads) {
            0 => {}
            1 => clauses.push("left a thread running".to_owned()),
            more => clauses.push(format!("left {more} threads running")),
        }
        if now.children > self.children {
            clauses.push("left another process running".to_owned());
        }
        if now.folder != self.folder {
            let folder = crate::clean(&now.folder.to_string_lossy(), 200);
            clauses.push(format!("changed the working directory to {folder}"));
        }
        let changed = self.signals.iter().zip(&now.signals).fold(0, |all, (a, b)| all | (a ^ b));
        // The C library takes these two for itself when the first thread is started.
        let changed = changed & !(0b11 << 31);
        if changed != 0 {
            let numbers = (0..64).filter(|bit| changed >> bit & 1 == 1).map(|bit| bit + 1);
            let mut names: Vec<String> = numbers.map(super::death::signal_name).collect();
            let more = names.len().saturating_sub(NAMED);
            if more > 1 {
                names.truncate(NAMED);
                names.push(format!("{more} signals more"));
            }
            clauses.push(format!("changed what happens on {}", names.join(", ")));
        }
        clauses
    }
}

/// Most bytes of address space that the process `pid` has had, if the system tells.
pub(super) fn most_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes: u64 = field(&status, "VmPeak")?.strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// What stands behind `name:`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_a_clause() {
        let text = "Name:\tx\nThreads:\t1\nSigQ:\t0/5\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\n\
                    SigCgt:\t0000000000000440\n";
        let before = Habits { folder: "/".into(), ..Habits::parse(text).unwrap() };
        assert_eq!(before.signals, [0, 0x1000, 0x440]);
        assert_eq!(before.differences(&before), Vec::<String>::new());
        let after = Habits {
            threads: 3,
            folder: "/tmp/\x1b".into(),
            signals: [0, 0x1000, 0x1_0000_4442],
            children: 1,
        };
        let clauses = [
            "left 2 threads running",
            "left another process running",
            r"changed the working directory to /tmp/\u{1b}",
            "changed what happens on SIGINT, SIGTERM",
        ];
        // Bits 1 and 14 are signals 2 and 15; bit 32 is the C library's own.
        assert_eq!(before.differences(&after), clauses);
        let deaf = Habits { signals: [!0, 0x1000, 0x440], ..before.clone() };
        let clause = "changed what happens on SIGHUP, SIGINT, SIGQUIT, 59 signals more";
        assert_eq!(before.differences(&deaf), [clause]);
        let one = Habits { threads: 2, ..before.clone() };
        assert_eq!(before.differences(&one), ["left a thread running"]);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let here = Habits::of(std::process::id()).unwrap();
        assert!(here.threads >= 1 && here.folder == std::env::current_dir().unwrap());
        assert!(Habits::of(u32::MAX).is_none());
        assert!(most_memory(std::process::id()).unwrap() > 1 << 20);
    }
}
