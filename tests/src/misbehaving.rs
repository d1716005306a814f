//! What the tests of misbehaving plugins share: the library whose explainers do what none may do, and a look at who still
//! has it loaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::Home;
use crate::program::{c_plugin, scratch};
use crate::terminal::process::Process;

/// `tests/plugins/misbehave.c`, built once, under a name of the home's own, so that whoever has loaded it belongs to this
/// test.
/// `None` where there is no C compiler.
pub fn library(home: &Home) -> Option<PathBuf> {
    static BUILT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let bytes = BUILT.get_or_init(|| {
        let out = scratch().join(format!("libmisbehave-{}.so", std::process::id()));
        c_plugin("misbehave", &[], &out)?;
        let bytes = fs::read(&out).unwrap();
        fs::remove_file(out).unwrap();
        Some(bytes)
    });
    let root = home.at("");
    let own = root.file_name().and_then(|name| name.to_str()).unwrap().trim_start_matches('.');
    Some(home.file(&format!("plugins/libmisbehave-{own}.so"), bytes.as_ref()?))
}

/// Nobody has the library loaded any more. A process that was killed a moment ago may still be on its way out.
pub fn nobody_is_left(library: &Path) {
    let begun = Instant::now();
    loop {
        let left = Process::all_that_loaded(library);
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until somebody who has the library loaded computes: describing takes a moment, and computing goes on.
pub fn computes(library: &Path) {
    let begun = Instant::now();
    let works = |process: &Process| process.cpu().is_some_and(|cpu| cpu > Duration::from_millis(150));
    while !Process::all_that_loaded(library).iter().any(works) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody computes");
        std::thread::sleep(Duration::from_millis(10));
    }
}
