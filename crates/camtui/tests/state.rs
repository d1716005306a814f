//! The session's state, spoken to in actions: what each key changes and causes, with an analyst that answers at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "state/converging.rs"]
mod converging;
mod made_up;
#[path = "state/rebuilt.rs"]
mod rebuilt;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camtui::interactive::action::{Action, Effect, Slot, Tiled};
use camtui::interactive::analyst::{Analyst, Class, Target, Watch};
use camtui::interactive::browser::Sort;
use camtui::interactive::command::{Command, TABLE};
use camtui::interactive::compare::Answer;
use camtui::interactive::develop::{Developer, Scene};
use camtui::interactive::dialog::Dialog;
use camtui::interactive::look::Mode;
use camtui::interactive::picture::encode;
use camtui::interactive::state::{Start, State};
use camtui_core::heatmap::Ranks;
use camtui_term::{Capabilities, Colours, Protocol};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use made_up::MadeUp;

/// A session whose effects are carried out at once, unless it is told to hold them.
struct Session {
    state: State,
    analyst: MadeUp,
    /// What was caused and is not the analyst's or the encoder's business.
    caused: Vec<Effect>,
    /// Effects that are held back.
    held: Option<Vec<Effect>>,
}

impl Session {
    fn new(pictures: usize) -> Self {
        Self::with(pictures, |_| {})
    }

    fn with(pictures: usize, change: impl FnOnce(&mut Start)) -> Self {
        let mut analyst = MadeUp::new(pictures, (64, 48));
        analyst.slow = std::time::Duration::ZERO;
        analyst.broken = Some(7);
        let mut start = analyst.start();
        change(&mut start);
        let (state, effects) = State::start(start, (120, 40));
        let mut session = Self { state, analyst, caused: Vec::new(), held: None };
        session.carry_out(effects);
        session
    }

    fn act(&mut self, action: Action) {
        let effects = self.state.update(action);
        match &mut self.held {
            Some(held) => held.extend(effects),
            None => self.carry_out(effects),
        }
    }

    fn keys(&mut self, keys: &[&str]) {
        for key in keys {
            self.act(Action::Key(key.parse().unwrap()));
        }
    }

    fn hold(&mut self) {
        self.held = Some(Vec::new());
    }

    fn release(&mut self) {
        let held = self.held.take().unwrap();
        self.carry_out(held);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let cancelled = AtomicBool::new(false);
        let watch = Watch::new(&cancelled, &|_| {});
        for effect in effects {
            let answers = match effect {
                Effect::Explain(number, question) => {
                    let result = self.analyst.explain(&question, &watch).map(Arc::new);
                    vec![Action::Explained(number, result)]
                }
                Effect::Develop(slot, number, scene, area) => {
                    vec![Action::Developed(slot, number, Ok(Arc::new(encoded(&scene, area))))]
                }
                Effect::Tiles(number, questions) => questions
                    .into_iter()
                    .map(|(tile, question)| {
                        let result = self.analyst.explain(&question, &watch).map(|explanation| {
                            let ranks = Ranks::of(&explanation.shown_map(false));
                            Arc::new(Tiled { explanation: Arc::new(explanation), ranks })
                        });
                        Action::TileExplained(number, tile, result)
                    })
                    .collect(),
                Effect::Predict(number, pictures, model) => pictures
                    .into_iter()
                    .map(|id| Action::Predicted(number, id, self.analyst.predict(id, model, &watch)))
                    .collect(),
                Effect::Thumbnails(ids, area) => ids
                    .into_iter()
                    .filter_map(|id| {
                        let image = self.analyst.thumbnail(id, 32).ok()?;
                        let encoded = encode(&image, &terminal(), area).unwrap();
                        Some(Action::Developed(Slot::Thumbnail(id), 0, Ok(Arc::new(encoded))))
                    })
                    .collect(),
                Effect::Open(path) => vec![Action::Opened(path.is_some(), self.analyst.open(path))],
                Effect::Reload(library) => {
                    let result = self.analyst.reload(library).transpose();
                    result.into_iter().map(Action::Reloaded).collect()
                }
                Effect::Save(saving) => vec![Action::Saved(self.analyst.save(&saving))],
                Effect::Json(explanation) => vec![Action::Json(self.analyst.json(&explanation))],
                other => {
                    self.caused.push(other);
                    Vec::new()
                }
            };
            for answer in answers {
                let effects = self.state.update(answer);
                self.carry_out(effects);
            }
        }
    }

    fn said(&self) -> &str {
        self.state.messages.last().map_or("", String::as_str)
    }

    fn click(&mut self, x: u16, y: u16) {
        for kind in [MouseEventKind::Down(MouseButton::Left), MouseEventKind::Up(MouseButton::Left)] {
            self.mouse(kind, x, y);
        }
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.act(Action::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    fn class(&self) -> usize {
        self.state.explanation().unwrap().class
    }
}

fn terminal() -> Capabilities {
    Capabilities {
        protocol: Protocol::Blocks,
        colours: Colours::True,
        terminal: true,
        ..Capabilities::none()
    }
}

fn encoded(scene: &Scene, area: (u16, u16)) -> camtui::interactive::picture::Encoded {
    let image = Developer::default().develop(scene, scene.shape());
    encode(&image, &terminal(), area).unwrap()
}

#[test]
fn the_first_picture_is_explained_and_its_neighbours_prepared() {
    let session = Session::new(5);
    assert_eq!(session.state.explanation().unwrap().question.picture, 0);
    assert!(!session.state.working && session.state.picture.is_some());
    let prefetched = session.caused.iter().find_map(|effect| match effect {
        Effect::Prefetch(pictures, 0) => Some(pictures.clone()),
        _ => None,
    });
    // The list is by folder: 0 and 3, then 1 and 4, then 2.
    assert_eq!(prefetched, Some(vec![3, 2, 1]));
}

#[test]
fn a_held_key_skips_what_nobody_will_see() {
    let mut session = Session::new(200);
    session.hold();
    session.keys(&["j"; 50]);
    let questions: Vec<u64> = session
        .held
        .as_ref()
        .unwrap()
        .iter()
        .filter_map(|effect| if let Effect::Explain(number, _) = effect { Some(*number) } else { None })
        .collect();
    assert_eq!(questions.len(), 50, "the mailbox keeps the last one");
    let wanted = session.state.question.picture;
    assert_eq!(session.state.explanation().unwrap().question.picture, 0, "the old picture stays until then");
    session.release();
    assert_eq!(session.state.explanation().unwrap().question.picture, wanted);
    assert!(!session.state.working);
}

#[test]
fn answers_to_old_questions_are_dropped() {
    let mut session = Session::new(5);
    session.hold();
    session.keys(&["j", "j"]);
    let held = session.held.take().unwrap();
    let first = held.iter().find(|effect| matches!(effect, Effect::Explain(..))).unwrap().clone();
    session.carry_out(vec![first]);
    assert_eq!(session.state.explanation().unwrap().question.picture, 0);
    assert!(session.state.working);
}

#[test]
fn classes_are_stepped_chosen_and_held_against_each_other() {
    let mut session = Session::new(3);
    session.keys(&["n"]);
    assert_eq!((session.class(), session.state.question.target), (1, Target::One(Class::Rank(1))));
    session.keys(&["w"]);
    assert_eq!(session.state.question.target, Target::Contrast(Class::Rank(1), Class::Rank(0)));
    assert_eq!(session.state.explanation().unwrap().against, Some(0));
    session.keys(&["w"]);
    assert_eq!(session.state.explanation().unwrap().against, None, "asked again: the class alone");
    session.keys(&["t", "t", "a", "b", "b", "y", "Enter"]);
    assert_eq!(session.class(), 4);
    session.keys(&["W", "c", "r", "a", "n", "e", "Enter"]);
    assert_eq!(session.state.question.target, Target::Contrast(Class::Index(4), Class::Index(6)));
    // A class that was chosen by name is kept for the next picture, one by rank is not.
    session.keys(&["j"]);
    assert_eq!(session.class(), 4);
    session.keys(&["T", "n", "j"]);
    assert_eq!(session.state.question.target, Target::Asked);
}

#[test]
fn only_valid_layers_are_offered() {
    let mut session = Session::new(3);
    session.keys(&["{"]);
    assert_eq!(session.state.question.layers, ["layer3"]);
    session.keys(&["{"]);
    assert!(session.said().contains("first layer"), "conv1 has no gradient: {}", session.said());
    session.keys(&["]"]);
    session.keys(&["{"]);
    assert_eq!(session.state.question.layers, ["conv1"], "eigen-cam needs none");
}

#[test]
fn parameters_take_effect_at_once_and_are_remembered() {
    let mut session = Session::new(3);
    session.keys(&["p"]);
    assert!(session.said().contains("no parameters"));
    session.keys(&["e", "o", "c", "c", "Enter", "p", "Left", "Left"]);
    assert_eq!(session.state.question.params, [("window".to_owned(), "30".to_owned())]);
    assert_eq!(session.state.explanation().unwrap().question.params.len(), 1);
    session.keys(&["Esc", "]", "["]);
    assert_eq!(session.state.question.params.len(), 1, "after another explainer and back");
}

#[test]
fn looks_change_without_asking_anything() {
    let mut session = Session::new(3);
    let before = session.state.explanation().unwrap().clone();
    session.keys(&["+", "+", "-", "x", "i", "s", "h", "L", "v", "z"]);
    let look = session.state.look;
    assert_eq!(
        (look.alpha, look.signed, look.top, look.contours, look.mode),
        (60, true, Some(50), true, Mode::Map)
    );
    assert!(look.zoom.factor > 1.0);
    assert!(Arc::ptr_eq(&before, session.state.explanation().unwrap()));
    assert_eq!(session.state.shown.as_ref().unwrap().look, look);
}

#[test]
fn changes_of_view_are_undone_one_by_one() {
    let mut session = Session::new(3);
    let (question, look) = (session.state.question.clone(), session.state.look);
    session.keys(&["+", "n", "e", "h", "i", "Enter", "x"]);
    session.keys(&["u"; 4]);
    assert_eq!((&session.state.question, session.state.look), (&question, look));
    session.keys(&["u"]);
    assert!(session.said().contains("nothing to undo"));
    session.keys(&["U"; 4]);
    assert_eq!(session.state.question.explainer, 3);
    assert_eq!(session.state.explanation().unwrap().question, session.state.question);
    // The picture stays where it is.
    session.keys(&["j", "u"]);
    assert_eq!(session.state.question.picture, session.state.explanation().unwrap().question.picture);
    assert_ne!(session.state.question.picture, 0);
}

#[test]
fn escape_closes_the_topmost_and_never_quits() {
    let mut session = Session::new(9);
    session.keys(&["c", "?", "j", "j"]);
    assert!(matches!(session.state.dialogs.as_slice(), [Dialog::Help(2)]), "the help is scrolled");
    session.keys(&["Esc"]);
    assert!(session.state.compare.is_some() && session.state.dialogs.is_empty());
    session.keys(&[":", "Esc", "Esc"]);
    assert!(session.state.compare.is_none() && session.state.dialogs.is_empty());
    session.keys(&["Esc"; 5]);
    assert!(!session.caused.iter().any(|effect| matches!(effect, Effect::Quit)));
    session.keys(&["q"]);
    assert!(session.caused.iter().any(|effect| matches!(effect, Effect::Quit)));
}

#[test]
fn a_computation_is_cancelled_and_the_shown_answer_stays() {
    let mut session = Session::new(5);
    session.hold();
    session.keys(&["j", "Esc"]);
    assert!(!session.state.working);
    assert_eq!(session.state.question.picture, 0);
    assert!(session.held.as_ref().unwrap().iter().any(|effect| matches!(effect, Effect::Cancel)));
    session.release();
    assert_eq!(session.state.explanation().unwrap().question.picture, 0);
}

#[test]
fn a_picture_that_cannot_be_read_says_so_and_the_next_one_works() {
    let mut session = Session::new(9);
    while session.state.question.picture != 7 {
        session.keys(&["j"]);
    }
    assert!(session.state.failure.as_ref().unwrap().contains("no picture"));
    assert!(session.state.browser.entries[7].broken && session.state.picture_place().is_none());
    session.keys(&["j"]);
    assert!(session.state.failure.is_none() && session.state.picture_place().is_some());
}

#[test]
fn searching_shows_the_best_match_while_typing() {
    let mut session = Session::new(30);
    session.keys(&["/", "0", "2", "1"]);
    assert_eq!(session.state.question.picture, 21);
    session.keys(&["Enter"]);
    assert_eq!(
        (session.state.browser.listed.as_slice(), session.state.browser.search.is_none()),
        (&[21][..], true)
    );
    session.keys(&["Esc"]);
    assert_eq!(session.state.browser.listed.len(), 30);
}

#[test]
fn marks_narrow_the_list() {
    let mut session = Session::new(9);
    session.keys(&["*"]);
    assert!(session.said().contains("no picture is marked"));
    session.keys(&["Space", "j", "Space", "*"]);
    assert_eq!(session.state.browser.listed, [0, 3]);
}

#[test]
fn sorting_by_class_classifies_first() {
    let mut session = Session::new(9);
    session.keys(&["S"]);
    assert_eq!(session.state.browser.sort, Sort::Class);
    assert!(session.state.classifying.is_none(), "all are classified");
    let labels: Vec<&str> = session
        .state
        .browser
        .listed
        .iter()
        .filter_map(|&id| session.state.browser.entries[id].class.as_ref())
        .map(|class| class.label.as_str())
        .collect();
    assert!(labels.is_sorted() && labels.len() == 8);
    assert!(session.state.browser.entries[7].broken);
}

#[test]
fn explainers_are_compared_on_layers_and_a_tile_opens() {
    let mut session = Session::new(3);
    session.keys(&["c"]);
    let compare = session.state.compare.as_ref().unwrap();
    assert_eq!((compare.tiles.len(), compare.across), (8, Some(4)), "four explainers on two layers");
    assert_eq!(compare.progress(), (8, 8));
    assert!(compare.tiles.iter().all(|tile| tile.picture.is_some()));
    assert_eq!(compare.agreement(0), None, "with itself");
    assert!(compare.agreement(1).is_some_and(|rho| (-1.0..=1.0).contains(&rho)));
    session.keys(&["Right", "Down", "Enter"]);
    assert!(session.state.compare.is_none());
    assert_eq!((session.state.question.explainer, session.state.question.layers[0].as_str()), (1, "layer3"));
    assert_eq!(session.state.explanation().unwrap().question, session.state.question);
    session.keys(&["u"]);
    assert_eq!(session.state.question.explainer, 0);
}

#[test]
fn what_is_compared_can_be_chosen() {
    let mut session = Session::new(3);
    session.keys(&["E", "ctrl-u", "Down", "Down", "Down", "Down", "Space", "Enter", "Space", "Enter"]);
    let compare = session.state.compare.as_ref().unwrap();
    let titles: Vec<&str> = compare.tiles.iter().map(|tile| tile.title.as_str()).collect();
    assert!(titles.iter().any(|title| title.starts_with("occlusion")), "{titles:?}");
}

#[test]
fn two_models_are_compared_with_their_difference() {
    let mut session = Session::with(3, |start| start.compared_models = 2);
    let compare = session.state.compare.as_ref().unwrap();
    assert_eq!(compare.tiles.len(), 3);
    assert!(compare.difference(2).is_some() && compare.tiles[2].picture.is_some());
    session.keys(&["Right", "Right", "Enter"]);
    assert!(session.said().contains("difference"));
    session.keys(&["Left", "Enter"]);
    assert_eq!(session.state.question.model, 1);
}

#[test]
fn a_comparison_follows_to_the_next_picture() {
    let mut session = Session::new(5);
    session.keys(&["c", "Right", "j"]);
    let compare = session.state.compare.as_ref().unwrap();
    assert_eq!(compare.cursor, 1);
    let Answer::Done(tiled) = &compare.tiles[5].answer else { panic!("not answered") };
    assert_eq!(tiled.explanation.question.picture, 3);
}

#[test]
fn saving_copying_and_opening_are_caused() {
    let mut session = Session::new(3);
    session.keys(&["f", "ctrl-u", "o", "u", "t", "Enter"]);
    assert_eq!(session.said(), "saved out/picture.png");
    session.keys(&["y"]);
    session.keys(&["Y"]);
    let copied: Vec<&str> = session
        .caused
        .iter()
        .filter_map(|effect| if let Effect::Copy(text) = effect { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(copied, ["folder0/picture000.jpg", "{\"class\":0}"]);
    session.keys(&["O"]);
    session.act(Action::Paste("/somewhere/new.png".to_owned()));
    session.keys(&["Enter"]);
    assert_eq!(session.state.question.picture, 3);
    session.keys(&["O", "m", "i", "s", "s", "i", "n", "g", "Enter"]);
    assert!(session.said().contains("no such file"));
}

#[test]
fn pictures_that_appear_are_listed_and_do_not_disturb() {
    let mut session = Session::new(3);
    let new = session.analyst.open(Some("late.jpg".into())).unwrap();
    session.act(Action::Opened(false, Ok(new)));
    assert_eq!((session.state.browser.entries.len(), session.state.question.picture), (4, 0));
}

#[test]
fn an_empty_list_says_what_to_do() {
    let session = Session::new(0);
    assert!(session.state.failure.as_ref().unwrap().contains("adds a folder"));
}

#[test]
fn the_mouse_chooses_zooms_pans_and_drags_borders() {
    let mut session = Session::new(9);
    session.act(Action::Resized(200, 45));
    let areas = session.state.areas().unwrap();
    let (browser, side) = (areas.browser.unwrap(), areas.side.unwrap());
    let rows = camtui::interactive::view::browser::rows(&session.state, browser);
    let third =
        rows.iter().filter(|row| matches!(row.line, camtui::interactive::browser::Line::Picture(_))).nth(2);
    let third = third.unwrap();
    session.click(third.area.x + 1, third.area.y);
    assert_eq!(third.line, camtui::interactive::browser::Line::Picture(session.state.question.picture));

    let place = session.state.picture_place().unwrap();
    session.mouse(MouseEventKind::ScrollUp, place.x + 2, place.y + 2);
    let zoom = session.state.look.zoom;
    assert!(zoom.factor > 1.0 && zoom.x < 0.5, "towards the cursor");
    session.mouse(MouseEventKind::Down(MouseButton::Left), place.x + 2, place.y + 2);
    session.mouse(MouseEventKind::Drag(MouseButton::Left), place.x, place.y + 2);
    assert!(session.state.look.zoom.x > zoom.x, "the picture follows the mouse");
    session.mouse(MouseEventKind::Up(MouseButton::Left), place.x, place.y);
    session.mouse(MouseEventKind::Down(MouseButton::Right), place.x + 5, place.y + 5);
    assert!(session.state.crosshair.is_some());

    session.mouse(MouseEventKind::Down(MouseButton::Left), browser.right(), 5);
    session.mouse(MouseEventKind::Drag(MouseButton::Left), browser.right() + 6, 5);
    assert_eq!(session.state.areas().unwrap().browser.unwrap().width, browser.width + 6);
    session.mouse(MouseEventKind::Up(MouseButton::Left), 0, 0);
    session.mouse(MouseEventKind::Down(MouseButton::Left), side.x - 1, 5);
    session.mouse(MouseEventKind::Drag(MouseButton::Left), side.x - 5, 5);
    assert_eq!(session.state.areas().unwrap().side.unwrap().width, side.width + 4);
}

#[test]
fn every_command_can_be_given_at_any_moment() {
    for size in [(10, 5), (40, 12), (80, 24), (200, 60)] {
        for first in TABLE {
            let mut session = Session::new(4);
            session.act(Action::Resized(size.0, size.1));
            for entry in [first, &TABLE[3], first] {
                if entry.command != Command::Quit {
                    session.act(Action::Command(entry.command));
                }
            }
        }
    }
}
