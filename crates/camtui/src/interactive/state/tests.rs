use camtui_term::{Capabilities, Colours, Protocol};
use image::RgbaImage;

use super::super::analyst::Prediction;
use super::super::picture;
use super::*;

fn class(index: usize) -> Prediction {
    Prediction { index, label: format!("class {index}"), probability: 0.5 / (index + 1) as f32 }
}

/// A view whose target is this class, of the four likeliest 0, 1, 2, 3.
fn view(target: usize) -> Arc<View> {
    Arc::new(View {
        overlay: RgbaImage::new(8, 8),
        predictions: (0..4).map(class).collect(),
        target: class(target),
        legend: Vec::new(),
        notes: Vec::new(),
    })
}

fn encoded(protocol: Protocol) -> Arc<Encoded> {
    let capabilities =
        Capabilities { protocol, colours: Colours::True, terminal: true, ..Capabilities::none() };
    Arc::new(picture::encode(&RgbaImage::new(8, 8), &capabilities, (10, 5)).unwrap())
}

fn started() -> State {
    let names: Vec<String> = ["a.jpg", "b.jpg", "c\u{1b}.jpg"].map(str::to_owned).to_vec();
    State::start(&names, (80, 24)).0
}

/// Answers the outstanding explanation and encoding.
fn answered(state: &mut State, target: usize) {
    let effects = state.update(Action::Explained(state.explaining, Ok(view(target))));
    let [Effect::Encode(number, ..)] = effects[..] else { panic!("{effects:?}") };
    assert!(state.update(Action::Encoded(number, Ok(encoded(Protocol::Blocks)))).is_empty());
    assert!(!state.working);
}

fn press(state: &mut State, command: Command) -> Vec<Effect> {
    state.update(Action::Command(command))
}

fn asks(effects: &[Effect], picture: usize, target: Target) -> u64 {
    match effects {
        [Effect::Explain(number, request)] => {
            assert_eq!(*request, Request { picture, target });
            *number
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_picture_is_explained_at_once_and_names_are_safe() {
    let (state, effects) = State::start(&["a\u{1b}[2J".to_owned()], (80, 24));
    asks(&effects, 0, Target::Asked);
    assert!(state.working);
    assert_eq!(state.names[0], "a␛[2J");
}

#[test]
fn pictures_go_round_in_both_directions() {
    let mut state = started();
    asks(&press(&mut state, Command::PreviousPicture), 2, Target::Asked);
    asks(&press(&mut state, Command::NextPicture), 0, Target::Asked);
    asks(&press(&mut state, Command::NextPicture), 1, Target::Asked);
}

#[test]
fn one_picture_has_no_next_one() {
    let mut state = State::start(&["a".to_owned()], (80, 24)).0;
    assert!(press(&mut state, Command::NextPicture).is_empty());
}

#[test]
fn classes_step_from_the_target_and_go_round() {
    let mut state = started();
    assert!(press(&mut state, Command::NextClass).is_empty(), "no ranks before the first answer");
    answered(&mut state, 3);
    asks(&press(&mut state, Command::NextClass), 0, Target::Rank(0));
    asks(&press(&mut state, Command::NextClass), 0, Target::Rank(1));
    asks(&press(&mut state, Command::PreviousClass), 0, Target::Rank(0));
    asks(&press(&mut state, Command::PreviousClass), 0, Target::Rank(3));
}

#[test]
fn a_target_outside_the_list_leads_to_the_likeliest() {
    let mut state = started();
    answered(&mut state, 900);
    asks(&press(&mut state, Command::PreviousClass), 0, Target::Rank(0));
}

#[test]
fn only_the_latest_question_counts() {
    let mut state = started();
    let first = state.explaining;
    let second = asks(&press(&mut state, Command::NextPicture), 1, Target::Asked);
    assert!(state.update(Action::Explained(first, Ok(view(0)))).is_empty());
    assert!(state.update(Action::Explained(first, Err("late".into()))).is_empty());
    assert!(state.failure.is_none() && state.working);
    let effects = state.update(Action::Explained(second, Ok(view(0))));
    let [Effect::Encode(number, ..)] = effects[..] else { panic!("{effects:?}") };
    // Meanwhile the user goes on: this encoding comes too late.
    press(&mut state, Command::NextPicture);
    state.update(Action::Encoded(number, Ok(encoded(Protocol::Blocks))));
    assert!(state.picture.is_none() && state.shown.is_none() && state.working);
}

#[test]
fn the_old_picture_stays_with_its_predictions_until_the_new_one_is_encoded() {
    let mut state = started();
    answered(&mut state, 0);
    let old = Arc::clone(state.picture.as_ref().unwrap());
    press(&mut state, Command::NextPicture);
    let effects = state.update(Action::Explained(state.explaining, Ok(view(1))));
    assert_eq!(state.shown.as_ref().unwrap().request.picture, 0);
    assert!(Arc::ptr_eq(state.picture.as_ref().unwrap(), &old));
    let [Effect::Encode(number, ..)] = effects[..] else { panic!("{effects:?}") };
    state.update(Action::Encoded(number, Ok(encoded(Protocol::Blocks))));
    assert_eq!(state.shown.as_ref().unwrap().request.picture, 1);
    assert!(!Arc::ptr_eq(state.picture.as_ref().unwrap(), &old));
}

#[test]
fn a_failure_replaces_the_picture_and_is_safe_to_show() {
    let mut state = started();
    answered(&mut state, 0);
    press(&mut state, Command::NextPicture);
    state.update(Action::Explained(state.explaining, Err("b.jpg: no \u{9b}picture".into())));
    assert_eq!(state.failure.as_deref(), Some("b.jpg: no \u{fffd}picture"));
    assert!(state.shown.is_none() && state.picture.is_none() && !state.working);
    asks(&press(&mut state, Command::NextPicture), 2, Target::Asked);
    assert!(state.failure.is_none());
}

#[test]
fn escape_closes_the_help_first_then_cancels_and_never_quits() {
    let mut state = started();
    answered(&mut state, 0);
    press(&mut state, Command::NextPicture);
    press(&mut state, Command::Help);
    assert!(press(&mut state, Command::NextPicture).is_empty(), "the help takes the keys");
    assert!(press(&mut state, Command::Close).is_empty());
    assert!(!state.help && state.working);
    let effects = press(&mut state, Command::Close);
    assert_eq!(effects[0], Effect::Cancel);
    assert_eq!(state.wanted.picture, 0, "back to what is shown");
    assert!(!state.working);
    assert!(press(&mut state, Command::Close).is_empty());
    assert_eq!(press(&mut state, Command::Quit), [Effect::Quit]);
    assert_eq!(press(&mut state, Command::Interrupt), [Effect::Interrupt]);
}

#[test]
fn cancelling_the_very_first_picture_says_so() {
    let mut state = started();
    let number = state.explaining;
    assert_eq!(press(&mut state, Command::Close), [Effect::Cancel]);
    assert!(state.failure.is_some());
    assert!(state.update(Action::Explained(number, Ok(view(0)))).is_empty());
}

#[test]
fn another_size_encodes_anew_and_a_tiny_one_does_not() {
    let mut state = started();
    assert!(state.update(Action::Resized(90, 30)).is_empty(), "nothing to encode yet");
    answered(&mut state, 0);
    let effects = state.update(Action::Resized(120, 40));
    assert!(matches!(effects[..], [Effect::Encode(_, _, (79, 36))]), "{effects:?}");
    assert!(state.update(Action::Resized(30, 8)).is_empty());
    assert!(state.picture.is_none() && state.shown.is_some());
    assert!(matches!(state.update(Action::Resized(80, 24))[..], [Effect::Encode(..)]));
}

#[test]
fn an_answer_on_a_tiny_screen_is_kept_for_a_larger_one() {
    let mut state = State::start(&["a".to_owned()], (30, 8)).0;
    assert!(state.update(Action::Explained(state.explaining, Ok(view(0)))).is_empty());
    assert!(!state.working);
    assert!(matches!(state.update(Action::Resized(80, 24))[..], [Effect::Encode(..)]));
}

#[test]
fn pixels_make_way_for_the_help_and_cells_do_not_need_to() {
    let mut state = started();
    answered(&mut state, 0);
    assert!(state.picture_place().is_some());
    press(&mut state, Command::Help);
    assert!(state.picture_place().is_some());
    state.picture = Some(encoded(Protocol::Sixel));
    assert!(state.picture_place().is_none());
    press(&mut state, Command::Help);
    assert!(state.picture_place().is_some());
}

#[test]
fn painting_anew_sends_the_picture_again() {
    let mut state = started();
    answered(&mut state, 0);
    for action in [Action::Resumed, Action::Command(Command::Redraw)] {
        let effects = state.update(action);
        assert!(matches!(effects[..], [Effect::Clear, Effect::Encode(..)]), "{effects:?}");
    }
}
