//! What a call must leave as it found it: threads, signal handlers, the working folder, environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{State, Verdict};
use crate::{Explainer, clean};

/// What can be seen of this process from within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Surroundings {
    folder: Option<PathBuf>,
    variables: BTreeMap<OsString, OsString>,
    /// Masks of blocked, ignored and caught signals, where the system tells.
    signals: Vec<u64>,
    threads: usize,
    /// Length of the file that standard output and error were sent to, if they were.
    printed: u64,
}

/// Signals 32 and 33, which the C library takes for its threads as soon as there is a second one.
const OF_THE_C_LIBRARY: u64 = 3 << 31;

impl Surroundings {
    pub fn now() -> Self {
        // Blocked signals are a thread's own.
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            u64::from_str_radix(line.trim(), 16).ok()
        };
        let signals = ["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().filter_map(mask);
        Self {
            folder: std::env::current_dir().ok(),
            variables: std::env::vars_os().collect(),
            signals: signals.map(|mask| mask & !OF_THE_C_LIBRARY).collect(),
            threads: std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
            printed: errors().map_or(0, |file| file.metadata().map_or(0, |facts| facts.len())),
        }
    }

    /// What has changed since, each as a part of a sentence.
    fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = vec![];
        if now.threads > self.threads {
            changes.push(format!("left {} running", threads(now.threads - self.threads)));
        }
        if now.signals != self.signals {
            changes.push("changed which signals are caught, ignored or blocked".into());
        }
        if now.folder != self.folder {
            changes.push("changed the working folder".into());
        }
        if now.variables != self.variables {
            changes.push("changed environment variables".into());
        }
        if now.printed > self.printed {
            changes.push(format!(
                "wrote {} bytes on standard output or error, where the terminal's picture is ({}; session->log is for that)",
                now.printed - self.printed,
                quote(self.printed).unwrap_or_default()
            ));
        }
        changes
    }
}

/// Standard error, where it is a file: so it is in a child that is being watched.
#[cfg(unix)]
fn errors() -> Option<File> {
    use std::os::fd::AsFd as _;
    // What C's printf keeps back is printed too.
    // SAFETY: null means every stream; none of Rust's is among them.
    unsafe { libc::fflush(std::ptr::null_mut()) };
    let file = File::from(std::io::stderr().as_fd().try_clone_to_owned().ok()?);
    file.metadata().is_ok_and(|facts| facts.is_file()).then_some(file)
}

#[cfg(not(unix))]
fn errors() -> Option<File> {
    None
}

/// The first line that was printed there after `from` bytes.
fn quote(from: u64) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileExt as _;
        let mut bytes = [0; 100];
        let count = errors()?.read_at(&mut bytes, from).ok()?;
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        Some(format!("`{}`", clean(text.lines().next()?, 80)))
    }
    #[cfg(not(unix))]
    None
}

fn threads(count: usize) -> String {
    if count == 1 { "a thread".into() } else { format!("{count} threads") }
}

/// Looks back at all calls of this explainer.
pub(super) fn manners(state: &State, explainer: &Explainer) -> Verdict {
    let before = state.before.borrow().clone();
    // A thread that is just ending is still listed for a moment.
    let until = Instant::now() + Duration::from_secs(1);
    let mut now = Surroundings::now();
    while now.threads > before.threads && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
        now = Surroundings::now();
    }
    let changes = before.changes(&now);
    *state.before.borrow_mut() = now;
    if changes.is_empty() {
        return Verdict::Pass("everything is as it was".into());
    }
    Verdict::Fail(format!(
        "`{}` {}; these are the program's, and several explainers share them",
        explainer.info().id,
        changes.join(", ")
    ))
}
