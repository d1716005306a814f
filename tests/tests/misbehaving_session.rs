//! Explainers that do what none may do, in the session: each is a red line, the next explainer answers at once after it, Esc
//! ends what does not end, and the terminal is given back as it was with no process left.
//!
//! `tests/plugins/misbehave.c` says what each of them does. `misbehaving.rs` does the same without a terminal.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use camtui_tests::misbehaving::{computes, library, nobody_is_left};
use camtui_tests::program::{c_plugin, example};
use camtui_tests::session::{first, given_back, gone, look, quit, run, says};
use camtui_tests::terminal::{KITTY, PLAIN, Screen, Script, Session, Streams, Terminal};
use camtui_tests::{Ended, Home};
use rustix::process::Signal;

/// What is on the screen beside the map of a good explainer.
const GOOD: &str = "Egyptian cat 79.1 % · grad-cam ·";

/// A session with the library, on a terminal that a plugin could open by name.
fn start(home: &Home, library: &Path, script: Script) -> Session {
    let run = run(home).args_of("-e grad-cam --plugin").arg(library);
    let session = Terminal::new(script).size(140, 40).controlling().start(run, Streams::All);
    first(&session);
    session.wait_for(GOOD);
    session
}

/// Chooses an explainer from the list.
fn choose(session: &mut Session, id: &str) {
    session.types("e");
    session.wait_for("┌ explainer");
    session.types(&format!("{id}\r"));
    gone(session, "┌ explainer");
}

/// What is written in red, a line after the other.
fn red(screen: &Screen) -> String {
    let (rows, cols) = screen.size();
    let mut text = String::new();
    for row in 0..rows {
        for col in 0..cols {
            let Some(cell) = screen.cell(row, col) else { continue };
            let is_red = match cell.fgcolor() {
                vt100::Color::Idx(index) => index == 1 || index == 9,
                vt100::Color::Rgb(r, g, b) => r > 150 && r / 3 * 2 > g && r / 3 * 2 > b,
                vt100::Color::Default => false,
            };
            // Neither blocks nor the places of pictures.
            let letters = cell.contents().chars().all(|c| c < '\u{2500}' || c == '…');
            if is_red && letters {
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
            }
        }
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits for a red line with these words.
fn told(session: &Session, words: &[&str]) {
    session.wait_until(&format!("{words:?} in red"), |screen| {
        let red = red(screen);
        words.iter().all(|word| red.contains(word))
    });
}

/// Goes back to the good explainer, whose map must be there at once, with nothing red left.
fn recovers(session: &mut Session, after: &str) {
    let asked = Instant::now();
    choose(session, "grad-cam");
    session.wait_until(&format!("Grad-CAM after {after}"), |screen| {
        screen.contents().contains(GOOD) && !red(screen).contains(after)
    });
    assert!(asked.elapsed() < Duration::from_secs(10), "{after}: {:?}", asked.elapsed());
}

/// Leaves, and looks at what is left: nothing in the terminal, and nobody who has the library loaded.
fn leave(session: Session, library: &Path) -> Ended {
    let ended = quit(session);
    nobody_is_left(library);
    ended
}

#[test]
fn an_explainer_that_ends_its_process_is_a_red_line_and_the_next_one_answers() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let mut session = start(&home, &library, KITTY);
    for (id, words) in [
        ("aborts", "signal 6"),
        ("crashes", "signal 11"),
        ("exits", "exit"),
        ("leaves", "exit"),
        ("overflows", "stack"),
        ("closes", ""),
        ("floods", ""),
        ("gives-and-crashes", "signal 11"),
        ("lies", "signal 11"),
    ] {
        choose(&mut session, id);
        told(&session, &["misbehave", id, words]);
        recovers(&mut session, id);
    }
    // The other picture, asked of one that crashes and of one that does not.
    choose(&mut session, "crashes");
    told(&session, &["crashes"]);
    session.types(look::NEXT_PICTURE);
    session.wait_for("2/2");
    told(&session, &["crashes"]);
    choose(&mut session, "fine");
    session.wait_until_it("the second picture", |emulator| {
        says(emulator, look::SECOND) && emulator.screen().contents().contains("· fine ·")
    });
    leave(session, &library);
}

#[test]
fn an_explainer_that_says_what_cannot_be_is_a_red_line() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let mut session = start(&home, &library, PLAIN);
    for (id, words) in [
        ("nan", "not finite"),
        ("nothing", "without giving a map"),
        ("twice", "two maps"),
        ("absurd", "4294967295"),
        ("garbles", "broken"),
        ("status-77", "77"),
    ] {
        choose(&mut session, id);
        told(&session, &[id, words]);
        recovers(&mut session, id);
    }
    let text = leave(session, &library).text();
    assert!(!text.contains("\x1b]0;") && !text.contains('\u{202e}'), "what it said came raw");
}

#[test]
fn what_an_explainer_leaves_behind_is_told_beside_its_map_and_the_screen_is_not_touched() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let mut session = start(&home, &library, PLAIN);
    for (id, words) in [
        ("prints", "output"),
        ("moves", "directory"),
        ("handles", "SIGTERM"),
        ("blocks", "signals more"),
        ("lingers", "thread"),
        ("lingers-and-crashes", "signal 11"),
    ] {
        choose(&mut session, id);
        session.wait_for(&format!("Egyptian cat 79.1 % · {id} ·"));
        told(&session, &["misbehave", words]);
        recovers(&mut session, words);
    }
    for id in ["scribbles", "reads", "forks", "forks-away", "tampers", "fine"] {
        choose(&mut session, id);
        session.wait_until(&format!("{id} or what became of it"), |screen| {
            screen.contents().contains(&format!("Egyptian cat 79.1 % · {id} ·")) || red(screen).contains(id)
        });
        recovers(&mut session, id);
    }
    let text = leave(session, &library).text();
    assert!(
        !text.contains("\x1b[2JSCRIBBLED") && !text.contains("SCRIBBLED\x07"),
        "it wrote on the terminal"
    );
}

#[test]
fn esc_ends_what_does_not_end() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let mut session = start(&home, &library, PLAIN);
    for id in ["loops", "chatters", "shouts", "stops", "sleeps"] {
        choose(&mut session, id);
        session.wait_for("computing …");
        if ["loops", "chatters", "shouts"].contains(&id) {
            computes(&library);
        }
        let asked = Instant::now();
        session.types("\x1b");
        session.wait_for("cancelled");
        gone(&session, "computing …");
        assert!(asked.elapsed() < Duration::from_secs(1), "{id}: {:?}", asked.elapsed());
        recovers(&mut session, id);
        nobody_is_left(&library);
    }
    leave(session, &library);
}

#[test]
fn what_does_not_end_by_itself_and_what_takes_all_memory_is_ended() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    home.file("config/config.toml", "plugin_timeout = 1\nplugin_memory = 512\n");
    let mut session = start(&home, &library, PLAIN);
    for (id, words) in [("loops", "plugin_timeout"), ("stops", "plugin_timeout"), ("hoards", "memory")] {
        choose(&mut session, id);
        told(&session, &["misbehave", id, words]);
        recovers(&mut session, id);
    }
    leave(session, &library);
}

#[test]
fn a_session_that_ends_in_the_middle_takes_everything_with_it() {
    let home = Home::new();
    let Some(library) = library(&home) else { return };
    let busy = || {
        let mut session = start(&home, &library, KITTY);
        choose(&mut session, "chatters");
        session.wait_for("computing …");
        computes(&library);
        session
    };
    leave(busy(), &library);
    let session = busy();
    session.signal(Signal::TERM);
    session.end_with(given_back).code(143);
    nobody_is_left(&library);
    let session = busy();
    session.signal(Signal::KILL);
    drop(session);
    nobody_is_left(&library);
    let mut session = busy();
    session.disappear();
    session.vanishes_within(Duration::from_secs(5));
    nobody_is_left(&library);
}

#[test]
fn a_library_that_crashes_when_it_is_loaded_costs_a_notice_or_a_sentence() {
    let home = Home::new();
    let named = home.at("libearly.so");
    let Some(()) = c_plugin("misbehave", &["LOADED=crash()"], &named) else { return };
    let folder = home.file("found/libearly.so", fs::read(&named).unwrap()).parent().unwrap().to_owned();
    let run_ = run(&home).env("CAMTUI_PLUGIN_PATH", folder);
    let session = Terminal::new(PLAIN).size(120, 40).start(run_, Streams::All);
    first(&session);
    session.wait_for(GOOD);
    quit(session);
    let asked =
        home.camtui(["-m", "efficientnet-lite0"]).arg(example("chelsea.png")).arg("--plugin").arg(&named);
    let session = Terminal::new(PLAIN).size(120, 40).start(asked, Streams::All);
    let ended = session.end_with(given_back).code(3);
    assert!(ended.text().contains("libearly.so") && ended.text().contains("signal 11"), "{}", ended.text());
    nobody_is_left(&named);
}
