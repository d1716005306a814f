//! A plugin that is rebuilt while a session runs: the new version's map appears, a broken one costs a red line, and the
//! version before stays in use until there is another.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use camtui_tests::Home;
use camtui_tests::emulator::Emulator;
use camtui_tests::files::Array;
use camtui_tests::program::{example, plugin_with};
use camtui_tests::session::{another, look, quit, start_wide};
use camtui_tests::terminal::{KITTY, Session};

/// Versions of one library.
struct Builds {
    first: PathBuf,
    second: PathBuf,
    renamed: PathBuf,
    aborts: PathBuf,
}

static BUILDS: LazyLock<Builds> = LazyLock::new(|| {
    let build = |name: &str, cfgs: &[&str]| {
        let flags: Vec<&str> = cfgs.iter().flat_map(|cfg| ["--cfg", cfg]).collect();
        plugin_with("corner", name, &flags)
    };
    Builds {
        first: build("corner_first", &[]),
        second: build("corner_second", &["second"]),
        renamed: build("corner_renamed", &["second", "renamed"]),
        aborts: build("corner_aborts", &["aborts"]),
    }
});

/// A library in a folder of its own, and a session that uses it.
fn begin(more: &[&str]) -> (Home, PathBuf, Session) {
    let home = Home::new();
    let library = home.file("release/libcorner.so", fs::read(&BUILDS.first).unwrap());
    let picture = example("");
    let words =
        ["-m", "efficientnet-lite0", "--plugin", library.to_str().unwrap(), picture.to_str().unwrap()];
    let run = home.camtui(words.iter().chain(more));
    let session = start_wide(run, KITTY);
    (home, library, session)
}

/// As cargo does it: the old file goes, another comes.
fn replace(library: &Path, build: &Path) {
    let fresh = library.with_extension("new");
    fs::copy(build, &fresh).unwrap();
    fs::rename(fresh, library).unwrap();
}

/// As `cp` does it: the same file, other bytes.
fn write_over(library: &Path, bytes: &[u8]) {
    fs::write(library, bytes).unwrap();
}

/// The colour of the first of these words.
fn colour_of(emulator: &Emulator, words: &str) -> Option<vt100::Color> {
    let screen = emulator.screen();
    let (_, cols) = screen.size();
    let (row, line) = screen.rows(0, cols).enumerate().find(|(_, line)| line.contains(words))?;
    let column = line[..line.find(words)?].chars().count();
    Some(screen.cell(row as u16, column as u16)?.fgcolor())
}

fn is_red(colour: Option<vt100::Color>) -> bool {
    match colour {
        Some(vt100::Color::Rgb(r, g, b)) => r > 150 && r > g.saturating_add(60) && r > b.saturating_add(60),
        Some(vt100::Color::Idx(index)) => [1, 9].contains(&index),
        _ => false,
    }
}

fn wait_for_red(session: &Session, words: &str) {
    session.wait_until_it(&format!("{words:?} in red"), |emulator| is_red(colour_of(emulator, words)));
}

/// How many values are hot in the first and in the last row of the map on screen, which is saved for that.
fn hot(session: &mut Session, home: &Home, name: &str) -> (usize, usize) {
    session.wait_until("the answer", |screen| !screen.contents().contains("computing"));
    session.types("f");
    session.wait_for("save to");
    session.types(&format!("\x15\x1b[200~{name}.npy\x1b[201~"));
    session.wait_for(&format!("> {name}.npy"));
    session.types("\r");
    session.wait_for(&format!("saved {name}.npy"));
    let map = Array::read(&home.at(&format!("{name}.npy")));
    assert_eq!(map.shape, [8, 8]);
    let count = |row: &[f32]| row.iter().filter(|value| **value > 0.5).count();
    (count(&map.values[..8]), count(&map.values[56..]))
}

#[test]
fn a_rebuilt_plugin_redraws_the_map_and_a_broken_one_leaves_the_old() {
    let (home, library, mut session) = begin(&["-P", "size=3"]);
    let one = another(&session, look::FIRST, &BTreeSet::new());
    session.wait_for("· corner ·");
    assert_eq!(hot(&mut session, &home, "one"), (3, 0));

    replace(&library, &BUILDS.second);
    session.wait_for("corner rebuilt: 2.0.0, ");
    let two = another(&session, look::FIRST, &one);
    // What was set is kept: three in the other corner.
    session.wait_until("the parameter", |screen| screen.contents().contains("size  3"));
    assert_eq!(hot(&mut session, &home, "two"), (0, 3));

    for (bytes, why) in [
        (b"#!/bin/sh\n".to_vec(), "libcorner.so cannot be used as a plugin: it is not a shared library"),
        (
            fs::read(&BUILDS.first).unwrap()[..20_000].to_vec(),
            "libcorner.so cannot be used as a plugin: it is cut short",
        ),
    ] {
        write_over(&library, &bytes);
        wait_for_red(&session, &format!("the old corner stays: {why}"));
    }
    replace(&library, &BUILDS.aborts);
    wait_for_red(&session, "the old corner stays: ");
    session.wait_for("its process ended while it was loaded: aborted");
    // The old one answers, from its copy.
    session.types(look::NEXT_CLASS);
    let three = another(&session, (look::FIRST.0, look::OTHER_CLASS), &two);
    assert_eq!(hot(&mut session, &home, "three"), (0, 3));

    write_over(&library, &fs::read(&BUILDS.second).unwrap());
    session.wait_for("corner is again what it was: 2.0.0, ");
    fs::remove_file(&library).unwrap();
    replace(&library, &BUILDS.first);
    session.wait_for("corner rebuilt: 1.0.0, ");
    let four = another(&session, (look::FIRST.0, look::OTHER_CLASS), &three);

    replace(&library, &BUILDS.renamed);
    session.wait_for("corner rebuilt: 2.0.0, ");
    session.wait_for("· other-corner");
    another(&session, (look::FIRST.0, look::OTHER_CLASS), &four);
    quit(session);
    // Nothing is left of the copies.
    let left = home.names("cache/plugins");
    assert!(left.iter().all(|name| name == "in-use"), "{left:?}");
}

#[test]
fn a_rebuilt_plugin_is_used_in_process_as_well() {
    let (_home, library, mut session) = begin(&["--in-process"]);
    let one = another(&session, look::FIRST, &BTreeSet::new());
    write_over(&library, &fs::read(&BUILDS.second).unwrap());
    session.wait_for("corner rebuilt: 2.0.0, ");
    let two = another(&session, look::FIRST, &one);
    write_over(&library, b"half a li");
    wait_for_red(&session, "the old corner stays: libcorner.so cannot be used as a plugin");
    session.types(look::NEXT_CLASS);
    another(&session, (look::FIRST.0, look::OTHER_CLASS), &two);
    quit(session);
}
