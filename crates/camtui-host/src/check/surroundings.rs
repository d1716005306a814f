//! What a call must leave as it found it: threads, signal handlers, the working folder, environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{State, Verdict};
use crate::Explainer;

/// What can be seen of this process from within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Surroundings {
    folder: Option<PathBuf>,
    variables: BTreeMap<OsString, OsString>,
    /// Masks of blocked, ignored and caught signals, where the system tells.
    signals: Vec<String>,
    threads: usize,
}

impl Surroundings {
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let signals =
            status.lines().filter(|l| ["SigBlk", "SigIgn", "SigCgt"].iter().any(|s| l.starts_with(s)));
        Self {
            folder: std::env::current_dir().ok(),
            variables: std::env::vars_os().collect(),
            signals: signals.map(ToOwned::to_owned).collect(),
            threads: std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
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
        changes
    }
}

fn threads(count: usize) -> String {
    if count == 1 { "a thread".into() } else { format!("{count} threads") }
}

/// Looks back at all calls of this explainer. (What it printed is seen from outside.)
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
