//! Drawing without interaction on scripted terminals: each gets the protocol it knows, a silent one costs a bound, and
//! the terminal is left as it was (every session checks its attributes).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use camtui_tests::program::example;
use camtui_tests::terminal::{KITTY, PLAIN, REQUESTS, SILENT, SIXEL, SLOW, Script, Session, Streams};
use camtui_tests::{Ended, Home, Run};

fn chelsea(home: &Home) -> Run {
    home.render([example("chelsea.png").to_str().unwrap(), "--width", "20"])
}

fn on(run: Run, script: Script) -> Ended {
    Session::start(run, script, Streams::InOut).end().code(0).quiet()
}

/// What came after the question, whose last request are the device attributes.
fn drawing(ended: &Ended) -> String {
    let text = ended.text();
    let (_, after) = text.split_once("\x1b[c").unwrap();
    assert!(!after.contains("a=q"), "asked twice");
    assert!(after.contains("Egyptian cat") && after.contains("grad-cam"), "no legend");
    after.to_owned()
}

#[test]
fn kitty_gets_kitty_graphics() {
    let home = Home::new();
    let seen = drawing(&on(chelsea(&home), KITTY));
    assert!(seen.contains("\x1b_Ga=T,") && seen.contains(",c=20,"), "{seen:.200}");
    assert!(!seen.contains("\x1b]1337") && !seen.contains('▄') && !seen.contains("a=q"));
}

#[test]
fn iterm2_gets_an_inline_picture() {
    let home = Home::new();
    let run = chelsea(&home).env("TERM_PROGRAM", "iTerm.app");
    let seen = drawing(&on(run, PLAIN));
    assert!(seen.contains("\x1b]1337;File=inline=1;"), "{seen:.200}");
    assert!(!seen.contains("\x1b_G") && !seen.contains('▄'));
}

#[test]
fn a_sixel_terminal_gets_sixels() {
    let home = Home::new();
    let seen = drawing(&on(chelsea(&home), SIXEL));
    let start = seen.find("\x1bP").expect("no sixels");
    // 20 cells of 10 pixels, rounded up to whole bands of six.
    assert!(seen[start..].starts_with("\x1bPq\"1;1;204;132#"), "{:.60}", &seen[start..]);
    assert!(seen[start..].contains("\x1b\\"));
    assert!(!seen.contains("\x1b_G") && !seen.contains('▄'));
}

#[test]
fn other_terminals_get_coloured_half_blocks() {
    let home = Home::new();
    let seen = drawing(&on(chelsea(&home), PLAIN));
    let blocks = seen.matches(['▄', '▀']).count();
    // 451×300 in 20 columns of cells twice as high as wide: 6 or 7 rows.
    assert!(blocks == 120 || blocks == 140, "{blocks}");
    assert!(seen.contains("\x1b[38;2;") && seen.contains("\x1b[48;2;"));
    let colours: std::collections::HashSet<&str> =
        seen.split('\x1b').filter(|c| c.starts_with("[38;2;")).collect();
    assert!(colours.len() > 50, "{} colours", colours.len());
    // What is set is reset.
    assert!(seen.trim_end().lines().last().is_some_and(|line| !line.contains("\x1b[38;2;")));
}

#[test]
fn a_silent_terminal_costs_the_bound_and_gets_blocks() {
    let home = Home::new();
    let asked = on(chelsea(&home), SILENT);
    let told = on(chelsea(&home).arg("--protocol").arg("blocks"), SILENT);
    let seen = drawing(&asked);
    assert!(seen.matches(['▄', '▀']).count() >= 120);
    // The bound is 400 ms; the rest is what the machine is busy with.
    let cost = asked.took.saturating_sub(told.took);
    assert!(cost < Duration::from_secs(5), "{cost:?}");
    assert!(asked.took >= Duration::from_millis(400), "{:?}", asked.took);
}

#[test]
fn a_slow_terminal_is_understood_all_the_same() {
    let home = Home::new();
    let ended = on(chelsea(&home), SLOW);
    assert!(drawing(&ended).contains("\x1b_Ga=T,"));
    assert!(ended.took >= Duration::from_millis(600), "{:?}", ended.took);
}

#[test]
fn nothing_is_asked_when_there_is_nothing_to_find_out() {
    let home = Home::new();
    for (protocol, mark) in [
        ("kitty", "\x1b_Ga=T,"),
        ("iterm", "\x1b]1337;File="),
        ("sixel", "\x1bP"),
        ("blocks", "▄"),
        ("none", ""),
    ] {
        for by_variable in [false, true] {
            let run = if by_variable {
                chelsea(&home).env("CAMTUI_PROTOCOL", protocol)
            } else {
                chelsea(&home).arg("--protocol").arg(protocol)
            };
            let seen = on(run, KITTY).text();
            assert!(seen.contains(mark) && seen.contains("Egyptian cat"), "{protocol}: {seen:.100}");
            for request in REQUESTS {
                assert!(!seen.contains(request), "{protocol}: asked {request:?}");
            }
            if protocol == "none" {
                assert!(!seen.contains('\x1b'), "{seen:?}");
            }
        }
    }
    // Results that do not go to the screen: no reason to ask.
    let run = home.render([example("chelsea.png").to_str().unwrap(), "-o", "out.png"]);
    assert!(!on(run, KITTY).text().contains('\x1b'));
    let run = home.render([example("chelsea.png").to_str().unwrap(), "--json"]);
    assert!(!on(run, KITTY).text().contains('\x1b'));
}

#[test]
fn several_pictures_are_drawn_one_below_the_other_after_one_question() {
    let home = Home::new();
    let folder = example("");
    let ended = on(home.render([folder.to_str().unwrap(), "--width", "10"]), KITTY);
    let text = ended.text();
    assert_eq!(text.matches("\x1b_Ga=T,").count(), 2);
    assert_eq!(text.matches("\x1b[c").count(), 1);
    let (cat, platform) = (text.find("Egyptian cat"), text.find("drilling platform"));
    assert!(cat.is_some() && cat < platform);
}

#[test]
fn a_piped_run_asks_no_terminal() {
    let home = Home::new();
    let text = chelsea(&home).go().code(0).quiet().text();
    assert!(!text.contains('\x1b') && !text.contains('▄'), "{text:?}");
}
