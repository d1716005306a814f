//! A real library in a confined thread: it loads and computes what it computes elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]
#![cfg(target_os = "linux")]

mod toy;

use camtui_host::isolate::confine::{Closed, confine};
use camtui_host::{Asked, Library};
use toy::{Toy, ask, class, plugin};

#[test]
fn a_confined_library_gives_the_same_map() {
    let path = plugin("raw", "confined").canonicalize().unwrap();
    // Another file of the same bytes, so that it is loaded anew.
    let inner = tempfile::tempdir_in(path.parent().unwrap()).unwrap();
    let copy = inner.path().join("libconfined.so");
    std::fs::copy(&path, &copy).unwrap();
    let map = |library: &Library| {
        let explainer = &library.explainers()[0];
        ask(explainer, &Toy::default(), None, &class(0)).unwrap().map.values
    };
    let wanted = map(&Library::load(&path, Asked::ByFile).unwrap().0);
    let found = std::thread::spawn(move || {
        let confined = confine(&copy);
        if confined.closes(Closed::Reading) {
            assert!(std::fs::read_dir("/").is_err());
        }
        map(&Library::load(&copy, Asked::ByFile).unwrap().0)
    });
    assert_eq!(found.join().unwrap(), wanted);
}
