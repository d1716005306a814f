//! docs/plugins.md, followed to the letter by somebody who has the program and nothing of this repository: its commands are
//! run, its files written, and the plugins that come of it give the maps that their formulas say.
//!
//! The comment before a block says more: `<!-- file: PATH -->` the block is that file; `<!-- interactive: WORDS -->` a session
//! that shows these words and is ended by `q`; `<!-- in: PATH -->` the block begins in that folder; `<!-- not run: REASON -->`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use camtui_tests::Home;
use camtui_tests::files::{Array, middle_of_chelsea};
use camtui_tests::program::{example, repository, with_tools};
use camtui_tests::run::Run;
use camtui_tests::terminal::{PLAIN, Session, Streams};
use camtui_tests::written::{Written, written};
use serde_json::Value;

/// A reader: where they have gone to, and what they have.
struct Reader {
    home: Home,
    folder: PathBuf,
}

impl Reader {
    fn shell(&self, line: &str) -> Run {
        // Compiling beside other tests takes as long as it takes.
        let mut run = with_tools(self.home.shell(line)).limit(Duration::from_mins(10));
        run.command.current_dir(&self.folder);
        run
    }

    /// Goes to a folder; the picture is always there.
    fn goes_to(&mut self, folder: &str) {
        self.folder = self.folder.join(folder).canonicalize().unwrap();
        fs::copy(example("chelsea.png"), self.folder.join("photo.jpg")).unwrap();
    }

    fn types(&mut self, line: &str) {
        match line.strip_prefix("cd ") {
            Some(folder) => self.goes_to(folder),
            None => drop(self.shell(line).go().code(0)),
        }
    }

    fn looks(&self, line: &str, words: &str) {
        let mut session = Session::start(self.shell(&format!("exec {line}")), PLAIN, Streams::All);
        session.wait_for("Egyptian cat");
        session.wait_for(words);
        session.types("q");
        assert_eq!(session.end().code, Some(0), "{line}");
    }
}

fn guide() -> String {
    fs::read_to_string(repository().join("docs/plugins.md")).unwrap()
}

fn is_there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        println!("skipped: what needs {tool}, which is not here");
    }
    found
}

#[test]
fn a_reader_who_follows_the_guide_has_two_plugins_that_work() {
    let home = Home::new();
    let folder = home.at("");
    let mut reader = Reader { home, folder };
    let (start, in_c) = (reader.folder.clone(), is_there("cc") && is_there("make"));
    let (mut done, mut left_out) = (0, 0);
    let mut before = String::new();
    for Written { how, line } in written(&guide()) {
        println!("$ {line}");
        let (mark, words) =
            how.split_once(':').map_or((how.as_str(), ""), |(mark, words)| (mark, words.trim()));
        if mark == "in" && before != how {
            if !in_c {
                break;
            }
            reader.goes_to(words);
        }
        match mark {
            "" | "in" => reader.types(&line),
            "interactive" => reader.looks(&line, words),
            "file" => {
                let file = reader.folder.join(words);
                assert!(file.exists(), "{words} is written anew, not made");
                fs::write(file, &line).unwrap();
            }
            "not run" => {
                assert!(words.len() > 10, "{line}: why is it not run?");
                left_out += 1;
            }
            other => panic!("unknown mark: {other}"),
        }
        done += 1;
        before = how;
    }
    assert!(done >= 15 && left_out <= 1, "{left_out} of {done} are not run");
    agrees(&reader.home, &start.join("power-cam"));
    if in_c {
        spreads(&reader.home, &start.join("spread"));
    }
}

/// The guide's formula in Rust: with power 1 it is Grad-CAM, and with 2 it is what PyTorch says (`goldens/plugins.py`).
fn agrees(home: &Home, project: &Path) {
    let one = Array::read(&project.join("one.npy"));
    let error = one.relative_error(&Array::read(&project.join("grad-cam.npy")).values);
    assert!(error < 1e-5, "{error}");
    middle_of_chelsea([127.0 / 255.0; 3], [128.0 / 255.0; 3]).write(&home.at("chelsea.npy"));
    let library = project.join("target/release/libpower_cam.so");
    home.render(["chelsea.npy", "--save-map", "two.npy", "--plugin"]).arg(library).go().code(0);
    let text = fs::read(repository().join("tests/goldens/data/plugins.json")).unwrap();
    let goldens: Value = serde_json::from_slice(&text).unwrap();
    let wanted: Vec<f32> =
        goldens["power-cam"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    let error = Array::read(&home.at("two.npy")).relative_error(&wanted);
    assert!(error < 1e-4, "{error}");
}

/// The guide's formula in C: a range of activations after a ReLU is nowhere negative and somewhere not 0, and is at least the
/// mean that the template would have shown.
fn spreads(home: &Home, project: &Path) {
    let spread = Array::read(&project.join("spread.npy"));
    assert_eq!(spread.shape, [7, 7]);
    home.shell("camtui plugin new mean").go().code(0);
    with_tools(home.shell("cd mean && cargo build --release")).limit(Duration::from_mins(10)).go().code(0);
    let picture = project.join("photo.jpg");
    let library = home.at("mean/target/release/libmean.so");
    home.render([&picture]).args_of("--save-map mean.npy --plugin").arg(library).go().code(0);
    let mean = Array::read(&home.at("mean.npy"));
    assert!(mean.values.iter().zip(&spread.values).all(|(mean, spread)| 0.0 < *mean && mean < spread));
}

/// Every sentence of the last table is one of the program's.
#[test]
fn what_the_guide_says_that_camtui_says_is_in_its_sources() {
    let mut sources = String::new();
    let mut open = ["camtui-host", "camtui-plugin", "camtui"]
        .map(|name| repository().join("crates").join(name).join("src"))
        .to_vec();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    // A string may go on in the next line of the source.
    let joined: Vec<&str> = sources.split("\\\n").map(str::trim_start).collect();
    let sources = joined.concat();
    let text = guide();
    let rows: Vec<&str> =
        text.lines().filter_map(|row| row.strip_prefix("| `` ")?.split(" ``").next()).collect();
    assert!(rows.len() >= 15, "{rows:?}");
    for row in rows {
        let parts: Vec<&str> = row.split('…').map(str::trim).filter(|part| part.len() > 2).collect();
        assert!(!parts.is_empty(), "{row}");
        for part in parts {
            assert!(sources.contains(part), "camtui never says: {part}");
        }
    }
}

#[test]
fn what_the_guide_links_to_is_there() {
    let folder = repository().join("docs");
    for link in guide().split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        match link.strip_prefix('#') {
            Some(heading) => {
                let kept = |c: &char| c.is_alphanumeric() || " -".contains(*c);
                let anchor = |title: &str| {
                    title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
                };
                let text = guide();
                let mut titles = text.lines().filter_map(|line| line.strip_prefix("## "));
                assert!(titles.any(|title| anchor(title) == heading), "{heading}");
            }
            None => assert!(folder.join(link).exists(), "{link}"),
        }
    }
}
