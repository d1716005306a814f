//! Exit codes, streams and surroundings: what scripts rely on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use camtui_tests::files::sha256;
use camtui_tests::program::example;
use camtui_tests::run::{LIMIT, wait};
use camtui_tests::terminal::{PLAIN, Session, Streams};
use camtui_tests::{Home, Run};
use rustix::process::{Pid, Signal, kill_process};

fn chelsea() -> String {
    example("chelsea.png").to_str().unwrap().to_owned()
}

/// A folder of `count` small pictures.
fn many(home: &Home, count: usize) {
    let path = home.at("small.png");
    image::open(example("chelsea.png")).unwrap().thumbnail(64, 64).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    for n in 0..count {
        home.file(&format!("many/{n:04}.png"), &bytes);
    }
}

#[test]
fn codes_are_what_the_manual_says() {
    let home = Home::new();
    home.camtui(["--help"]).go().code(0).quiet();
    home.camtui(["--version"]).go().code(0).quiet();
    home.camtui(["completions", "bash"]).go().code(0).quiet();
    home.render([&chelsea()]).go().code(0).quiet();
    home.render(["missing.png"]).go().code(1).says("missing.png");
    home.render::<&str>([]).go().code(2).says("camtui --render photo.jpg");
    home.render([&chelsea(), "--nonsense"]).go().code(2).says("--nonsense");
    home.render([&chelsea(), "-e", "gradcam"]).go().code(2).says("did you mean `grad-cam`?");
    home.render([&chelsea(), "-e", "shap"]).go().code(2).says("camtui plugin list");
    home.render([&chelsea(), "-l", "_conv_haed"])
        .go()
        .code(2)
        .says("efficientnet-lite0 has no layer `_conv_haed`; did you mean `_conv_head` or `_conv_stem`? (`camtui model info");
    let several = "did you mean `_blocks.15._bn0`, `_blocks.15._bn1` or `_blocks.15._bn2`?";
    home.render([&chelsea(), "-l", "_blocks.15._bn3"]).go().code(2).says(several);
    home.render([&chelsea(), "-l", "nothing.of.the.kind"])
        .go()
        .code(2)
        .says("`features` is what is explained by default");
    home.render([&chelsea(), "-P", "steps=4"]).go().code(2).says("steps");
    home.render([&chelsea(), "--plugin", "missing.so"]).go().code(3).says("missing.so");
}

#[test]
fn the_embedded_model_is_told_of_once_and_only_when_it_was_not_chosen() {
    let home = Home::new();
    let ended = home.camtui(["--render", &chelsea()]).go().code(0);
    assert_eq!(ended.stderr.lines().count(), 1);
    assert!(ended.stderr.contains("embedded") && ended.stderr.contains("camtui model pull resnet18"));
}

#[test]
fn piped_output_is_text_without_escapes() {
    let home = Home::new();
    let ended = home.render([&chelsea()]).go().code(0).quiet();
    assert!(!ended.stdout.contains(&0x1b) && ended.text().contains("Egyptian cat"), "{:?}", ended.text());
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let ended = home.render([&chelsea()]).env(name, value).go().code(0);
        assert!(!ended.stdout.contains(&0x1b));
    }
}

#[test]
fn on_a_terminal_without_colours_there_are_no_escapes() {
    let home = Home::new();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let run = home.render([&chelsea()]).env(name, value);
        let ended = Session::start(run, PLAIN, Streams::InOut).end().code(0).quiet();
        assert!(!ended.stdout.contains(&0x1b), "{name}: {:?}", ended.text());
        assert!(ended.text().contains("Egyptian cat"));
    }
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_nowhere_else() {
    let home = Home::new();
    many(&home, 30);
    let run = || home.render(["many", "-o", "out"]);
    let ended = Session::start(run(), PLAIN, Streams::Error).end().code(0);
    assert!(ended.text().contains("/30 pictures"), "{:?}", ended.text());
    run().go().code(0).quiet();
    let one = Session::start(home.render([&chelsea(), "-o", "out"]), PLAIN, Streams::Error).end().code(0);
    assert_eq!(one.text(), "", "one picture needs no bar");
}

/// A run whose standard output is read line by line.
fn piped(mut run: Run) -> std::process::Child {
    run.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_closed_pipe_is_success_and_silence() {
    let home = Home::new();
    many(&home, 40);
    let model = "--render -m efficientnet-lite0 many";
    for words in [
        &format!("{model} --json"),
        model,
        &format!("{model} --protocol blocks"),
        &format!("{model} --protocol kitty"),
        "model info --json",
        "--help",
        "completions zsh",
    ] {
        // Closed before the first byte, and after the first line.
        for lines in [0, 1] {
            let mut child = piped(home.camtui(words.split(' ')));
            let mut out = BufReader::new(child.stdout.take().unwrap());
            for _ in 0..lines {
                out.read_until(b'\n', &mut Vec::new()).unwrap();
            }
            drop(out);
            let status = wait(&mut child, LIMIT);
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            assert_eq!(status.code(), Some(0), "{words}: {stderr}");
            let notice = stderr.contains("using the embedded") && stderr.lines().count() == 1;
            assert!(stderr.is_empty() || notice, "{words}: {stderr}");
        }
    }
}

#[test]
fn control_c_ends_a_run_over_many_pictures_with_130() {
    let home = Home::new();
    many(&home, 2000);
    let run = home.render(["many", "--json", "-o", "out", "--threads", "2"]);
    let mut child = piped(run);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_until(b'\n', &mut Vec::new()).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let status = wait(&mut child, LIMIT);
    assert_eq!(status.code(), Some(130), "{status:?} {:?}", status.signal());
    assert!(rest.lines().count() < 1500, "it went on");
    assert!(rest.is_empty() || rest.ends_with("}\n"), "a line was cut");
    for name in home.names("out") {
        image::open(home.at("out").join(&name))
            .unwrap_or_else(|error| panic!("{name} is half written: {error}"));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_leaves_no_trace() {
    let home = Home::new();
    home.file("in_the_way", "a file");
    for flag in ["-o", "--save-map"] {
        let ended = home.render([&chelsea(), flag, "in_the_way"]).go().code(1).says("in_the_way");
        assert!(ended.stdout.is_empty());
        home.render([&chelsea(), flag, "in_the_way/below"]).go().code(1).says("in_the_way");
    }
    assert_eq!(fs::read(home.at("in_the_way")).unwrap(), b"a file");
    home.render([&chelsea(), "-o", "/proc/nothing/x.png"]).go().code(1).says("/proc/nothing");
}

#[test]
fn a_cache_that_cannot_be_written_costs_a_notice_not_the_run() {
    let home = Home::new();
    let file = home.file("cache", "a file");
    let ended = home.render([&chelsea(), "--save-map", "a.npy"]).env("CAMTUI_CACHE_DIR", &file).go().code(0);
    assert!(ended.stderr.contains("cache") && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    home.render([&chelsea(), "--save-map", "b.npy"]).go().code(0).quiet();
    assert_eq!(sha256(&home.at("a.npy")), sha256(&home.at("b.npy")));
    assert_eq!(fs::read(file).unwrap(), b"a file");
}

#[test]
fn a_damaged_cache_entry_is_noticed_and_made_again() {
    let home = Home::new();
    let cache = home.at("cache");
    let run =
        |map: &str| home.render([&chelsea(), "--save-map", map]).env("CAMTUI_CACHE_DIR", &cache).go().code(0);
    run("first.npy").quiet();
    let entries: Vec<_> =
        home.names("cache/models").iter().map(|name| cache.join("models").join(name)).collect();
    assert!(!entries.is_empty());
    for entry in &entries {
        let sound = fs::read(entry).unwrap();
        for damage in ["flip", "cut", "empty", "gone"] {
            let mut bytes = sound.clone();
            match damage {
                "flip" => bytes[sound.len() / 2] ^= 1,
                "cut" => bytes.truncate(sound.len() / 3),
                _ => bytes.clear(),
            }
            fs::write(entry, bytes).unwrap();
            if damage == "gone" {
                fs::remove_file(entry).unwrap();
            }
            let what = format!("{damage}: {}", entry.display());
            let ended = run("again.npy");
            // Kernels that were prepared are prepared again without a word: nothing is lost but some milliseconds.
            let told = entry.extension().is_none_or(|end| end != "prepared") && damage != "gone";
            assert_eq!(ended.stderr.contains("damaged"), told, "{what}: {}", ended.stderr);
            assert_eq!(sha256(&home.at("again.npy")), sha256(&home.at("first.npy")), "{what}");
            assert!(fs::read(entry).unwrap() == sound, "{what}: it was not made again");
            run("again.npy").quiet();
        }
    }
}

#[test]
fn without_a_home_it_still_draws() {
    let home = Home::new();
    let mut run = home.render([&chelsea(), "-o", "out.png"]);
    for name in ["HOME", "CAMTUI_CACHE_DIR", "CAMTUI_DATA_DIR", "CAMTUI_STATE_DIR", "CAMTUI_CONFIG_DIR"] {
        run.command.env_remove(name);
    }
    // The system may know a home of its own; nothing of it may be touched by a test.
    run.command.env("HOME", home.at("nowhere")).env("XDG_CACHE_HOME", home.at("nowhere/cache"));
    run.go().code(0);
    assert!(home.at("out.png").exists());
}
