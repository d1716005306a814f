//! The session's pictures on each kind of terminal: drawn as it knows them, exactly those held that are shown, whatever is
//! opened, closed, compared, suspended or taken away.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use camtui_tests::Home;
use camtui_tests::emulator::Emulator;
use camtui_tests::session::{
    another, first, given_back, gone, look, only_what_is_shown, quit, run, says, start, start_wide, whole,
};
use camtui_tests::terminal::{FILES, KITTY, PLAIN, SILENT, SIXEL, Script, Session, Streams};
use rustix::process::Signal;

/// How many of the screen's characters are among these.
fn count(emulator: &Emulator, wanted: impl Fn(char) -> bool) -> usize {
    emulator.screen().contents().chars().filter(|&letter| wanted(letter)).count()
}

fn start_with(home: &Home, script: Script, words: &str) -> Session {
    Session::start(run(home).args_of(words), script, Streams::All)
}

#[test]
fn a_terminal_that_reads_files_gets_files_that_go_with_their_pictures() {
    let home = Home::new();
    let mut session = start_wide(run(&home), FILES);
    let cat = another(&session, look::FIRST, &BTreeSet::new());
    session.types(look::NEXT_CLASS);
    let tiger = another(&session, (look::FIRST.0, look::OTHER_CLASS), &cat);
    session.types(look::NEXT_PICTURE);
    another(&session, look::SECOND, &tiger);
    // The folder is told apart by the process that made the files in it: it is open to nobody else and gone at the end.
    let text = String::from_utf8_lossy(&session.since(session.start_mark())).into_owned();
    let paths: Vec<String> = text.split(",t=f,f=32,").skip(1).map(named_file).collect();
    assert!(paths.len() >= 3, "{} pictures came as files", paths.len());
    assert!(paths.iter().any(|path| fs::exists(path).unwrap()), "the one on screen has its file");
    assert!(!fs::exists(&paths[0]).unwrap(), "the first one's file is gone");
    let folder = std::path::Path::new(&paths[0]).parent().unwrap().to_owned();
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&folder).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    quit(session);
    assert!(!folder.exists(), "{} is left", folder.display());
}

/// The path in the payload of an escape whose keys were cut off before the size.
fn named_file(rest: &str) -> String {
    use base64::Engine as _;
    let payload = rest.split_once(';').unwrap().1.split('\x1b').next().unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(payload).unwrap()).unwrap()
}

#[test]
fn iterm2_gets_inline_pictures() {
    let home = Home::new();
    let run = run(&home).env("TERM_PROGRAM", "iTerm.app");
    let mut session = Session::start(run, PLAIN, Streams::All);
    session.wait_until_it("an inline picture", |emulator| {
        says(emulator, look::FIRST) && !emulator.inlines().is_empty()
    });
    let before = session.emulator().inlines().len();
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("another one", |emulator| {
        says(emulator, look::SECOND) && emulator.inlines().len() > before
    });
    // Help covers the picture, which must come back when it goes.
    let before = session.emulator().inlines().len();
    session.types("?");
    session.wait_for("previous picture");
    session.types("?");
    gone(&session, "previous picture");
    session.wait_until_it("the picture again", |emulator| emulator.inlines().len() > before);
    let text = quit(session).text();
    assert!(!text.contains("\x1b_Ga=T") && !text.contains('▀'));
}

#[test]
fn each_style_of_cells_can_be_asked_for() {
    let home = Home::new();
    let block = |letter: char| ('\u{2580}'..='\u{259f}').contains(&letter);
    let half = |letter: char| matches!(letter, '▀' | '▄' | '█');
    let quadrant = move |letter: char| block(letter) && !half(letter);
    let sextant = |letter: char| ('\u{1fb00}'..='\u{1fb3b}').contains(&letter);
    let styles: [(&str, &dyn Fn(char) -> bool); 3] =
        [("halfblocks", &half), ("quadrants", &quadrant), ("sextants", &sextant)];
    for (name, wanted) in styles {
        let session = start_with(&home, KITTY, &format!("--protocol {name}"));
        session.wait_until_it(name, |emulator| says(emulator, look::FIRST) && count(emulator, wanted) > 100);
        let text = quit(session).text();
        assert!(!text.contains("\x1b_G") && !text.contains("\x1bP"), "{name}: pixels came");
    }
    // Letters: the densest and the thinnest, and no colour for them.
    let session = start_with(&home, KITTY, "--protocol ascii");
    session.wait_until_it("letters", |emulator| {
        says(emulator, look::FIRST) && count(emulator, |letter| "@%#*+=-:.".contains(letter)) > 300
    });
    assert_eq!(count(&session.emulator(), |letter| "▀▄".contains(letter)), 0, "blocks among the letters");
    quit(session);
}

#[test]
fn without_colour_there_are_letters_and_no_colours() {
    let home = Home::new();
    let session = Session::start(run(&home).env("NO_COLOR", "1"), KITTY, Streams::All);
    session.wait_until_it("letters", |emulator| {
        says(emulator, look::FIRST) && count(emulator, |letter| "@%#*+=-:.".contains(letter)) > 300
    });
    let text = quit(session).text();
    for colour in ["\x1b[38;", "\x1b[48;", "\x1b[31m", ";38;2;", ";48;2;", "\x1b_Gq"] {
        assert!(!text.contains(colour), "{colour:?} came");
    }
}

#[test]
fn a_terminal_without_pictures_or_colour_is_still_a_workspace() {
    let home = Home::new();
    let mut session = Session::start(run(&home).env("TERM", "dumb"), SILENT, Streams::All);
    session.wait_until_it("words", |emulator| says(emulator, look::FIRST));
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("the next words", |emulator| says(emulator, look::SECOND));
    let text = quit(session).text();
    assert!(
        !text.contains("\x1b_G") && !text.contains("\x1bP") && !text.contains("\x1b]11"),
        "it was asked or drawn on"
    );
}

#[test]
fn tiles_are_held_while_they_are_compared_and_not_longer() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    another(&session, look::FIRST, &BTreeSet::new());
    session.types("c");
    session.wait_until_it("eight tiles", |emulator| {
        // Two thumbnails of the list are there as well.
        only_what_is_shown(emulator) && emulator.shown().len() >= 8 + 2
    });
    let tiles = whole(&session.emulator()).unwrap();
    // The last tile, and the first again: nothing is sent anew for a cursor.
    let events = session.emulator().graphics().events().len();
    session.types("N");
    session.wait_until("the last tile", |screen| {
        screen.contents().lines().any(|line| line.matches('▶').count() == 1 && line.contains("· features"))
    });
    assert_eq!(session.emulator().graphics().events().len(), events, "a cursor costs no picture");
    session.types("\x1b");
    session.wait_until_it("one picture and two thumbnails", |emulator| {
        only_what_is_shown(emulator)
            && whole(emulator).is_some_and(|now| now.len() == 3 && tiles.difference(&now).count() >= 8)
    });
    quit(session);
}

#[test]
fn leaving_in_the_middle_of_a_comparison_leaves_nothing() {
    let home = Home::new();
    for script in [KITTY, FILES, SIXEL] {
        let mut session = start_wide(run(&home), script);
        first(&session);
        session.types("c");
        session.wait_for("comparing");
        quit(session);
    }
}

#[test]
fn thumbnails_come_and_go_with_the_list() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.wait_until_it("the picture and two small ones", |emulator| {
        only_what_is_shown(emulator) && emulator.shown().len() == 3
    });
    session.types("b");
    session.wait_until_it("the picture alone", |emulator| {
        only_what_is_shown(emulator) && emulator.shown().len() == 1
    });
    session.types("b");
    session
        .wait_until_it("all three", |emulator| only_what_is_shown(emulator) && emulator.shown().len() == 3);
    quit(session);
}

#[test]
fn pictures_come_back_from_under_what_covered_them() {
    let home = Home::new();
    for (script, wide) in [(KITTY, true), (KITTY, false), (FILES, true)] {
        let mut session = if wide { start_wide(run(&home), script) } else { start(&home, script) };
        first(&session);
        session.wait_until_it("whole pictures", only_what_is_shown);
        session.wait_for_rest(Duration::from_millis(200));
        let (events, before) = {
            let emulator = session.emulator();
            (emulator.graphics().events().len(), emulator.shown())
        };
        for (open, words, close) in [
            ("?", "previous picture", "\x1b"),
            (":", "┌ commands", "\x1b"),
            ("e", "hires-cam", "\x1b"),
            ("f", "save to", "\x1b"),
        ] {
            session.types(open);
            session.wait_for(words);
            session.types(close);
            gone(&session, "Esc close");
            session.wait_until_it("the same pictures", |emulator| emulator.shown() == before);
        }
        // Placeholders are cells: what lay over them is taken away, and no picture is sent for it.
        assert_eq!(session.emulator().graphics().events().len(), events);
        quit(session);
    }
}

#[test]
fn a_suspended_session_gives_the_terminal_back_and_draws_all_anew() {
    let home = Home::new();
    for script in [KITTY, FILES, SIXEL, PLAIN] {
        let mut session = start_wide(run(&home), script);
        first(&session);
        session.wait_for_rest(Duration::from_millis(200));
        let before = {
            let emulator = session.emulator();
            (emulator.shown(), emulator.sixels().len())
        };
        session.types("\x1a");
        session.wait_until_stopped();
        session.wait_until_it("the shell's screen, nothing held", |emulator| {
            let screen = emulator.screen();
            !screen.alternate_screen() && !screen.hide_cursor() && emulator.graphics().pictures().is_empty()
        });
        let mark = session.mark();
        session.signal(Signal::CONT);
        session.wait_until_it("the session as it was", |emulator| {
            says(emulator, look::FIRST)
                && emulator.screen().alternate_screen()
                && emulator.shown().len() == before.0.len()
                && (before.0.is_empty() || only_what_is_shown(emulator))
                && (before.1 == 0 || emulator.sixels().len() > before.1)
        });
        let again = String::from_utf8_lossy(&session.since(mark)).into_owned();
        assert!(again.contains("\x1b[c"), "the terminal is asked again: it may be another one");
        session.types(look::NEXT_PICTURE);
        session.wait_until_it("keys are heard", |emulator| says(emulator, look::SECOND));
        quit(session);
    }
}

/// Waits until the program computes nothing any more, whatever it may still want to write.
fn comes_to_rest(session: &Session) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let spent = || session.process().cpu().unwrap();
    let (mut before, mut since) = (spent(), Instant::now());
    while since.elapsed() < Duration::from_millis(300) {
        assert!(Instant::now() < deadline, "it never comes to rest");
        std::thread::sleep(Duration::from_millis(10));
        if spent() > before {
            (before, since) = (spent(), Instant::now());
        }
    }
}

#[test]
fn a_terminal_that_stops_reading_holds_nobody_up() {
    let home = Home::new();
    let mut session = start(&home, KITTY);
    another(&session, look::FIRST, &BTreeSet::new());
    session.stops_reading();
    // More than a line holds; the session must still hear that it is to end.
    for _ in 0..4 {
        session.types(look::NEXT_PICTURE);
        session.types(look::NEXT_CLASS);
    }
    // Once a frame is stuck half way.
    comes_to_rest(&session);
    session.signal(Signal::TERM);
    session.ends_within(Duration::from_secs(2));
    session.reads_on();
    let ended = session.end_with(|emulator| {
        given_back(emulator);
        assert!(!emulator.graphics().is_unfinished(), "a picture is cut off in the middle");
    });
    ended.code(143);

    // One that goes on reading later has missed nothing that counts.
    let mut session = start(&home, KITTY);
    another(&session, look::FIRST, &BTreeSet::new());
    session.stops_reading();
    session.types(look::NEXT_CLASS);
    session.types(look::NEXT_PICTURE);
    session.reads_on();
    session
        .wait_until_it("the latest", |emulator| says(emulator, look::SECOND) && only_what_is_shown(emulator));
    quit(session);
}
