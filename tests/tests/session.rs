//! The session as terminals see it: every picture is placed once and taken away when another one follows, nothing is
//! left behind, slow and broken lines do no harm, and a session that waits costs nothing.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use camtui_tests::emulator::{Emulator, Shown};
use camtui_tests::kitty::Event;
use camtui_tests::program::example;
use camtui_tests::terminal::{FAR, KITTY, PLAIN, SILENT, SIXEL, SLOW, Script, Session, Streams, Terminal};
use camtui_tests::{Ended, Home, Run};

/// What is on the screen and which keys do what: all that these tests know of it.
mod look {
    /// The first picture with its most likely class, and the second one.
    pub const FIRST: (&str, &str) = ("chelsea.png", "Egyptian cat 79.1 %");
    pub const SECOND: (&str, &str) = ("rocket.jpg", "drilling platform 43.1 %");
    /// The first picture's second class.
    pub const OTHER_CLASS: &str = "tiger cat 8.8 %";
    pub const NEXT_PICTURE: &str = "j";
    pub const PREVIOUS_PICTURE: &str = "k";
    pub const NEXT_CLASS: &str = "n";
    pub const QUIT: &str = "q";
    /// What a terminal is told that is too small.
    pub const TOO_SMALL: &str = "Enlarge it";
}

fn run(home: &Home) -> Run {
    home.camtui(["-m", "efficientnet-lite0", example("").to_str().unwrap()])
}

fn start(home: &Home, script: Script) -> Session {
    Session::start(run(home), script, Streams::All)
}

fn says(emulator: &Emulator, (name, class): (&str, &str)) -> bool {
    let text = emulator.screen().contents();
    text.contains(name) && text.contains(class)
}

/// The kitty pictures on the screen, if there are any and each is there whole and once.
fn whole(emulator: &Emulator) -> Option<BTreeSet<u32>> {
    let shown = emulator.shown();
    let complete = !shown.is_empty() && shown.iter().all(Shown::is_whole);
    complete.then(|| shown.iter().map(|picture| picture.picture).collect())
}

/// Waits for these words with pictures that were not shown `before`; says which.
fn another(session: &Session, words: (&str, &str), before: &BTreeSet<u32>) -> BTreeSet<u32> {
    session.wait_until_it(&format!("{words:?} with a picture of its own"), |emulator| {
        says(emulator, words)
            && whole(emulator).is_some_and(|now| !now.is_empty() && now != *before)
            && emulator.graphics().pictures().len() == emulator.shown().len()
    });
    whole(&session.emulator()).unwrap()
}

/// What must hold of every session on a kitty terminal that has ended.
fn nothing_is_left(emulator: &Emulator) {
    let graphics = emulator.graphics();
    assert_eq!(graphics.faults(), [] as [String; 0]);
    assert!(graphics.pictures().is_empty(), "left: {:?}", graphics.pictures().keys());
    assert!(graphics.placements().is_empty() && !graphics.is_unfinished());
    let placed = graphics.events().iter().filter(|event| matches!(event, Event::Placed(_))).count();
    let mut sent: Vec<u32> = graphics
        .events()
        .iter()
        .filter_map(|event| if let Event::Transmitted(picture, _) = event { Some(*picture) } else { None })
        .collect();
    let all = sent.len();
    assert_eq!(placed, all, "each picture is placed once");
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(sent.len(), all, "no picture is sent twice");
    assert!(!emulator.screen().alternate_screen() && !emulator.screen().hide_cursor());
    assert!(!emulator.in_frame());
}

fn quit(mut session: Session) -> Ended {
    session.types(look::QUIT);
    session.end_with(nothing_is_left).code(0)
}

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
