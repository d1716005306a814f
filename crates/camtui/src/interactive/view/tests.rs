use std::sync::Arc;

use camtui_term::{Capabilities, Colours, Protocol};
use image::{Rgba, RgbaImage};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::action::{Action, Command, Effect};
use super::super::analyst::Prediction;
use super::super::picture;
use super::*;

fn class(index: usize, label: &str, probability: f32) -> Prediction {
    Prediction { index, label: label.to_owned(), probability }
}

fn sample() -> View {
    View {
        overlay: RgbaImage::from_fn(64, 48, |x, y| Rgba([4 * x as u8, 5 * y as u8, 0, 255])),
        predictions: vec![
            class(242, "boxer", 0.7312),
            class(243, "bull mastiff", 0.1544),
            class(180, "American Staffordshire terrier, Staffordshire terrier", 0.031),
            class(246, "Great \u{1b}Dane", 0.0098),
            class(999, "犬", 0.0001),
        ],
        target: class(242, "boxer", 0.7312),
        legend: vec!["grad-cam".into(), "layer4.1.conv2".into(), "resnet18".into()],
        notes: vec!["The map is flat over 3 % of the picture.".into()],
    }
}

/// The state after the given commands, everything computed and encoded by letters, which snapshots can show.
fn state(size: (u16, u16), shown: View, commands: &[Command]) -> State {
    let capabilities =
        Capabilities { protocol: Protocol::Blocks, colours: Colours::None, ..Capabilities::none() };
    let (mut state, effects) = State::start(&["dog.jpg".to_owned(), "two cats.png".to_owned()], size);
    let [Effect::Explain(number, _)] = effects[..] else { panic!("{effects:?}") };
    for effect in state.update(Action::Explained(number, Ok(Arc::new(shown)))) {
        let Effect::Encode(number, view, area) = effect else { panic!("{effect:?}") };
        let picture = picture::encode(&view.overlay, &capabilities, area).map(Arc::new);
        state.update(Action::Encoded(number, picture));
    }
    for &command in commands {
        state.update(Action::Command(command));
    }
    state
}

fn painted(state: &State) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    terminal.draw(|frame| view(state, Palette::new(true), frame)).unwrap();
    terminal.backend().clone()
}

#[test]
fn at_60_by_20() {
    insta::assert_snapshot!(painted(&state((60, 20), sample(), &[])));
}

#[test]
fn at_120_by_40_the_predictions_are_beside_the_picture() {
    insta::assert_snapshot!(painted(&state((120, 40), sample(), &[])));
}

#[test]
fn at_40_by_12_all_parts_are_there() {
    insta::assert_snapshot!(painted(&state((40, 12), sample(), &[])));
}

#[test]
fn at_30_by_8_it_says_that_it_is_too_small() {
    insta::assert_snapshot!(painted(&state((30, 8), sample(), &[])));
}

#[test]
fn with_the_help_over_it() {
    insta::assert_snapshot!(painted(&state((60, 20), sample(), &[Command::Help])));
}

#[test]
fn while_the_next_picture_is_computed_the_old_one_stays() {
    insta::assert_snapshot!(painted(&state((60, 20), sample(), &[Command::NextPicture])));
}

#[test]
fn a_target_outside_the_likeliest_is_listed_last() {
    let shown = View { target: class(7, "cock", 0.00002), ..sample() };
    insta::assert_snapshot!(painted(&state((60, 20), shown, &[])));
}

#[test]
fn a_failure_is_said_where_the_picture_would_be() {
    let mut failed = state((60, 20), sample(), &[Command::NextPicture]);
    failed.update(Action::Explained(
        2,
        Err("two cats.png is no picture that camtui can read: unexpected end of file".into()),
    ));
    insta::assert_snapshot!(painted(&failed));
}

#[test]
fn no_size_makes_it_panic_and_nothing_unsafe_is_painted() {
    for cols in 0..70 {
        for rows in 0..30 {
            let mut shown = sample();
            shown.target.label = "\u{9b}2J\u{202e}".into();
            shown.notes = vec!["\u{7}".repeat(100)];
            let mut painted_state =
                state((cols.max(1), rows.max(1)), shown, &[Command::Help, Command::Close]);
            painted_state.size = (cols.max(1), rows.max(1));
            let backend = painted(&painted_state);
            assert!(backend.buffer().content.iter().all(|cell| !cell.symbol().chars().any(char::is_control)));
        }
    }
}

#[test]
fn without_colour_nothing_is_coloured() {
    let shown = state((60, 20), sample(), &[]);
    let mut terminal = Terminal::new(TestBackend::new(60, 20)).unwrap();
    terminal.draw(|frame| view(&shown, Palette::new(false), frame)).unwrap();
    let plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(terminal.backend().buffer().content.iter().all(plain));
}

#[test]
fn bars_are_exact_to_an_eighth() {
    assert_eq!(bar(0.0, 10), "");
    assert_eq!(bar(0.5, 10), "█████");
    assert_eq!(bar(0.55, 10), "█████▌");
    assert_eq!(bar(1.0, 10), "██████████");
    assert_eq!(bar(f32::NAN, 10), "");
    assert_eq!(bar(7.0, 3), "███");
}
