//! `camtui doctor` on scripted terminals and in a pipe: what it says of each, and that its card is drawn as it says.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use camtui_tests::Home;
use camtui_tests::terminal::{KITTY, PLAIN, REQUESTS, SILENT, SIXEL, Script, Session, Streams};

fn doctor(script: Script, words: &str) -> String {
    let home = Home::new();
    Session::start(home.camtui(["doctor"]).args_of(words), script, Streams::InOut)
        .end()
        .code(0)
        .quiet()
        .text()
}

#[test]
fn each_terminal_is_told_what_was_chosen_and_shown_a_card() {
    for (script, chosen, mark) in [
        (KITTY, "chosen       kitty: the terminal says", "\x1b_Ga=T,"),
        (SIXEL, "chosen       sixel: the terminal's device attributes", "\x1bP"),
        (PLAIN, "chosen       blocks (halfblocks): no picture protocol", "\x1b[38;2;"),
        (SILENT, "answered     nothing within", "\x1b[48;2;"),
    ] {
        let text = doctor(script, "");
        assert!(text.contains(chosen), "{chosen:?} is not in:\n{text:.3000}");
        let (said, drawn) = text.split_once("model        efficientnet-lite0").unwrap();
        assert!(said.contains("80×24 cells of 10×20 pixels") && said.contains("TERM="), "{said}");
        assert!(drawn.contains(mark) && drawn.contains("You should see"), "{mark:?}");
    }
}

#[test]
fn the_protocol_that_was_asked_for_is_drawn_and_nothing_asked() {
    for (name, mark) in [
        ("quadrants", "▌"),
        ("sextants", "\u{1fb0e}"),
        ("halfblocks", "\x1b[48;2;"),
        ("ascii", "@@@"),
        ("iterm", "\x1b]1337;File="),
        ("none", "No test card"),
    ] {
        let text = doctor(KITTY, &format!("--protocol {name}"));
        assert!(text.contains("--protocol says so"), "{text:.2000}");
        assert!(text.contains(mark), "{name}: {mark:?} is not in {text:?}");
        assert!(REQUESTS.iter().all(|request| !text.contains(request)), "{name}");
    }
}

#[test]
fn in_a_pipe_it_is_text_alone() {
    let home = Home::new();
    for words in ["", "--protocol kitty"] {
        let text = home.camtui(["doctor"]).args_of(words).go().code(0).quiet().text();
        assert!(!text.contains('\x1b') && !text.contains("You should see"), "{text:?}");
        assert!(text.contains("chosen") && text.contains("cache"), "{text}");
    }
}
