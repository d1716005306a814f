//! `camtui plugin new`: what it makes is built, tested and shown by the very commands that it prints, without a network and
//! outside of this repository.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use camtui_tests::Home;
use camtui_tests::files::{Array, middle_of_chelsea};
use camtui_tests::program::{example, repository, with_tools};
use camtui_tests::run::{Run, contents};
use camtui_tests::terminal::{PLAIN, Session, Streams};
use serde_json::Value;

/// The preprocessing of the embedded model.
const MEAN: [f32; 3] = [127.0 / 255.0; 3];
const STD: [f32; 3] = [128.0 / 255.0; 3];

/// A map that PyTorch computed (`goldens/plugins.py`).
fn golden(name: &str) -> Vec<f32> {
    let text = fs::read(repository().join("tests/goldens/data/plugins.json")).unwrap();
    let all: Value = serde_json::from_slice(&text).unwrap();
    all[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        println!("skipped: there is no {tool} here");
    }
    found
}

/// The commands that were printed, of which the first goes into the project's folder.
fn printed(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
}

/// Runs a line for the shell as the author would, in the project.
fn shell(home: &Home, line: &str) -> Run {
    // Compiling beside other tests takes as long as it takes.
    with_tools(home.shell(line)).limit(Duration::from_mins(10))
}

/// Makes a project below a folder with a space in its name, follows what is printed up to the session, and gives back the
/// project's folder and its library.
fn made_and_shown(arguments: &str, home: &Home) -> (PathBuf, PathBuf) {
    let told = home.shell(&format!("camtui plugin new 'my plugins/my-cam' {arguments}")).go().code(0).quiet();
    let commands = printed(&told.text());
    assert_eq!(commands.len(), 4, "{}", told.text());
    let (last, first) = commands.split_last().unwrap();
    assert_eq!(first[0], "cd 'my plugins/my-cam'");
    shell(home, &first.join(" && ")).go().code(0);

    let project = home.at("my plugins/my-cam");
    fs::copy(example("chelsea.png"), project.join("photo.jpg")).unwrap();
    let mut session =
        Session::start(shell(home, &format!("{} && exec {last}", first[0])), PLAIN, Streams::All);
    // The plugin's explainer, without being asked for.
    session.wait_for("Egyptian cat");
    session.wait_for("my-cam");
    session.types("q");
    assert_eq!(session.end().code, Some(0));
    let library = project.join(last.rsplit_once(' ').unwrap().1);
    (project, library)
}

/// The library's map of an input that needs no resampling, against PyTorch's.
fn has_the_golden_map(home: &Home, library: &Path) {
    middle_of_chelsea(MEAN, STD).write(&home.at("chelsea.npy"));
    let arguments = ["chelsea.npy", "--json", "--save-map", "map.npy", "--plugin"];
    let told = home.render(arguments).arg(library).go().code(0).json();
    assert_eq!(told[0]["explainer"]["id"], "my-cam");
    let map = Array::read(&home.at("map.npy"));
    assert_eq!(map.shape, [7, 7]);
    let error = map.relative_error(&golden("mean-activation"));
    assert!(error < 1e-5, "{error}");
}

#[test]
fn a_plugin_in_rust_is_built_tested_and_shown_by_the_printed_commands() {
    let home = Home::new();
    let (project, library) = made_and_shown("", &home);
    has_the_golden_map(&home, &library);
    // Its lints, its format and its documentation are in order too.
    shell(&home, "cd 'my plugins/my-cam' && cargo doc --no-deps -p camtui-plugin").go().code(0);
    if has("rustfmt") {
        shell(&home, "cd 'my plugins/my-cam' && rustfmt --check --edition 2024 src/lib.rs").go().code(0);
    }
    // The formula's test can fail.
    let lib = project.join("src/lib.rs");
    let text = fs::read_to_string(&lib).unwrap();
    let broken = text.replace("*m += a / count", "*m += a");
    assert_ne!(broken, text);
    fs::write(&lib, broken).unwrap();
    let failed = shell(&home, "cd 'my plugins/my-cam' && cargo test --quiet >log 2>&1; test $? = 101").go();
    failed.code(0);
    assert!(
        fs::read_to_string(project.join("log")).unwrap().contains("every_place_has_the_mean_of_its_channels")
    );
}

#[test]
fn a_plugin_in_c_is_built_tested_and_shown_by_the_printed_commands() {
    if !(has("cc") && has("make")) {
        return;
    }
    let home = Home::new();
    let (project, library) = made_and_shown("--c", &home);
    has_the_golden_map(&home, &library);
    // The README's one line makes the same without make.
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with("| Linux |")).unwrap();
    let line = row.split('`').nth(1).unwrap();
    fs::remove_file(&library).unwrap();
    shell(&home, &format!("cd 'my plugins/my-cam' && {line}")).go().code(0);
    has_the_golden_map(&home, &library);
    // The formula's test can fail.
    let explainer = project.join("explainer.c");
    let text = fs::read_to_string(&explainer).unwrap();
    let broken = text.replace("/ (float)channels", "");
    assert_ne!(broken, text);
    fs::write(&explainer, broken).unwrap();
    let failed = shell(&home, "cd 'my plugins/my-cam' && make --silent test").go().code(2);
    assert!(failed.text().contains("does not do what it says"), "{}", failed.text());
}

#[test]
fn what_cannot_be_made_is_a_sentence_and_nothing_is_touched() {
    let home = Home::new();
    let mine = home.file("my-cam/notes.txt", "mine");
    home.file("a-file", "mine");
    let before = contents(&home.at(""));
    for (path, words) in [
        ("my-cam", "is there already and not empty"),
        ("a-file", "cannot become a folder"),
        ("My-Cam", "a plugin cannot be called `My-Cam`"),
        ("my cam", "for example `my-cam`"),
        ("match", "cargo needs that name itself"),
        ("camtui-plugin", "cargo needs that name itself"),
        ("/", "has no name of its own"),
        ("a\u{1b}[31mb", "cannot be called"),
    ] {
        for more in [&[][..], &["--c"]] {
            let told = home.camtui(["plugin", "new", path].iter().chain(more)).go().code(2).says(words);
            assert!(told.stdout.is_empty() && !told.stderr.contains('\u{1b}'), "{}", told.stderr);
        }
    }
    assert_eq!(contents(&home.at("")), before);
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    home.camtui(["plugin", "new"]).go().code(2);
}

#[test]
fn a_project_is_made_in_the_empty_folder_one_stands_in() {
    let home = Home::new();
    fs::create_dir(home.at("my-cam")).unwrap();
    let told = home.shell("cd my-cam && camtui plugin new . && ls").go().code(0).text();
    assert!(told.contains("Cargo.toml") && told.contains("sdk"), "{told}");
    assert!(fs::read_to_string(home.at("my-cam/Cargo.toml")).unwrap().contains("name = \"my-cam\""));
}

#[test]
fn a_folder_that_cannot_be_written_is_code_1_and_leaves_nothing() {
    // As root nothing is forbidden, so the place is one that nobody can write to.
    let home = Home::new();
    if !Path::new("/proc/self").exists() {
        return println!("skipped: there is no /proc here");
    }
    let told = home.camtui(["plugin", "new", "/proc/my-cam"]).go().code(1).says("cannot make /proc/my-cam");
    assert!(told.stdout.is_empty());
}

#[test]
fn occlusion_in_c_gives_the_numbers_of_the_bundled_one() {
    if !has("cc") {
        return;
    }
    let home = Home::new();
    let folder = repository().join("plugins/example-c");
    // As its README says, but for where the library goes.
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("cc ")).unwrap();
    let library = home.at("libocclusion_c.so");
    let line = line.replace(
        "-o libocclusion_c.so",
        &format!("-Wall -Wextra -Wpedantic -Werror -o '{}'", library.display()),
    );
    let mut build = home.shell(&line);
    build.command.current_dir(&folder);
    build.go().code(0);

    let picture = example("chelsea.png");
    let run = |words: &str| home.render([&picture]).arg("--plugin").arg(&library).args_of(words);
    // One with patches that overlap unevenly and are cut off at the border, and a contrast.
    for words in ["-P window=61 -P stride=37", "-P window=80 -P stride=80 -t top1~top2"] {
        run(&format!("-e occlusion,occlusion-c --save-map maps {words}")).go().code(0);
        let ours = Array::read(&home.at("maps/chelsea.occlusion-c.npy"));
        let bundled = Array::read(&home.at("maps/chelsea.occlusion.npy"));
        assert_eq!(ours.shape, bundled.shape);
        let error = ours.relative_error(&bundled.values);
        assert!(error < 1e-5, "{words}: {error}");
    }
    run("-P window=300").go().code(1).says("a window of 300 pixels does not fit");
    run("-P window=30 -P stride=31").go().code(1).says("a stride of 31 pixels leaves gaps");
}
