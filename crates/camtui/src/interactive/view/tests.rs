//! Every view at several sizes, as pictures of text; and in what the themes differ.

mod fixture;

use std::sync::Arc;

use camtui_term::Protocol;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

use super::super::action::{Action, Effect, Slot};
use super::super::analyst::Question;
use super::super::command::Command as C;
use super::super::develop;
use super::super::dialog::Dialog;
use super::super::theme::Builtin;
use super::super::theme::Theme;
use super::*;
use fixture::{act, answer_tiles, begun, press, question, session, settle, start, type_text, worth};

fn painted(state: &State, theme: &Theme) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    terminal.draw(|frame| view(state, theme, frame)).unwrap();
    terminal.backend().clone()
}

fn dark(state: &State) -> TestBackend {
    painted(state, &Builtin::Dark.theme())
}

/// The cells that begin with this text.
fn found(screen: &TestBackend, text: &str) -> Vec<Position> {
    let area = screen.buffer().area;
    let line = |y| (0..area.width).map(|x| screen.buffer()[(x, y)].symbol()).collect::<Vec<_>>();
    let places = (0..area.height).flat_map(|y| (0..area.width).map(move |x| Position::new(x, y)));
    places.filter(|at| line(at.y)[usize::from(at.x)..].concat().starts_with(text)).collect()
}

fn shows(state: &State, text: &str) -> bool {
    !found(&dark(state), text).is_empty()
}

macro_rules! seen {
    ($name:ident, $state:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(dark(&$state));
        }
    };
}

fn with(size: (u16, u16), commands: &[C]) -> State {
    let mut state = session(size);
    act(&mut state, commands);
    state
}

seen!(the_smallest_screen, session((40, 12)));
seen!(at_80_by_24, session((80, 24)));
seen!(at_120_by_40, session((120, 40)));
seen!(at_200_by_60, session((200, 60)));
seen!(too_small, session((39, 12)));
seen!(why_not_the_runner_up, with((120, 30), &[C::WhyNot]));
seen!(help_in_one_column, with((40, 12), &[C::Help]));
seen!(help_in_columns, with((120, 40), &[C::Help]));
seen!(help_where_there_is_room, with((200, 60), &[C::Help]));
seen!(explainers_to_choose_from, with((80, 24), &[C::ChooseExplainer]));
seen!(layers_to_choose_from, with((80, 24), &[C::ChooseLayer]));
seen!(the_save_prompt, with((80, 24), &[C::Save]));
seen!(the_look_is_told, with((120, 30), &[C::Signed, C::Threshold, C::Contours, C::ZoomIn, C::NextMode]));
seen!(a_point_is_read, with((120, 30), &[C::Crosshair]));
seen!(a_point_is_read_in_a_low_pane, with((120, 40), &[C::Crosshair]));
seen!(a_point_is_read_on_a_small_screen, with((60, 20), &[C::Crosshair]));

#[test]
fn a_list_that_is_searched_takes_room() {
    let mut state = session((80, 24));
    act(&mut state, &[C::NextPicture, C::Mark, C::SearchPictures]);
    type_text(&mut state, "dog");
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn a_list_by_class_tells_classes() {
    let mut state = session((120, 24));
    act(&mut state, &[C::Mark, C::SortPictures]);
    state.browser.entries[3].broken = true;
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn a_list_has_thumbnails() {
    let mut all = start(&fixture::PATHS);
    all.thumbnails = true;
    let mut state = begun(all, (120, 30));
    act(&mut state, &[C::NextPicture, C::Mark]);
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn a_failure_is_said_where_the_picture_would_be() {
    let mut state = session((80, 24));
    let effects = state.update(Action::Command(C::NextPicture));
    let Some(Effect::Explain(number, _)) = effects.first() else { panic!("{effects:?}") };
    let why = "dog.jpg: the picture ends in the middle of its 3rd line; it may be a download that was cut off.\u{1b}[2J";
    state.update(Action::Explained(*number, Err(why.to_owned())));
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn what_is_being_done_is_told() {
    let mut state = session((120, 24));
    let effects = state.update(Action::Command(C::NextPicture));
    let Some(Effect::Explain(number, _)) = effects.first() else { panic!("{effects:?}") };
    state.update(Action::Progress(*number, 0.43));
    state.classifying = Some((166, 200));
    state.say("a new version of the explainer is used");
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn commands_are_found_by_typing() {
    let mut state = with((80, 24), &[C::Palette]);
    type_text(&mut state, "zoom");
    press(&mut state, &["Down"]);
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn classes_are_found_on_the_smallest_screen() {
    let mut state = with((40, 12), &[C::ChooseClass]);
    press(&mut state, &["Down", "Down", "Down", "Down", "Down", "Down", "Down"]);
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn several_are_ticked() {
    let mut state = with((80, 24), &[C::ChooseCompared]);
    press(&mut state, &["Space", "Down"]);
    insta::assert_snapshot!(dark(&state));
}

fn parameters(size: (u16, u16)) -> State {
    let mut state = with(size, &[C::PreviousExplainer, C::Parameters]);
    press(&mut state, &["Down", "Down", "Right", "Down", "9", "9"]);
    state
}

seen!(parameters_are_set_in_a_form, parameters((80, 24)));
seen!(parameters_on_the_smallest_screen, parameters((40, 12)));

#[test]
fn messages_are_kept() {
    let mut state = session((40, 12));
    for at in 0..7 {
        state.say(&format!("saved camtui-results/picture number {at}.png"));
    }
    act(&mut state, &[C::Messages]);
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn explainers_are_compared_on_layers() {
    let mut state = with((160, 40), &[C::CompareExplainers]);
    answer_tiles(&mut state, [0, 1, 5]);
    let number = state.compare.as_ref().unwrap().number;
    state.update(Action::TileProgress(number, 2, 0.43));
    let why = "The layer has no gradient.".to_owned();
    state.update(Action::TileExplained(number, 4, Err(why)));
    act(&mut state, &[C::Right]);
    insta::assert_snapshot!(dark(&state));
}

/// Those that are to be measured, if that is what is caused.
fn measuring(effects: &[Effect]) -> Option<Vec<Question>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Measure(answers) => Some(answers.iter().map(|answer| answer.question.clone()).collect()),
        _ => None,
    })
}

fn measured(state: &mut State, question: &Question) -> Vec<Effect> {
    state.update(Action::Measured(Box::new(question.clone()), Ok(Arc::new(worth(question)))))
}

#[test]
fn a_map_is_measured_once_and_beside_it() {
    let mut state = session((150, 44));
    let asked = measuring(&state.update(Action::Command(C::Measure)));
    assert_eq!(asked, Some(vec![question()]));
    assert!(shows(&state, "measuring …"));
    // What has nothing to do with it asks nothing again.
    assert_eq!(measuring(&state.update(Action::Command(C::MoreOpaque))), None);
    assert_eq!(measuring(&measured(&mut state, &question())), None);
    insta::assert_snapshot!(dark(&state));
    // Another question gives up; the first one is not measured twice.
    act(&mut state, &[C::NextExplainer]);
    act(&mut state, &[C::PreviousExplainer]);
    assert!(shows(&state, "better than weights"));
    state.update(Action::Command(C::Measure));
    assert!(!shows(&state, "better than weights"));
}

#[test]
fn advice_is_a_comparison_in_the_order_of_its_figures() {
    let mut state = with((160, 40), &[C::Advise]);
    let tiles = state.compare.as_ref().unwrap().tiles.len();
    answer_tiles(&mut state, 0..tiles);
    let questions: Vec<Question> =
        state.compare.as_ref().unwrap().tiles.iter().filter_map(|tile| tile.question.clone()).collect();
    assert_eq!(state.ranks(), None);
    for question in &questions {
        measured(&mut state, question);
    }
    // The made-up figures are equal on both layers and by explainer otherwise; of equals the first stays first.
    assert_eq!(state.ranks().unwrap().iter().flatten().count(), tiles);
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn models_are_compared_side_by_side() {
    let mut state = with((160, 30), &[C::CompareModels]);
    answer_tiles(&mut state, [0, 1]);
    insta::assert_snapshot!(dark(&state));
}

#[test]
fn text_of_any_script_stays_in_its_cells() {
    let paths = [
        "写真/犬と狼の長い名前の写真です.jpg",
        "写真/👩‍🔬 e\u{301}\u{301} ☕️🐕‍🦺.png",
        "写真/exe\u{202e}gpj.dog",
        "写真/a\u{1b}]0;b\u{7}.jpg",
    ];
    let mut state = begun(start(&paths), (100, 16));
    act(&mut state, &[C::NextPicture]);
    let screen = dark(&state);
    for cell in screen.buffer().content() {
        assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
    }
    insta::assert_snapshot!(screen);
}

#[test]
fn what_is_chosen_is_seen_without_colour() {
    for theme in [Builtin::Mono, Builtin::Dark] {
        let theme = theme.theme();
        let mut state = session((120, 40));
        let screen = painted(&state, &theme);
        let style = |at: Position| screen.buffer()[at].style();
        let row = found(&screen, "▸  a very")[0];
        let other = found(&screen, "   dog.jpg")[0];
        assert_ne!(style(row), style(other));
        let target = found(&screen, "▶ Samoyed")[0];
        assert!(style(target).add_modifier.contains(Modifier::BOLD));
        act(&mut state, &[C::ChooseExplainer]);
        let screen = painted(&state, &theme);
        let chosen = found(&screen, "▸ grad-cam")[0];
        assert_ne!(screen.buffer()[chosen].style(), screen.buffer()[(chosen.x, chosen.y + 1)].style());
    }
    let state = with((120, 40), &[C::Palette]);
    for cell in
        painted(&state, &Builtin::Mono.theme()).buffer().content().iter().filter(|cell| cell.symbol() != "▀")
    {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{:?}", cell.symbol());
    }
}

#[test]
fn every_size_can_be_painted_with_everything_open() {
    let opened: [&[C]; 8] = [
        &[],
        &[C::Help],
        &[C::Palette],
        &[C::ChooseClass],
        &[C::PreviousExplainer, C::Parameters],
        &[C::Open],
        &[C::Messages],
        &[C::SearchPictures],
    ];
    for (cols, rows) in [(1, 1), (39, 40), (40, 12), (41, 13), (57, 19), (80, 12), (300, 12), (40, 90)] {
        for commands in opened {
            let mut state = with((120, 40), commands);
            let effects = state.update(Action::Resized(cols, rows));
            settle(&mut state, effects, Protocol::Blocks);
            dark(&state);
        }
        let mut state = with((120, 40), &[C::CompareExplainers]);
        answer_tiles(&mut state, [0, 3]);
        state.update(Action::Resized(cols, rows));
        dark(&state);
    }
}

#[test]
fn a_screen_that_has_shrunk_meanwhile_is_no_harm() {
    let state = session((120, 40));
    let mut terminal = Terminal::new(TestBackend::new(60, 20)).unwrap();
    terminal.draw(|frame| view(&state, &Builtin::Dark.theme(), frame)).unwrap();
}

#[test]
fn the_current_picture_is_seen_wherever_it_is_in_the_list() {
    let paths: Vec<String> = (0..300).map(|at| format!("{}/{at:03}.jpg", at / 40)).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for thumbnails in [false, true] {
        let mut all = start(&paths);
        all.thumbnails = thumbnails;
        let mut state = begun(all, (120, 40));
        let area = state.areas().unwrap().browser.unwrap();
        for picture in 0..paths.len() {
            state.question.picture = picture;
            let rows = browser::rows(&state, area);
            let at = rows.iter().find(|row| row.line == Line::Picture(picture)).unwrap();
            assert_eq!(at.area.height, if thumbnails { 4 } else { 1 }, "{picture} is wholly seen");
            let mut y = area.y;
            for row in &rows {
                assert_eq!(row.area.y, y, "rows follow each other");
                y = row.area.bottom();
            }
            assert!(y < area.bottom(), "the count has its line");
            assert!(y + 4 >= area.bottom(), "{picture}: no room is wasted");
        }
    }
}

fn click(state: &mut State, at: Position) -> Vec<Effect> {
    let kind = MouseEventKind::Down(MouseButton::Left);
    state.update(Action::Mouse(MouseEvent { kind, column: at.x, row: at.y, modifiers: KeyModifiers::NONE }))
}

#[test]
fn a_click_means_what_is_painted_there() {
    let mut state = session((120, 30));
    let at = found(&dark(&state), "wolf.jpg")[0];
    let effects = click(&mut state, at);
    assert_eq!(state.question.picture, 3);
    settle(&mut state, effects, Protocol::Blocks);
    let at = found(&dark(&state), "keeshond")[0];
    let effects = click(&mut state, at);
    settle(&mut state, effects, Protocol::Blocks);
    assert!(shows(&state, "▶ keeshond"));

    act(&mut state, &[C::ChooseExplainer]);
    let at = found(&dark(&state), "eigen-cam")[0];
    let effects = click(&mut state, at);
    settle(&mut state, effects, Protocol::Blocks);
    assert!(state.dialogs.is_empty());
    assert_eq!(state.question.explainer, 2);

    act(&mut state, &[C::Palette]);
    let Some(Dialog::Palette(picker, _)) = state.dialogs.last() else { panic!() };
    let area = dialog::area(&state.dialogs[0], &state);
    for y in 0..30 {
        for x in 0..120 {
            let at = Position::new(x, y);
            assert!(dialog::item_at(picker, state.size, at).is_none() || area.contains(at));
        }
    }
}

#[test]
fn the_explained_class_is_listed_however_unlikely() {
    let mut state = session((80, 12));
    act(&mut state, &[C::PreviousClass]);
    assert!(shows(&state, "▶ crane (bird)"));
    act(&mut state, &[C::WhyNot]);
    assert!(shows(&state, "▶ crane (bird)") && shows(&state, "≠ Samoyed"));
}

#[test]
fn pixels_make_way_for_dialogs_and_letters_do_not() {
    for (protocol, stays) in [(Protocol::Blocks, true), (Protocol::Iterm, false), (Protocol::Sixel, false)] {
        let mut all = start(&fixture::PATHS);
        all.thumbnails = true;
        let (mut state, effects) = State::start(all, (120, 40));
        settle(&mut state, effects, protocol);
        assert_eq!(pictures(&state).len(), 1 + fixture::PATHS.len());
        let place = pictures(&state)[0].0;
        assert_eq!(Some(place), state.picture_place());
        act(&mut state, &[C::ChooseColormap]);
        let cover = dialog::area(&state.dialogs[0], &state);
        assert!(cover.intersects(place));
        let left = pictures(&state);
        assert_eq!(left.iter().any(|(at, _)| at.intersects(cover)), stays, "{protocol}");
        assert!(left.iter().any(|(at, _)| at.x < 10), "thumbnails beside it stay");
    }
}

#[test]
fn a_point_outside_what_the_model_saw_has_no_value() {
    let mut state = session((120, 40));
    state.crosshair = Some((0.0, 0.5));
    assert!(shows(&state, "not seen by the model"));
    assert!(shows(&state, "0, 24 of 64×48") && shows(&state, "#007880"));
    state.crosshair = Some((0.125, 0.0));
    let value = develop::shown(state.shown.as_ref().unwrap()).at(0.0, 0.0).0;
    assert!(shows(&state, &format!("{value:.4}")));
}

#[test]
fn a_tile_that_is_made_for_another_size_is_not_painted() {
    let mut state = with((160, 40), &[C::CompareExplainers]);
    answer_tiles(&mut state, [0]);
    let number = state.compare.as_ref().unwrap().number;
    assert_eq!(pictures(&state).len(), 1);
    let large = fixture::encoded(Protocol::Blocks, (150, 30));
    state.update(Action::Developed(Slot::Tile(0), number, Ok(large)));
    assert!(pictures(&state).is_empty());
    let screen = Rect::new(0, 0, 160, 40);
    assert!(pictures(&state).iter().all(|(at, _)| screen.intersection(*at) == *at));
}
