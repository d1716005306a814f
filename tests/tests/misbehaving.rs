//! Explainers that do what none may do, in runs without a terminal: each is one line that names the plugin, the explainer
//! and what happened; the others still answer, for every picture; the code is 3; and no process is left.
//!
//! `tests/plugins/misbehave.c` says what each of them does. `misbehaving_session.rs` does the same to the session.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use camtui_tests::misbehaving::{computes, library, nobody_is_left};
use camtui_tests::program::{c_plugin, example, plugin};
use camtui_tests::run::wait;
use camtui_tests::terminal::{PLAIN, Streams, Terminal};
use camtui_tests::{Ended, Home, Run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Both example pictures with these explainers.
fn render(home: &Home, library: &Path, explainers: &[&str]) -> Run {
    home.render([example("chelsea.png"), example("rocket.jpg")])
        .arg("--plugin")
        .arg(library)
        .args_of("--json -e")
        .arg(explainers.join(","))
}

/// The lines of standard error about this explainer.
fn told<'a>(ended: &'a Ended, id: &str) -> Vec<&'a str> {
    ended.stderr.lines().filter(|line| line.contains(&format!("`{id}`"))).collect()
}

/// The results of this explainer, by picture.
fn results(ended: &Ended, id: &str) -> Vec<Value> {
    ended.json().into_iter().filter(|line| line["explainer"]["id"] == id).collect()
}

/// Each of `bad` is told once a picture, in these words, and each of `good` has answered for both pictures.
fn each_is_one_line(ended: &Ended, bad: &[(&str, &str)], good: &[&str]) {
    for (id, words) in bad {
        let lines = told(ended, id);
        assert_eq!(lines.len(), 2, "{id}: {}", ended.stderr);
        for (line, picture) in lines.iter().zip(["chelsea.png", "rocket.jpg"]) {
            assert!(line.contains(picture), "{id}: {line}");
            let ended = line.contains("ended in");
            assert!(!ended || line.contains("the plugin `misbehave"), "{id}: {line}");
            assert!(line.contains(words), "{words:?} is not in: {line}");
        }
        assert!(results(ended, id).is_empty(), "{id} has a result");
    }
    for id in good {
        let maps = results(ended, id);
        let pictures: Vec<&Value> = maps.iter().map(|line| &line["image"]).collect();
        assert_eq!(pictures.len(), 2, "{id}: {}{}", ended.text(), ended.stderr);
        assert!(maps.iter().all(|line| line["map"]["max"].is_number()), "{id}");
    }
    let clean = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n');
    assert!(clean(&ended.stderr) && clean(&ended.text()), "{:?}", ended.stderr);
}

/// How long such runs may take that end before any time limit of a plugin's.
const QUICK: Duration = Duration::from_mins(1);

#[test]
fn an_explainer_that_ends_its_process_is_one_line_and_the_others_answer() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let bad = [
        ("aborts", "signal 6"),
        ("crashes", "signal 11"),
        ("exits", "exit"),
        ("exits-with-1", "1"),
        ("leaves", "exit"),
        ("terminates", "signal 15"),
        ("gives-and-crashes", "signal 11"),
        ("overflows", "stack"),
        ("closes", ""),
        ("floods", ""),
    ];
    let mut asked: Vec<&str> = bad.iter().map(|(id, _)| *id).collect();
    asked.insert(3, "fine");
    asked.insert(0, "grad-cam");
    asked.push("cam");
    let ended = render(&home, &library, &asked).limit(QUICK).go().code(3);
    each_is_one_line(&ended, &bad, &["grad-cam", "fine", "cam"]);
    assert_eq!(ended.stderr.lines().count(), 2 * bad.len(), "{}", ended.stderr);
    nobody_is_left(&library);
}

#[test]
fn an_explainer_that_says_what_cannot_be_is_one_line_and_the_others_answer() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let bad = [
        ("nan", "2 of 4 values that are not finite numbers"),
        ("nothing", "without giving a map"),
        ("twice", "two maps"),
        ("absurd", "4294967295×4294967295"),
        ("lies", "signal 11"),
        ("garbles", "broken"),
        ("status-77", "77"),
    ];
    let mut asked: Vec<&str> = bad.iter().map(|(id, _)| *id).collect();
    asked.insert(4, "fine");
    asked.push("grad-cam");
    let ended = render(&home, &library, &asked).limit(QUICK).go().code(3);
    each_is_one_line(&ended, &bad, &["fine", "grad-cam"]);
    nobody_is_left(&library);
}

#[test]
fn an_explainer_that_leaves_something_behind_is_told_of_beside_its_map() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let told_of = [
        ("prints", "output"),
        ("moves", "directory"),
        ("handles", "SIGTERM"),
        ("blocks", "signals more"),
        ("lingers", "thread"),
        ("lingers-and-crashes", "signal 11"),
    ];
    let mut asked = vec!["reads"];
    asked.extend(told_of.iter().map(|(id, _)| *id));
    asked.extend(["fine", "grad-cam"]);
    let ended = render(&home, &library, &asked).limit(QUICK).go().code(3);
    each_is_one_line(&ended, &[], &asked);
    for (id, words) in told_of {
        let lines = told(&ended, id);
        assert_eq!(lines.len(), 2, "{id}: {}", ended.stderr);
        assert!(lines.iter().all(|line| line.contains("`misbehave") && line.contains(words)), "{lines:?}");
    }
    assert_eq!(ended.stderr.lines().count(), 2 * told_of.len(), "{}", ended.stderr);
    nobody_is_left(&library);
}

#[test]
fn a_process_that_an_explainer_starts_does_not_stay() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    // Where the system lets it start one at all.
    let ended =
        render(&home, &library, &["forks", "forks-away", "executes", "fine"]).limit(QUICK).go().code(3);
    each_is_one_line(&ended, &[("executes", "")], &["forks", "forks-away", "fine"]);
    nobody_is_left(&library);
}

#[test]
fn what_an_explainer_writes_into_its_views_reaches_nobody_else() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let values = |explainers: &[&str]| {
        let ended = render(&home, &library, explainers).args_of("--save-map maps").go();
        let maps = ["chelsea", "rocket"].map(|stem| {
            let names = home.names("maps");
            let of = |name: &&String| name.starts_with(stem) && !name.contains("tampers");
            fs::read(home.at("maps").join(names.iter().find(of).unwrap())).unwrap()
        });
        let told: Vec<Value> =
            results(&ended, "grad-cam").iter().map(|line| line["predictions"].clone()).collect();
        fs::remove_dir_all(home.at("maps")).unwrap();
        (maps, told)
    };
    let before = values(&["grad-cam"]);
    let after = values(&["tampers", "grad-cam"]);
    assert_eq!(before.1.len(), 2);
    assert_eq!(after, before);
    nobody_is_left(&library);
}

#[test]
fn memory_without_end_ends_at_its_limit() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    home.file("config/config.toml", "plugin_memory = 512\n");
    let ended = render(&home, &library, &["hoards", "hoards-politely", "fine", "grad-cam"]).go().code(3);
    each_is_one_line(&ended, &[("hoards", "memory"), ("hoards-politely", "memory")], &["fine", "grad-cam"]);
    nobody_is_left(&library);
}

#[test]
fn an_explainer_that_never_ends_is_ended() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    home.file("config/config.toml", "plugin_timeout = 1\n");
    let bad = [("loops", "plugin_timeout"), ("sleeps", "plugin_timeout"), ("stops", "plugin_timeout")];
    let ended = render(&home, &library, &["loops", "sleeps", "fine", "stops", "grad-cam"]).go().code(3);
    each_is_one_line(&ended, &bad, &["fine", "grad-cam"]);
    nobody_is_left(&library);
}

/// Starts a run in which `explainer` never ends, and waits until it is at it.
fn at_work(home: &Home, library: &Path, explainer: &str) -> std::process::Child {
    let mut command = render(home, library, &[explainer, "fine"]).command;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    computes(library);
    child
}

#[test]
fn ctrl_c_ends_a_run_and_what_it_started_however_deaf() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    for explainer in ["loops", "chatters", "shouts"] {
        let mut child = at_work(&home, &library, explainer);
        let asked = Instant::now();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let status = wait(&mut child, Duration::from_secs(20));
        assert_eq!(status.code(), Some(130), "{explainer}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{explainer}: {:?}", asked.elapsed());
        nobody_is_left(&library);
    }
}

#[test]
fn the_terminals_ctrl_c_is_the_programs_affair() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let run = render(&home, &library, &["loops", "fine"]);
    let mut session = Terminal::new(PLAIN).controlling().start(run, Streams::All);
    computes(&library);
    // The terminal sends it to everybody who belongs to it.
    session.types("\x03");
    let ended = session.end().code(130);
    assert!(!ended.text().contains("ended in"), "{}", ended.text());
    nobody_is_left(&library);
}

#[test]
fn in_rust_a_panic_anywhere_and_an_abort_are_one_line_each() {
    let home = Home::new();
    let library = plugin("misbehaves");
    let bad = [
        ("bursts", "out of luck"),
        ("bursts-elsewhere", "a thread of its own burst"),
        ("bursts-twice", "signal 6"),
        ("gives-up", "signal 6"),
        ("fails", "the moon is in the wrong quarter"),
    ];
    let mut asked: Vec<&str> = bad.iter().map(|(id, _)| *id).collect();
    asked.extend(["fine", "grad-cam"]);
    let ended = render(&home, &library, &asked).limit(QUICK).go().code(3);
    each_is_one_line(&ended, &bad, &["fine", "grad-cam"]);
}

#[test]
fn in_process_nobody_else_is_asked() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let ended =
        render(&home, &library, &["fine", "garbles"]).args_of("--in-process").limit(QUICK).go().code(3);
    each_is_one_line(&ended, &[("garbles", "broken")], &["fine"]);
    // There what ends its process ends the program: that is what one who debugs it wants.
    let ended = render(&home, &library, &["exits-with-1"]).args_of("--in-process").limit(QUICK).go();
    assert_eq!((ended.code, ended.text().as_str()), (Some(1), ""));
}

#[test]
fn the_end_of_the_program_is_the_end_of_what_it_started() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    for explainer in ["loops", "chatters"] {
        let mut child = at_work(&home, &library, explainer);
        child.kill().unwrap();
        child.wait().unwrap();
        nobody_is_left(&library);
    }
}

#[test]
fn an_explainer_cannot_kill_the_program() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    // With seccomp, which is told of here; a kernel without it cannot keep a plugin from sending signals.
    let known = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    if !known || !fs::read_to_string("/proc/self/status").unwrap().contains("Seccomp:") {
        return println!("skipped: this system has no seccomp that camtui knows");
    }
    let ended = render(&home, &library, &["kills", "fine", "grad-cam"]).limit(QUICK).go().code(3);
    each_is_one_line(&ended, &[("kills", "it may not send signals")], &["fine", "grad-cam"]);
    nobody_is_left(&library);
}

#[test]
fn a_library_that_misbehaves_before_it_is_asked_costs_itself_only() {
    let home = Home::new();
    let named = home.at("libearly.so");
    for (definition, words) in [
        ("LOADED=crash()", "signal 11"),
        ("LOADED=exit(0)", "exit"),
        ("LOADED=spin()", "plugin_timeout"),
        ("INITIALISED=abort()", "signal 6"),
        ("INITIALISED=close(100)", ""),
        ("DESCRIBED=crash()", "signal 11"),
        ("DESCRIBED=sleep_on()", "plugin_timeout"),
        ("DESCRIBED=return NULL", "description"),
    ] {
        let Some(()) = c_plugin("misbehave", &[definition], &named) else { return };
        home.file("config/config.toml", "plugin_timeout = 1\n");
        // Asked for by name, it is an error: one line, and no picture is begun.
        let asked =
            home.render([example("chelsea.png")]).arg("--plugin").arg(&named).args_of("-e grad-cam --json");
        let ended = asked.limit(QUICK).go().code(3).says("libearly.so").says(words);
        assert_eq!((ended.stderr.lines().count(), ended.text().as_str()), (1, ""), "{definition}");
        // Found in a folder, it is a notice, and the bundled explainers work.
        let found = home.render([example("chelsea.png")]).args_of("-e grad-cam --json");
        let folder = home.file("found/libearly.so", fs::read(&named).unwrap()).parent().unwrap().to_owned();
        let ended =
            found.env("CAMTUI_PLUGIN_PATH", folder).limit(QUICK).go().code(0).says("libearly.so").says(words);
        assert_eq!((ended.stderr.lines().count(), results(&ended, "grad-cam").len()), (1, 1), "{definition}");
        nobody_is_left(&named);
        nobody_is_left(&home.at("found/libearly.so"));
    }
}
