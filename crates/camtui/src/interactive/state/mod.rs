//! The session's state and its one transition function. No terminal, no threads, no clock: tests speak to it in actions.
//!
//! What is shown changes only when all of it is there: a new answer waits in `coming` until its picture is made, so the
//! predictions never belong to another picture than the one on screen. Answers to questions that are no longer asked are
//! recognised by their number and dropped: the latest wins.
//!
//! [`obey`] carries commands out, [`dialogs`] what is chosen and typed, [`tiles`] the comparison, [`reload`] libraries
//! that were rebuilt, [`worth`] what maps are worth, [`mod@pointer`] the mouse.

mod dialogs;
mod obey;
mod pointer;
mod reload;
mod tiles;
mod worth;

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::layout::Rect;

use super::action::{Action, Effect, Slot};
use super::analyst::{Catalogue, Explanation, NewPicture, PictureId, Question, Target};
use super::browser::{Browser, Sort};
use super::compare::Compare;
use super::develop::Scene;
use super::dialog::Dialog;
use super::keys::Keymap;
use super::layout::{Areas, Panes, areas};
use super::look::Look;
use super::picture::Encoded;
use super::view::progress;
pub use worth::Valued;

/// Messages that are kept.
const KEPT_MESSAGES: usize = 200;
/// Changes of view that can be undone.
const KEPT_CHANGES: usize = 100;
/// A thumbnail's size in cells.
pub const THUMBNAIL: (u16, u16) = (8, 4);

/// What the session starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// What there is to choose from.
    pub catalogue: Catalogue,
    /// The pictures.
    pub pictures: Vec<NewPicture>,
    /// The first question.
    pub question: Question,
    /// Pictures that are marked.
    pub marked: Vec<PictureId>,
    /// How answers are drawn.
    pub look: Look,
    /// Which panes are wanted.
    pub panes: Panes,
    /// The order of the list.
    pub sort: Sort,
    /// The keys.
    pub keymap: Keymap,
    /// Whether the list has thumbnails.
    pub thumbnails: bool,
    /// How many models the command line named, where it named several: they are compared at once.
    pub compared_models: usize,
    /// The explainers that the command line named, with their parameters, where it named several: they are compared at once.
    pub compared_explainers: Vec<(usize, Vec<(String, String)>)>,
    /// Whether what is seen is measured from the start.
    pub measuring: bool,
    /// The folder that files are saved in unless another is typed.
    pub save_to: String,
    /// What is to be told at the start.
    pub notices: Vec<String>,
}

/// What a change of view can be undone to; the picture stays.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    question: Question,
    look: Look,
}

/// Everything that the view shows and the next action depends on.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and no two exclude each other")]
pub struct State {
    /// What there is to choose from.
    pub catalogue: Catalogue,
    /// The list of pictures.
    pub browser: Browser,
    /// What the user wants to know.
    pub question: Question,
    /// How the user wants to see it.
    pub look: Look,
    /// What is on screen.
    pub shown: Option<Scene>,
    /// The picture on screen, ready for the terminal.
    pub picture: Option<Arc<Encoded>>,
    /// Why what is wanted cannot be shown.
    pub failure: Option<String>,
    /// Whether an answer is awaited.
    pub working: bool,
    /// How much of it is done, 0…1.
    pub progress: f32,
    /// Pictures still to be classified, and how many there were.
    pub classifying: Option<(usize, usize)>,
    /// The comparison, while there is one.
    pub compare: Option<Compare>,
    /// Whether what is seen is measured.
    pub measuring: bool,
    /// What lies over everything, the topmost last.
    pub dialogs: Vec<Dialog>,
    /// A point of the picture that is read, 0…1.
    pub crosshair: Option<(f32, f32)>,
    /// Which panes are wanted.
    pub panes: Panes,
    /// What was said, the latest last.
    pub messages: Vec<String>,
    /// Whether the latest message is still to be seen.
    pub fresh_message: bool,
    /// Whether it says that something is wrong.
    pub alarming_message: bool,
    /// The screen in cells.
    pub size: (u16, u16),
    /// The keys.
    pub keymap: Keymap,
    /// Whether the list has thumbnails.
    pub thumbnails: bool,
    /// Where files go.
    save_to: String,
    /// Parameters that were set, by explainer.
    params: HashMap<usize, Vec<(String, String)>>,
    /// Explainers and layers that were chosen to be compared.
    compared: (Vec<usize>, Vec<String>),
    compared_models: usize,
    worths: worth::Worths,
    /// Answered, but its picture is not made yet.
    coming: Option<Scene>,
    undone: Vec<Change>,
    done: Vec<Change>,
    /// What the mouse holds.
    held: pointer::Held,
    /// Numbers of the latest questions.
    explaining: u64,
    /// The latest that was answered.
    answered: u64,
    developing: u64,
    predicting: u64,
    comparing: u64,
    /// What was asked of the thumbnails' maker last.
    thumbnails_asked: Vec<PictureId>,
    /// Whether the two models of the command line are still to be compared.
    compare_models_first: bool,
    /// Whether its explainers are.
    compare_explainers_first: bool,
}

impl State {
    /// The state at the start, and what is to be done first.
    pub fn start(start: Start, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let mut browser = Browser::new(start.pictures);
        for id in start.marked {
            if let Some(entry) = browser.entries.get_mut(id) {
                entry.marked = true;
            }
        }
        browser.sort = start.sort;
        browser.arrange();
        let mut params: HashMap<_, _> = start.compared_explainers.iter().cloned().collect();
        params.insert(start.question.explainer, start.question.params.clone());
        let explainers: Vec<usize> = start.compared_explainers.iter().map(|(at, _)| *at).collect();
        let compare_explainers_first = start.compared_models < 2 && explainers.len() > 1;
        let mut state = Self {
            params,
            catalogue: start.catalogue,
            browser,
            question: start.question.clone(),
            look: start.look,
            shown: None,
            picture: None,
            failure: None,
            working: false,
            progress: 0.0,
            classifying: None,
            compare: None,
            measuring: start.measuring,
            dialogs: Vec::new(),
            crosshair: None,
            panes: start.panes,
            messages: Vec::new(),
            fresh_message: false,
            alarming_message: false,
            size,
            keymap: start.keymap,
            thumbnails: start.thumbnails,
            save_to: start.save_to,
            compared: (explainers, start.question.layers.clone()),
            compared_models: start.compared_models,
            worths: worth::Worths::default(),
            coming: None,
            undone: Vec::new(),
            done: Vec::new(),
            held: pointer::Held::Nothing,
            explaining: 0,
            answered: 0,
            developing: 0,
            predicting: 0,
            comparing: 0,
            thumbnails_asked: Vec::new(),
            compare_models_first: start.compared_models > 1,
            compare_explainers_first,
        };
        for notice in start.notices {
            state.say(&notice);
        }
        let mut effects = state.explain();
        if state.browser.sort != Sort::Name {
            effects.extend(state.classify());
        }
        effects.extend(state.ask_for_thumbnails());
        (state, effects)
    }

    /// What an action changes and causes.
    pub fn update(&mut self, action: Action) -> Vec<Effect> {
        let mut effects = match action {
            Action::Key(key) => self.key(key),
            Action::Paste(text) => self.paste(&text),
            Action::Mouse(event) => self.mouse(event),
            Action::Command(command) => self.obey(command),
            Action::Resized(cols, rows) => {
                self.size = (cols, rows);
                self.develop_all()
            }
            Action::Resumed => self.paint_anew(),
            Action::Progress(number, done) => {
                if number == self.explaining {
                    self.progress = done;
                }
                Vec::new()
            }
            Action::Converging(number, explanation) => self.converging(number, explanation),
            Action::Explained(number, result) => self.explained(number, result),
            Action::Developed(slot, number, result) => {
                self.developed(slot, number, result);
                Vec::new()
            }
            Action::TileProgress(number, tile, done) => {
                self.tile_progress(number, tile, done);
                Vec::new()
            }
            Action::TileExplained(number, tile, result) => self.tile_explained(number, tile, result),
            Action::Predicted(number, picture, result) => {
                self.predicted(number, picture, result.ok().and_then(|all| all.first().cloned()));
                Vec::new()
            }
            Action::Measured(question, result) => {
                self.measured(*question, result);
                Vec::new()
            }
            Action::Opened(asked, result) => self.opened(asked, result),
            Action::FolderChanged => vec![Effect::Open(None)],
            Action::LibraryChanged(library) => vec![Effect::Reload(library)],
            Action::Reloaded(result) => self.reloaded(result),
            Action::Saved(Ok(paths)) => {
                self.say(&format!("saved {}", together(&paths)));
                Vec::new()
            }
            Action::Saved(Err(why)) => {
                self.say(&format!("not saved: {why}"));
                Vec::new()
            }
            Action::Json(text) => {
                self.say("the result was copied as JSON");
                vec![Effect::Copy(text)]
            }
            Action::Said(text) => {
                self.say(&text);
                Vec::new()
            }
        };
        effects.extend(self.compare_at_first());
        effects.extend(self.ask_for_thumbnails());
        effects.extend(self.ask_to_measure());
        effects
    }

    /// The parts of the screen.
    pub fn areas(&self) -> Option<Areas> {
        let several = self.browser.entries.len() > 1;
        areas(self.size, self.panes, several, self.browser.search.is_some())
    }

    /// Where the large picture is painted, if it is: what covers or moves it changes this.
    pub fn picture_place(&self) -> Option<Rect> {
        if self.failure.is_some() || self.compare.is_some() {
            return None;
        }
        self.picture.as_ref()?.place_in(self.areas()?.picture)
    }

    /// What is explained and shown, if it is of the picture that is wanted.
    pub fn explanation(&self) -> Option<&Arc<Explanation>> {
        self.shown.as_ref().map(|scene| &scene.explanation)
    }

    /// The answer that the user looks at: that of the tile under the cursor, or the one on screen.
    pub fn looked_at(&self) -> Option<&Arc<Explanation>> {
        match &self.compare {
            Some(compare) => compare.tiles.get(compare.cursor)?.explanation(),
            None => self.explanation(),
        }
    }

    /// Tells the user something.
    pub fn say(&mut self, text: &str) {
        self.messages.push(camtui_term::sanitise(text));
        self.fresh_message = true;
        self.alarming_message = false;
        let excess = self.messages.len().saturating_sub(KEPT_MESSAGES);
        self.messages.drain(..excess);
    }

    /// Tells the user what an explainer did that it must not.
    fn complain(&mut self, complaints: &[String]) {
        for complaint in complaints {
            self.say(complaint);
            self.alarming_message = true;
        }
    }

    /// Asks the question anew; whatever was asked before is no longer wanted.
    fn explain(&mut self) -> Vec<Effect> {
        self.explaining += 1;
        // What was on its way is no longer wanted.
        self.developing += 1;
        self.coming = None;
        self.failure = None;
        self.progress = 0.0;
        if self.browser.entries.is_empty() {
            self.failure = Some("There is no picture here yet; O adds a folder or a file.".to_owned());
            self.working = false;
            return Vec::new();
        }
        self.working = true;
        vec![Effect::Explain(self.explaining, self.question.clone())]
    }

    /// Shows what there is of an answer, unless the last of it is not painted yet: a slow terminal must see some of them.
    fn converging(&mut self, number: u64, explanation: Arc<Explanation>) -> Vec<Effect> {
        if number != self.explaining || !self.working || self.coming.is_some() || self.compare.is_some() {
            return Vec::new();
        }
        self.coming = Some(self.scene(explanation));
        self.develop()
    }

    fn explained(&mut self, number: u64, result: Result<Arc<Explanation>, String>) -> Vec<Effect> {
        if number != self.explaining || !self.working {
            return Vec::new();
        }
        match result {
            Ok(explanation) => {
                self.answered = number;
                let picture = explanation.question.picture;
                let entry = &mut self.browser.entries[picture];
                entry.broken = false;
                if entry.class.is_none() {
                    entry.class = explanation.predictions.first().cloned();
                }
                self.complain(&explanation.complaints);
                self.coming = Some(self.scene(explanation));
                let mut effects = self.develop();
                effects.push(Effect::Prefetch(self.browser.neighbours(picture), self.question.model));
                if self.compare_models_first {
                    self.compare_models_first = false;
                    effects.extend(self.compare_models());
                }
                effects
            }
            Err(failure) => {
                self.fail(&failure);
                Vec::new()
            }
        }
    }

    fn developed(&mut self, slot: Slot, number: u64, result: Result<Arc<Encoded>, String>) {
        match (slot, result) {
            (Slot::Main, result) if number == self.developing => match result {
                Ok(picture) => {
                    self.arrive();
                    self.picture = Some(picture);
                }
                Err(failure) => self.fail(&failure),
            },
            (Slot::Tile(tile), result) if number == self.comparing => self.tile_developed(tile, result),
            (Slot::Thumbnail(id), Ok(picture)) => {
                if let Some(entry) = self.browser.entries.get_mut(id) {
                    entry.thumbnail = Some(picture);
                }
            }
            _ => {}
        }
    }

    fn predicted(&mut self, number: u64, id: PictureId, class: Option<super::analyst::Prediction>) {
        if number != self.predicting {
            return;
        }
        if let Some(entry) = self.browser.entries.get_mut(id) {
            entry.broken |= class.is_none();
            entry.class = class;
        }
        if let Some((left, _)) = &mut self.classifying {
            *left = left.saturating_sub(1);
            let done = *left == 0;
            // In good order now and then, and at the end.
            if done || *left % 16 == 0 {
                self.browser.arrange();
            }
            if done {
                self.classifying = None;
            }
        }
    }

    fn opened(&mut self, asked: bool, result: Result<Vec<NewPicture>, String>) -> Vec<Effect> {
        match result {
            Ok(pictures) if pictures.is_empty() => {
                if asked {
                    self.say("nothing new there");
                }
                Vec::new()
            }
            Ok(pictures) => {
                let first = pictures[0].id;
                let was_empty = self.browser.entries.is_empty();
                let one = pictures.len() == 1;
                let what =
                    if one { pictures[0].name.clone() } else { format!("{} pictures", pictures.len()) };
                self.browser.add(pictures);
                self.say(&format!("added {what}"));
                // What was asked for is gone to; what merely appeared is not.
                if asked || was_empty { self.go_to(first) } else { Vec::new() }
            }
            Err(why) => {
                self.say(&why);
                Vec::new()
            }
        }
    }

    /// The scene of an answer as the user wants to see it.
    fn scene(&self, explanation: Arc<Explanation>) -> Scene {
        Scene { explanation, minus: None, look: self.look, crosshair: self.crosshair }
    }

    /// Asks for the picture at its size: the one that is coming, or else the one that is shown.
    fn develop(&mut self) -> Vec<Effect> {
        let Some(next) = self.coming.as_ref().or(self.shown.as_ref()) else { return Vec::new() };
        let scene = self.scene(Arc::clone(&next.explanation));
        self.developing += 1;
        self.coming = Some(scene.clone());
        let Some(areas) = self.areas() else {
            // Nothing is painted on such a screen; a larger one asks again.
            self.arrive();
            self.picture = None;
            return Vec::new();
        };
        if self.compare.is_some() {
            // It is covered; it is made when the comparison is left.
            self.arrive();
            return Vec::new();
        }
        let area = (areas.picture.width, areas.picture.height);
        vec![Effect::Develop(Slot::Main, self.developing, Box::new(scene), area)]
    }

    /// The large picture and all tiles anew.
    fn develop_all(&mut self) -> Vec<Effect> {
        let mut effects = self.develop();
        effects.extend(self.develop_tiles());
        effects
    }

    fn paint_anew(&mut self) -> Vec<Effect> {
        // Kitty forgets its pictures on the way, so these must be sent again.
        let mut effects = vec![Effect::Clear];
        effects.extend(self.develop_all());
        for entry in &mut self.browser.entries {
            entry.thumbnail = None;
        }
        self.thumbnails_asked.clear();
        effects
    }

    /// What was coming is now shown.
    fn arrive(&mut self) {
        if let Some(coming) = self.coming.take() {
            // Only an answer to the latest question ends the waiting; a redrawn old one does not.
            if self.answered == self.explaining {
                self.working = false;
            }
            self.shown = Some(coming);
        }
    }

    fn fail(&mut self, failure: &str) {
        // The old picture under the new one's name would be a lie.
        self.failure = Some(camtui_term::sanitise(failure));
        if let Some(entry) = self.browser.entries.get_mut(self.question.picture) {
            entry.broken = entry.class.is_none();
        }
        self.coming = None;
        self.shown = None;
        self.picture = None;
        self.working = false;
    }

    /// Gives up what is being answered and goes back to what is shown.
    fn cancel(&mut self) -> Vec<Effect> {
        self.explaining += 1;
        self.developing += 1;
        self.coming = None;
        self.working = false;
        match &self.shown {
            Some(shown) => self.question = shown.explanation.question.clone(),
            None => self.failure = Some("Cancelled. Any other picture or class starts again.".to_owned()),
        }
        let done = progress(self.progress);
        self.say(&match &self.shown {
            Some(shown) if shown.explanation.unfinished => {
                format!("stopped at {done}: the map is unfinished")
            }
            _ => "cancelled".to_owned(),
        });
        let mut effects = vec![Effect::Cancel];
        // The shown picture may have been waiting for its new size.
        effects.extend(self.develop());
        effects
    }

    /// Another picture, with the same question.
    fn go_to(&mut self, picture: PictureId) -> Vec<Effect> {
        if picture == self.question.picture && self.failure.is_none() && self.shown.is_some() {
            return Vec::new();
        }
        self.question.picture = picture;
        // A class that was stepped to by rank belongs to the picture that was left.
        if matches!(self.question.target, Target::One(super::analyst::Class::Rank(_))) {
            self.question.target = Target::Asked;
        }
        self.look.zoom = super::look::Zoom::default();
        let mut effects = self.explain();
        effects.extend(self.compare_again());
        effects
    }

    /// Classifies all that is not classified yet, for sorting.
    fn classify(&mut self) -> Vec<Effect> {
        let open: Vec<PictureId> = self
            .browser
            .entries
            .iter()
            .filter(|entry| entry.class.is_none() && !entry.broken)
            .map(|entry| entry.picture.id)
            .collect();
        self.predicting += 1;
        if open.is_empty() {
            self.classifying = None;
            return Vec::new();
        }
        self.classifying = Some((open.len(), open.len()));
        vec![Effect::Predict(self.predicting, open, self.question.model)]
    }

    /// Thumbnails of what is listed on screen, where they are wanted and missing.
    fn ask_for_thumbnails(&mut self) -> Vec<Effect> {
        if !self.thumbnails {
            return Vec::new();
        }
        let Some(area) = self.areas().and_then(|areas| areas.browser) else { return Vec::new() };
        let rows = super::view::browser::rows(self, area);
        let missing: Vec<PictureId> = rows
            .into_iter()
            .filter_map(|row| match row.line {
                super::browser::Line::Picture(id) => Some(id),
                super::browser::Line::Folder(_) => None,
            })
            .filter(|&id| self.browser.entries[id].thumbnail.is_none())
            .collect();
        if missing.is_empty() || missing == self.thumbnails_asked {
            return Vec::new();
        }
        self.thumbnails_asked.clone_from(&missing);
        vec![Effect::Thumbnails(missing, THUMBNAIL)]
    }

    /// What is in the way of the question is noted, so that it can be undone.
    fn remember(&mut self) {
        let now = Change { question: self.question.clone(), look: self.look };
        if self.done.last() != Some(&now) {
            self.done.push(now);
            let excess = self.done.len().saturating_sub(KEPT_CHANGES);
            self.done.drain(..excess);
        }
        self.undone.clear();
    }
}

/// Paths in one line; those that differ in their endings only, by these.
fn together(paths: &[String]) -> String {
    let split = |path: &str| path.rsplit_once('.').map(|(stem, ending)| (stem.to_owned(), ending.to_owned()));
    let parts: Option<Vec<(String, String)>> = paths.iter().map(|path| split(path)).collect();
    match parts {
        Some(parts) if parts.windows(2).all(|pair| pair[0].0 == pair[1].0) && !parts.is_empty() => {
            let endings: Vec<String> = parts.iter().map(|(_, ending)| format!(".{ending}")).collect();
            format!("{}{}", parts[0].0, endings.join(" "))
        }
        _ => paths.join(", "),
    }
}
