//! A library that is rebuilt while it is used: two versions side by side, each from its own copy.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]
#![cfg(unix)]

mod toy;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use camtui_host::reload::Copies;
use camtui_host::{Asked, Library, Registry};
use toy::{Toy, ask, class, plugin};

/// The library `raw`, with another id for its second explainer.
fn variant(second: [u8; 6]) -> Vec<u8> {
    static BUILT: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read(plugin("raw", "reloaded")).unwrap());
    let mut bytes = BUILT.clone();
    let places: Vec<usize> = (0..bytes.len() - 6).filter(|&at| bytes[at..].starts_with(b"second")).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 6].copy_from_slice(&second);
    }
    bytes
}

fn ids(registry: &Registry) -> Vec<(String, bool)> {
    registry.explainers().enumerate().map(|(at, (id, _))| (id.to_owned(), registry.is_gone(at))).collect()
}

#[test]
fn a_rebuilt_library_takes_the_place_of_the_old_one_which_still_answers() {
    let root = tempfile::tempdir().unwrap();
    let copies = Copies::new(&root.path().join("cache")).unwrap();
    let path = root.path().canonicalize().unwrap().join("libtried.so");
    let load = |path: &Path| Library::copied(path, Asked::ByFile, &copies, None).unwrap().0;
    let values = |registry: &Registry, id: &str| {
        ask(registry.find(id).unwrap(), &Toy::default(), None, &class(0)).unwrap().map.values
    };
    fs::write(&path, variant(*b"second")).unwrap();
    let mut registry = Registry::default();
    registry.add(load(&path));
    let old = registry.find("second").unwrap().clone();
    assert_eq!((old.qualified_id().as_str(), old.file()), ("tried:second", Some(path.as_path())));
    let wanted = values(&registry, "second");

    // Written over, not put in its place: who has the file itself mapped would now run half of each.
    fs::write(&path, variant(*b"others")).unwrap();
    let replaced = registry.replace(0, load(&path));
    assert_eq!((replaced.renewed, replaced.gone, replaced.added), (vec![0], vec![1], vec![2]));
    let there = |id: &str, gone| (id.to_owned(), gone);
    assert_eq!(ids(&registry), [there("first", false), there("second", true), there("others", false)]);
    assert_eq!(registry.find("second").unwrap_err().to_string(), "there is no explainer `second`");
    assert_eq!(values(&registry, "others"), wanted);
    fs::write(&path, b"no library at all").unwrap();
    let refused = Library::copied(&path, Asked::ByFile, &copies, None).unwrap_err().to_string();
    assert_eq!(refused, format!("{} cannot be used as a plugin: it is not a shared library", path.display()));
    // Also a first call of the old version, from a file that is long something else.
    assert_eq!(ask(&old, &Toy::default(), None, &class(0)).unwrap().map.values, wanted);

    // It comes back, at its old place.
    fs::write(&path, variant(*b"second")).unwrap();
    let replaced = registry.replace(0, load(&path));
    assert_eq!((replaced.renewed, replaced.gone, replaced.added), (vec![0, 1], vec![2], vec![]));
    assert_eq!(values(&registry, "tried:second"), wanted);
    assert_eq!(registry.libraries().len(), 1);
}

#[test]
fn new_explainers_do_not_take_the_ids_of_others() {
    let root = tempfile::tempdir().unwrap();
    let load = |name: &str, second: [u8; 6]| {
        let path = root.path().join(name);
        fs::write(&path, variant(second)).unwrap();
        Library::load(&path, Asked::ByFile).unwrap().0
    };
    let mut registry = Registry::default();
    registry.add(load("liba.so", *b"second"));
    registry.add(load("libb.so", *b"others"));
    let replaced = registry.replace(1, load("libb2.so", *b"second"));
    assert_eq!((replaced.renewed, replaced.gone, replaced.added), (vec![2], vec![3], vec![4]));
    assert!(replaced.notices[0].contains("`second` is already taken"), "{:?}", replaced.notices);
    assert_eq!(registry.find("second").unwrap().qualified_id(), "a:second");
    assert_eq!(registry.find("b2:second").unwrap().qualified_id(), "b2:second");
}
