//! Every command of README.md, run as it is written: in the clone, with `camtui` installed.
//!
//! A comment on the line before a block says how its commands run: `<!-- interactive -->` on a terminal, ended by `q`;
//! `<!-- mirror -->` against a server on this machine, which has something else to offer and is refused;
//! `<!-- resnet18 -->` with the test checkpoint where there is one, else to be told how to get it;
//! `<!-- author -->` with cargo, as the author of a plugin has it; `<!-- not run: REASON -->` not at all, which hardly any may say.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use camtui_tests::program::{build_folder, camtui, example, repository, with_tools};
use camtui_tests::server::{body, serve};
use camtui_tests::terminal::{PLAIN, Session, Streams};
use camtui_tests::written::{Written, written};
use camtui_tests::{Ended, Home};

/// A folder that looks like the clone to someone who has built it.
fn clone() -> Home {
    let home = Home::new();
    symlink(example(""), home.at("examples")).unwrap();
    fs::create_dir(home.at("target")).unwrap();
    symlink(build_folder(), home.at("target/release")).unwrap();
    fs::copy(example("rocket.jpg"), home.at("photo.jpg")).unwrap();
    home
}

#[test]
fn every_command_of_the_readme_works() {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let all = written(&text);
    for main in ["cargo run --release -- --render examples/chelsea.png", "cargo test --release --workspace"] {
        assert!(all.iter().any(|written| written.line == main), "{main} is not in the README");
    }
    let (home, mut left_out) = (clone(), 0);
    for Written { how, line } in &all {
        println!("$ {line}");
        match how.as_str() {
            "" => plain(&home, line),
            "interactive" => interactive(&home, line),
            "author" => author(&home, line),
            "mirror" => mirror(&home, line),
            "resnet18" => resnet18(&home, line),
            other => {
                let reason =
                    other.strip_prefix("not run:").unwrap_or_else(|| panic!("unknown mark: {other}"));
                assert!(reason.trim().len() > 10, "{line}: why is it not run?");
                left_out += 1;
            }
        }
    }
    assert!(all.len() >= 10 && left_out <= 2, "{left_out} of {} are not run", all.len());
}

fn succeeds(line: &str, ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{line}\n{}{}", ended.text(), ended.stderr);
}

fn plain(home: &Home, line: &str) {
    // What cargo is asked for has been done by whoever runs this test, or is done without a second cargo inside it.
    if let Some(arguments) = line.strip_prefix("cargo run --release -- ") {
        succeeds(line, &home.shell(&format!("camtui {arguments}")).go());
    } else if line == "cargo test --release --workspace" {
        assert!(camtui().exists());
    } else {
        assert!(!line.starts_with("cargo"), "{line}: no test knows this");
        succeeds(line, &home.shell(line).go());
    }
}

/// A line that works on a new plugin: in the folder it went to, with the tools that an author has.
fn author(home: &Home, line: &str) {
    succeeds(line, &with_tools(home.shell(line)).go());
}

fn interactive(home: &Home, line: &str) {
    let mut session = Session::start(home.shell(&format!("exec {line}")), PLAIN, Streams::All);
    session.wait_for("Egyptian cat");
    session.types("q");
    succeeds(line, &session.end());
}

fn mirror(home: &Home, line: &str) {
    let run = home.shell(line).env("CAMTUI_MODEL_MIRROR", serve(body(46_830_571)));
    let ended = run.go().code(1);
    assert!(ended.stderr.contains("f37072fd47e89c5e"), "{}", ended.stderr);
    let installed = home.names("data");
    assert!(installed.iter().all(|name| !name.ends_with("f37072fd.pth")), "{installed:?}");
}

fn resnet18(home: &Home, line: &str) {
    assert!(line.contains("resnet18"), "{line}");
    match std::env::var_os("CAMTUI_TEST_CHECKPOINT").map(PathBuf::from).filter(|path| path.exists()) {
        Some(checkpoint) => {
            let line = line.replace("resnet18", checkpoint.to_str().unwrap());
            succeeds(&line, &home.shell(&line).go());
        }
        None => drop(home.shell(line).go().code(1).says("camtui model pull resnet18")),
    }
}
