//! The session as terminals see it: every picture is placed once and taken away when another one follows, nothing is
//! left behind, slow and broken lines do no harm, and a session that waits costs nothing.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use camtui_tests::Home;
use camtui_tests::emulator::Emulator;
use camtui_tests::program::example;
use camtui_tests::session::{another, look, quit, run, says, start, whole};
use camtui_tests::terminal::{FAR, KITTY, PLAIN, SILENT, SIXEL, SLOW, Session, Streams, Terminal};

#[test]
fn kitty_pictures_are_placed_once_and_taken_away() {
    let home = Home::new();
    let mut session = start(&home, KITTY);
    let cat = another(&session, look::FIRST, &BTreeSet::new());
    session.types(look::NEXT_CLASS);
    let tiger = another(&session, (look::FIRST.0, look::OTHER_CLASS), &cat);
    assert!(cat.is_disjoint(&tiger), "the old picture is another one's number now");
    session.types(look::NEXT_PICTURE);
    let rocket = another(&session, look::SECOND, &tiger);
    session.types(look::PREVIOUS_PICTURE);
    another(&session, look::FIRST, &rocket);
    quit(session);
}

#[test]
fn the_old_picture_stays_until_the_new_one_is_complete() {
    let home = Home::new();
    // Slowly enough to see what is there meanwhile.
    let mut session = start(&home, FAR);
    let cat = another(&session, look::FIRST, &BTreeSet::new());
    session.types(look::NEXT_CLASS);
    // Asked after each frame.
    session.wait_until_it("the other class", |emulator| {
        let now = whole(emulator).expect("there is always a whole picture");
        says(emulator, (look::FIRST.0, look::OTHER_CLASS)) && now != cat
    });
    quit(session);
}

#[test]
fn sixels_are_drawn_and_drawn_anew() {
    let home = Home::new();
    let mut session = start(&home, SIXEL);
    session.wait_until_it("sixels", |emulator| says(emulator, look::FIRST) && !emulator.sixels().is_empty());
    let before = session.emulator().sixels().len();
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("other sixels", |emulator| {
        says(emulator, look::SECOND) && emulator.sixels().len() > before
    });
    for drawn in session.emulator().sixels() {
        let (width, height) = drawn.size.expect("sixels say how large they are");
        // On 80×24 cells of 10×20 pixels, whole bands of six.
        let (right, bottom) = (u32::from(drawn.at.1) * 10 + width, u32::from(drawn.at.0) * 20 + height);
        assert!(right <= 800 && bottom < 480 + 6, "{drawn:?} leaves the screen");
    }
    let ended = quit(session);
    assert!(!ended.text().contains("\x1b_Ga=T"));
}

#[test]
fn sixels_leave_nothing_beside_a_narrower_picture() {
    let home = Home::new();
    let narrow = home.at("narrow.png");
    image::open(example("chelsea.png")).unwrap().crop_imm(100, 0, 100, 300).save(&narrow).unwrap();
    let run = home.camtui(["-m", "efficientnet-lite0"]).arg(example("chelsea.png")).arg(&narrow);
    let mut session = Session::start(run, SIXEL, Streams::All);
    session.wait_until_it("sixels", |emulator| says(emulator, look::FIRST) && !emulator.sixels().is_empty());
    let (before, mark) = (session.emulator().sixels().len(), session.mark());
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("other sixels", |emulator| {
        says(emulator, ("narrow.png", "2/2")) && emulator.sixels().len() > before
    });
    // Such pictures stay until the screen is cleared.
    let sent = String::from_utf8_lossy(&session.since(mark)).into_owned();
    let cleared = sent.find("\x1b[2J").expect("the old one is still beside it");
    assert!(cleared < sent.rfind("\x1bP").unwrap());
    quit(session);
}

#[test]
fn a_terminal_of_letters_gets_coloured_blocks() {
    let home = Home::new();
    for script in [PLAIN, SILENT] {
        let mut session = start(&home, script);
        let blocks = |emulator: &Emulator| emulator.screen().contents().matches(['▄', '▀']).count();
        session.wait_until_it("blocks", |emulator| says(emulator, look::FIRST) && blocks(emulator) > 200);
        session.types(look::NEXT_PICTURE);
        session.wait_until_it("others", |emulator| says(emulator, look::SECOND) && blocks(emulator) > 200);
        let text = quit(session).text();
        let drawn = text.split_once("\x1b[c").map_or(text.as_str(), |(_, after)| after);
        assert!(!drawn.contains("\x1b_G") && !drawn.contains("\x1bP"), "pixels for a terminal of letters");
    }
}

#[test]
fn a_slow_terminal_is_understood_and_answers_are_no_keys() {
    let home = Home::new();
    let mut session = start(&home, SLOW);
    let cat = another(&session, look::FIRST, &BTreeSet::new());
    session.types(look::NEXT_CLASS);
    another(&session, (look::FIRST.0, look::OTHER_CLASS), &cat);
    quit(session);
}

#[test]
fn keys_are_not_lost_on_a_slow_line() {
    let home = Home::new();
    let mut session = start(&home, FAR);
    another(&session, look::FIRST, &BTreeSet::new());
    // More than the line can show: only the last one has to be seen.
    for _ in 0..5 {
        session.types(look::NEXT_PICTURE);
        session.types(look::PREVIOUS_PICTURE);
    }
    session.types(look::NEXT_PICTURE);
    session
        .wait_until_it("the last one", |emulator| says(emulator, look::SECOND) && whole(emulator).is_some());
    quit(session);
}

#[test]
fn another_size_in_the_middle_of_a_draw_leaves_no_ghost() {
    let home = Home::new();
    let mut session = Terminal::new(FAR).size(90, 30).cell(10, 20).start(run(&home), Streams::All);
    let first = another(&session, look::FIRST, &BTreeSet::new());
    let mark = session.mark();
    session.types(look::NEXT_CLASS);
    // The picture has begun to come.
    let deadline = Instant::now() + Duration::from_secs(30);
    while session.count_since(mark) < 100_000 {
        assert!(Instant::now() < deadline, "no picture comes");
        std::thread::sleep(Duration::from_millis(2));
    }
    for (cols, rows) in [(60, 20), (120, 40), (70, 24)] {
        session.resize(cols, rows);
    }
    session.wait_until_it("a picture within the new size", |emulator| {
        let smaller = emulator.shown().iter().all(|shown| shown.of < 70 * 24);
        let one = emulator.graphics().pictures().len() == emulator.shown().len();
        one && smaller && whole(emulator).is_some_and(|now| now.is_disjoint(&first))
    });
    session.wait_for(look::OTHER_CLASS);
    // Too small for anything: no picture, and q is still heard.
    session.resize(20, 5);
    session.wait_until_it("no picture on so small a screen", |emulator| {
        emulator.shown().is_empty() && emulator.screen().contents().contains("20×5")
    });
    session.resize(80, 24);
    session.wait_until_it("the picture again", |emulator| {
        whole(emulator).is_some() && !emulator.screen().contents().contains(look::TOO_SMALL)
    });
    quit(session);
}

#[test]
fn a_terminal_that_disappears_takes_the_session_with_it() {
    let home = Home::new();
    for controlling in [true, false] {
        for script in [KITTY, FAR, PLAIN] {
            let terminal = Terminal::new(script);
            let terminal = if controlling { terminal.controlling() } else { terminal };
            let mut session = terminal.start(run(&home), Streams::All);
            session.wait_until_it("the first picture", |emulator| says(emulator, look::FIRST));
            // In the middle of something.
            session.types(look::NEXT_PICTURE);
            let before = session.process().cpu().unwrap();
            println!("controlling: {controlling}, {script:?}");
            session.disappear();
            let (status, cpu) = session.vanishes_within(Duration::from_secs(2));
            assert!(!status.success(), "it did not end of its own will: {status}");
            let spent = cpu.saturating_sub(before);
            assert!(spent < Duration::from_secs(1), "it has spun for {spent:?}");
        }
    }
}

#[test]
fn a_session_that_waits_costs_nothing() {
    let home = Home::new();
    for script in [KITTY, PLAIN] {
        let session = start(&home, script);
        session.wait_until_it("the first picture", |emulator| says(emulator, look::FIRST));
        session.wait_for_rest(Duration::from_secs(1));
        let (process, mark) = (session.process(), session.mark());
        let before = process.cpu().unwrap();
        std::thread::sleep(Duration::from_secs(3));
        let spent = process.cpu().unwrap().saturating_sub(before);
        assert!(spent <= Duration::from_millis(10), "{spent:?} in 3 s");
        assert_eq!(session.count_since(mark), 0, "{:?}", String::from_utf8_lossy(&session.since(mark)));
        quit(session);
    }
}

#[test]
fn a_long_session_keeps_no_threads_files_or_pictures() {
    let home = Home::new();
    let mut session = start(&home, KITTY);
    let mut shown = another(&session, look::FIRST, &BTreeSet::new());
    let mut there_and_back = |session: &mut Session| {
        session.types(look::NEXT_PICTURE);
        shown = another(session, look::SECOND, &shown);
        session.types(look::PREVIOUS_PICTURE);
        shown = another(session, look::FIRST, &shown);
        session.forget();
    };
    there_and_back(&mut session);
    session.wait_for_rest(Duration::from_millis(300));
    let process = session.process();
    let before = (process.threads().unwrap(), process.files().unwrap());
    for _ in 0..15 {
        there_and_back(&mut session);
    }
    session.wait_for_rest(Duration::from_millis(300));
    assert_eq!((process.threads().unwrap(), process.files().unwrap()), before, "threads and open files");
    quit(session);
}
