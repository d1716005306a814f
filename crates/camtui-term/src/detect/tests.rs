use super::*;
use crate::replies::Replies;

const KITTY: &str = "\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c";
const SIXEL: &str = "\x1b[?62;4;22c";
const PLAIN: &str = "\x1b[?1;2c";
const SILENT: &str = "";

/// Environment, replies, and the protocol that must follow.
type Row = (Vec<(&'static str, &'static str)>, String, Protocol);

fn options(pairs: &[(&str, &str)]) -> DetectOptions {
    DetectOptions {
        stdout_is_terminal: true,
        environment: pairs.iter().map(|&(name, value)| (name, value)).collect(),
        ..DetectOptions::default()
    }
}

/// Asks as [`detect`] would, the terminal answering `replies`.
fn decided(options: &DetectOptions, replies: &str) -> Capabilities {
    let asked = match options.reason_not_to_ask() {
        Some(reason) => Asked::Not(reason.to_owned()),
        None => Asked::Answered("all", Replies::default().feed(replies.as_bytes()).clone(), 3),
    };
    decide(options, &asked, Size { cols: 100, rows: 30, ..Size::default() })
}

#[test]
fn the_protocol_follows_from_environment_and_answers() {
    let xterm = ("TERM", "xterm-256color");
    let named = |name: &str| format!("\x1bP>|{name}\x1b\\{PLAIN}");
    let table: Vec<Row> = vec![
        (vec![xterm], KITTY.into(), Protocol::Kitty),
        (vec![xterm], SIXEL.into(), Protocol::Sixel),
        (vec![xterm], PLAIN.into(), Protocol::Blocks),
        (vec![xterm], SILENT.into(), Protocol::Blocks),
        (vec![xterm], format!("\x1b_Gi=31;OK\x1b\\{SIXEL}"), Protocol::Kitty),
        (vec![xterm], format!("\x1b_Gi=31;EINVAL:x\x1b\\{SIXEL}"), Protocol::Sixel),
        (vec![xterm, ("TERM_PROGRAM", "iTerm.app")], SILENT.into(), Protocol::Iterm),
        (vec![xterm, ("TERM_PROGRAM", "WezTerm")], KITTY.into(), Protocol::Iterm),
        (vec![xterm, ("LC_TERMINAL", "iTerm2")], SIXEL.into(), Protocol::Iterm),
        (vec![xterm, ("TERM_PROGRAM", "mintty")], PLAIN.into(), Protocol::Iterm),
        (vec![xterm, ("LC_TERMINAL", "iTerm2")], named("XTerm(379)"), Protocol::Blocks),
        (vec![xterm], named("WezTerm 20240203"), Protocol::Iterm),
        (vec![xterm, ("TMUX", "/x,1,0")], KITTY.into(), Protocol::Blocks),
        (vec![xterm, ("TMUX", "/x,1,0")], SIXEL.into(), Protocol::Sixel),
        (vec![("TERM", "screen"), ("LC_TERMINAL", "iTerm2")], PLAIN.into(), Protocol::Blocks),
        (vec![("TERM", "dumb"), ("TERM_PROGRAM", "iTerm.app")], KITTY.into(), Protocol::None),
        (vec![xterm, ("NO_COLOR", "1")], KITTY.into(), Protocol::Blocks),
        (vec![xterm, ("CAMTUI_PROTOCOL", "sixel")], KITTY.into(), Protocol::Sixel),
        (vec![xterm, ("CAMTUI_PROTOCOL", "auto")], KITTY.into(), Protocol::Kitty),
    ];
    for (pairs, replies, expected) in table {
        let capabilities = decided(&options(&pairs), &replies);
        assert_eq!(capabilities.protocol, expected, "{pairs:?} {replies:?}: {}", capabilities.report.why);
        assert!(!capabilities.report.why.is_empty() && !capabilities.report.asked.is_empty());
    }
}

#[test]
fn an_option_beats_the_variable_and_neither_asks() {
    let mut forced = options(&[("CAMTUI_PROTOCOL", "sixel"), ("TERM", "dumb")]);
    assert_eq!(forced.reason_not_to_ask(), Some("not asked: CAMTUI_PROTOCOL says it"));
    forced.protocol = Some(Protocol::Kitty);
    forced.stdout_is_terminal = false;
    assert_eq!(forced.reason_not_to_ask(), Some("not asked: --protocol says it"));
    let capabilities = decided(&forced, SILENT);
    assert_eq!(capabilities.protocol, Protocol::Kitty);
    assert!(!capabilities.confirmed);
}

#[test]
fn a_protocol_that_is_none_is_ignored_and_said() {
    let capabilities = decided(&options(&[("CAMTUI_PROTOCOL", "ki\x1btty")]), PLAIN);
    assert_eq!(capabilities.protocol, Protocol::Blocks);
    assert!(capabilities.report.notices[0].contains("`ki␛tty`"), "{:?}", capabilities.report.notices);
}

#[test]
fn nothing_is_asked_or_drawn_without_a_terminal() {
    let mut piped = options(&[("TERM", "xterm-kitty")]);
    piped.stdout_is_terminal = false;
    assert!(piped.reason_not_to_ask().is_some());
    assert_eq!(decided(&piped, KITTY).protocol, Protocol::None);
}

#[test]
fn no_colour_by_option_or_variable_means_letters_unless_pixels_are_asked_for() {
    let mut plain = options(&[("COLORTERM", "truecolor")]);
    assert_eq!(decided(&plain, PLAIN).colours, Colours::True);
    plain.no_color = true;
    let capabilities = decided(&plain, KITTY);
    assert_eq!((capabilities.protocol, capabilities.colours), (Protocol::Blocks, Colours::None));
    plain.protocol = Some(Protocol::Kitty);
    assert_eq!(decided(&plain, KITTY).protocol, Protocol::Kitty);
}

#[test]
fn colours_by_variable() {
    for (pairs, expected) in [
        (&[("TERM", "xterm"), ("COLORTERM", "24bit")][..], Colours::True),
        (&[("TERM", "xterm-kitty")], Colours::True),
        (&[("TERM", "xterm-256color")], Colours::Ansi256),
        (&[("TERM", "linux")], Colours::Ansi16),
        (&[("TERM", "xterm"), ("NO_COLOR", "yes")], Colours::None),
    ] {
        assert_eq!(colours(&options(pairs)), expected, "{pairs:?}");
    }
}

#[test]
fn the_cell_comes_from_the_best_source() {
    let said = Answers { cell_px: Some((9, 18)), area_px: Some((1000, 600)), ..Answers::default() };
    let pixels = Size { cols: 100, rows: 30, width_px: 700, height_px: 420 };
    assert_eq!(cell(&said, pixels, 100, 30), (9, 18));
    assert_eq!(cell(&Answers { cell_px: None, ..said.clone() }, pixels, 100, 30), (10, 20));
    assert_eq!(cell(&Answers::default(), pixels, 100, 30), (7, 14));
    assert_eq!(cell(&Answers::default(), Size::default(), 80, 24), (10, 20), "nothing known");
    let absurd = Answers { cell_px: Some((1, 9000)), ..Answers::default() };
    assert_eq!(cell(&absurd, pixels, 100, 30), (7, 14));
}

#[test]
fn without_a_terminal_the_size_comes_from_variables_or_is_80_by_24() {
    let mut piped = options(&[("COLUMNS", "120"), ("LINES", "0")]);
    piped.stdout_is_terminal = false;
    let capabilities = decide(&piped, &Asked::Not("no".into()), Size::default());
    assert_eq!((capabilities.cols, capabilities.rows), (120, 24));
}

#[test]
fn the_report_says_what_was_answered() {
    let capabilities = decided(&options(&[]), KITTY);
    assert_eq!(capabilities.report.answered, "kitty graphics yes, cells of 9×18 pixels, sixel no (3 ms)");
    assert_eq!(decided(&options(&[]), SILENT).report.answered, "nothing within 3 ms");
    let partly = decided(&options(&[]), "\x1b_Gi=31;OK\x1b\\");
    assert_eq!(partly.report.answered, "kitty graphics yes, then fell silent (3 ms)");
    assert_eq!(partly.protocol, Protocol::Kitty, "what came in time counts");
}
