//! What tests of the interactive session share: which words and keys it has, how its pictures are waited for, and what must
//! hold of the terminal when it has ended.

use std::collections::BTreeSet;

use crate::emulator::{Emulator, Shown};
use crate::kitty::Event;
use crate::program::example;
use crate::terminal::{Script, Session, Streams, Terminal};
use crate::{Ended, Home, Run};

/// What is on the screen and which keys do what: all that the tests know of it.
pub mod look {
    /// The first picture with its most likely class.
    pub const FIRST: (&str, &str) = ("chelsea.png", "Egyptian cat 79.1 %");
    /// The second one.
    pub const SECOND: (&str, &str) = ("rocket.jpg", "drilling platform 43.1 %");
    /// The first picture's second class.
    pub const OTHER_CLASS: &str = "tiger cat 8.8 %";
    /// The next picture of the list.
    pub const NEXT_PICTURE: &str = "j";
    /// The one before.
    pub const PREVIOUS_PICTURE: &str = "k";
    /// The next likely class.
    pub const NEXT_CLASS: &str = "n";
    /// Leave.
    pub const QUIT: &str = "q";
    /// What a terminal is told that is too small; any number of spaces may stand for each.
    pub const TOO_SMALL: &str = "press q to quit";
}

/// A session on the example pictures.
pub fn run(home: &Home) -> Run {
    home.camtui(["-m", "efficientnet-lite0", example("").to_str().unwrap()])
}

/// The same on a terminal of 80×24 cells.
pub fn start(home: &Home, script: Script) -> Session {
    Session::start(run(home), script, Streams::All)
}

/// The same on a terminal with room for the list of pictures.
pub fn start_wide(run: Run, script: Script) -> Session {
    Terminal::new(script).size(120, 40).start(run, Streams::All)
}

/// Whether the picture's name and its class are on the screen.
pub fn says(emulator: &Emulator, (name, class): (&str, &str)) -> bool {
    let text = emulator.screen().contents();
    text.contains(name) && text.contains(class)
}

/// Waits for the first picture with its map.
pub fn first(session: &Session) {
    session.wait_until_it("the first picture", |emulator| says(emulator, look::FIRST));
}

/// Waits until these words are no longer on the screen.
pub fn gone(session: &Session, words: &str) {
    session.wait_until(&format!("without {words:?}"), |screen| !screen.contents().contains(words));
}

/// The kitty pictures on the screen, if there are any and each is there whole and once.
pub fn whole(emulator: &Emulator) -> Option<BTreeSet<u32>> {
    let shown = emulator.shown();
    let complete = !shown.is_empty() && shown.iter().all(Shown::is_whole);
    complete.then(|| shown.iter().map(|picture| picture.picture).collect())
}

/// Whether the terminal holds what it shows and nothing else, each picture whole and once.
pub fn only_what_is_shown(emulator: &Emulator) -> bool {
    let held = emulator.graphics().pictures().len();
    whole(emulator).is_some_and(|shown| shown.len() == held)
}

/// Waits for these words with pictures that were not shown `before`; says which.
pub fn another(session: &Session, words: (&str, &str), before: &BTreeSet<u32>) -> BTreeSet<u32> {
    session.wait_until_it(&format!("{words:?} with a picture of its own"), |emulator| {
        says(emulator, words)
            && whole(emulator).is_some_and(|now| !now.is_empty() && now != *before)
            && emulator.graphics().pictures().len() == emulator.shown().len()
    });
    whole(&session.emulator()).unwrap()
}

/// What must hold of every session on a kitty terminal that has ended: each picture was placed once for each time that it
/// was sent, none was sent that the terminal held, and nothing is left.
pub fn nothing_is_left(emulator: &Emulator) {
    let graphics = emulator.graphics();
    assert_eq!(graphics.faults(), [] as [String; 0]);
    assert!(graphics.pictures().is_empty(), "left: {:?}", graphics.pictures().keys());
    assert!(graphics.placements().is_empty() && !graphics.is_unfinished());
    let mut held = BTreeSet::new();
    let mut placed = BTreeSet::new();
    for event in graphics.events() {
        match event {
            Event::Transmitted(picture, _) => assert!(held.insert(*picture), "{picture} is sent twice"),
            Event::Placed(picture) => assert!(placed.insert(*picture), "{picture} is placed twice"),
            Event::Freed(picture) => {
                assert!(placed.remove(picture), "{picture} was never placed");
                held.remove(picture);
            }
        }
    }
    given_back(emulator);
}

/// The terminal is as a shell wants it: its own screen with a cursor, plain letters, and a mouse that selects text.
pub fn given_back(emulator: &Emulator) {
    let screen = emulator.screen();
    assert!(!screen.alternate_screen(), "the alternate screen is still on");
    assert!(!screen.hide_cursor(), "the cursor is still hidden");
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert!(!screen.bracketed_paste(), "pasted text would come in brackets");
    let plain = (vt100::Color::Default, vt100::Color::Default);
    assert_eq!((screen.fgcolor(), screen.bgcolor()), plain);
    assert!(!screen.bold() && !screen.inverse() && !screen.underline());
    assert!(!emulator.in_frame());
}

/// Leaves, and looks at what the terminal then holds.
pub fn quit(mut session: Session) -> Ended {
    session.types(look::QUIT);
    session.end_with(nothing_is_left).code(0)
}
