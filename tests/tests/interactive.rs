//! `camtui` without `--render`, as a person at a terminal sees it: pictures, classes, help, and a terminal that is given
//! back however the session ends (every session checks the attributes).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use camtui_tests::program::example;
use camtui_tests::session::given_back;
use camtui_tests::terminal::{KITTY, PLAIN, REQUESTS, SILENT, SIXEL, Screen, Script, Session, Streams};
use camtui_tests::{Ended, Home};
use rustix::process::Signal;

fn start(home: &Home, script: Script, words: &str) -> Session {
    let run = home.camtui(["-m", "efficientnet-lite0", example("").to_str().unwrap()]).args_of(words);
    Session::start(run, script, Streams::All)
}

/// Waits for the end and looks at what the terminal is left as, after everything had been taken.
fn ended(session: Session) -> Ended {
    let ended = session.end_with(given_back);
    let text = ended.text();
    for taken in ["\x1b[?1049h", "\x1b[?25l", "\x1b[?1002h", "\x1b[?2004h"] {
        assert!(text.contains(taken), "{taken:?} never came");
    }
    ended
}

/// Waits for the first picture with its map.
fn first(session: &Session) {
    session.wait_for("chelsea.png");
    session.wait_for("Egyptian cat 79.1 %");
    session.wait_until("on the alternate screen without a cursor", |screen| {
        screen.alternate_screen() && screen.hide_cursor()
    });
}

#[test]
fn pictures_and_classes_are_gone_through_by_keys() {
    let home = Home::new();
    let mut session = start(&home, PLAIN, "");
    first(&session);
    session.wait_for("1/2");
    session.wait_until("a picture of blocks", |screen| screen.contents().contains(['▄', '▀']));
    session.types("j");
    session.wait_for("rocket.jpg");
    session.wait_for("drilling platform 43.1 %");
    session.wait_for("2/2");
    session.types("k");
    first(&session);
    // The next picture is marked and explained.
    session.types("n");
    session.wait_for("tiger cat 8.8 %");
    session.wait_for("▶ tiger cat");
    session.types("N");
    session.wait_for("▶ Egyptian cat");
    session.types("q");
    ended(session).code(0);
}

#[test]
fn help_opens_and_escape_closes_it_and_never_quits() {
    let home = Home::new();
    let mut session = start(&home, PLAIN, "");
    first(&session);
    session.types("?");
    session.wait_for("next picture");
    session.types("\x1b");
    session.wait_until("the help closed", |screen| !screen.contents().contains("next picture"));
    session.types("\x1b");
    // Together they would be Alt-?.
    std::thread::sleep(Duration::from_millis(200));
    session.types("?");
    session.wait_for("next picture");
    assert!(session.runs());
    // Leaves the help, and only then the session.
    session.types("q");
    session.wait_until("the help closed again", |screen| !screen.contents().contains("next picture"));
    session.types("q");
    ended(session).code(0);
}

#[test]
fn signals_give_the_terminal_back() {
    let home = Home::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let session = start(&home, PLAIN, "");
        first(&session);
        session.signal(signal);
        ended(session).code(code);
    }
}

#[test]
fn control_c_is_130() {
    let home = Home::new();
    let mut session = start(&home, PLAIN, "");
    first(&session);
    session.types("\x03");
    ended(session).code(130);
}

#[test]
fn keys_typed_before_the_first_picture_are_heard() {
    let home = Home::new();
    let mut session = start(&home, PLAIN, "");
    session.wait_until("on the alternate screen", Screen::alternate_screen);
    session.types("q");
    ended(session).code(0);
}

#[test]
fn each_terminal_gets_the_pictures_it_knows() {
    let home = Home::new();
    for (script, mark) in [(KITTY, "\x1b_G"), (SIXEL, "\x1bP"), (PLAIN, "▀"), (SILENT, "▀")] {
        let mut session = start(&home, script, "");
        first(&session);
        session.wait_for("grad-cam");
        session.wait_for_bytes(mark);
        session.types("q");
        let ended = ended(session).code(0);
        if mark == "\x1b_G" {
            assert!(ended.text().rfind("\x1b_Ga=d").is_some(), "kitty's pictures are still there");
        }
    }
    let mut session = start(&home, KITTY, "--protocol blocks");
    first(&session);
    session.types("q");
    let text = session.end().code(0).text();
    assert!(REQUESTS.iter().all(|request| !text.contains(request)), "nothing is asked");
}

#[test]
fn another_size_is_another_layout() {
    let home = Home::new();
    let mut session = start(&home, PLAIN, "");
    first(&session);
    session.resize(30, 8);
    session.wait_for("press q to quit");
    session.resize(100, 30);
    session.wait_until("laid out again", |screen| {
        let text = screen.contents();
        !text.contains("press q to quit") && text.contains("Egyptian cat")
    });
    session.types("q");
    ended(session).code(0);
}

#[test]
fn a_bad_picture_is_a_red_line_and_the_next_one_is_shown() {
    let home = Home::new();
    let bad = home.file("a_bad.jpg", "no picture");
    let run = home.camtui(["-m", "efficientnet-lite0"]).arg(bad).arg(example("chelsea.png"));
    let mut session = Session::start(run, PLAIN, Streams::All);
    session.wait_for("1/2");
    session.wait_until("an error", |screen| screen.contents().matches("a_bad.jpg").count() > 1);
    session.types("j");
    first(&session);
    session.types("q");
    ended(session).code(0);
}

#[test]
fn without_a_terminal_there_is_no_session_but_a_sentence() {
    let home = Home::new();
    let ended = home.camtui([example("")]).go();
    assert!(matches!(ended.code, Some(1 | 2)), "{:?}: {}", ended.code, ended.stderr);
    assert!(ended.stderr.contains("--render") && ended.stdout.is_empty(), "{}", ended.stderr);
}

#[test]
fn a_missing_picture_is_told_and_q_quits_all_the_same() {
    let home = Home::new();
    let mut session = Session::start(home.camtui(["missing.png"]), PLAIN, Streams::All);
    session.wait_until("told", |screen| screen.contents().matches("missing.png").count() > 1);
    session.types("q");
    ended(session).code(0);
}
