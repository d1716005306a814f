//! The session's state and its one transition function. No terminal, no threads, no clock: tests speak to it in actions.
//!
//! What is shown changes only when all of it is there: a new explanation waits in `coming` until its picture is encoded,
//! so the predictions never belong to another picture than the one on screen. Answers to questions that are no longer
//! asked are recognised by their number and dropped: the latest wins.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::action::{Action, Command, Effect};
use super::analyst::{Request, Target, View};
use super::layout::areas;
use super::picture::Encoded;

/// An explanation and what it answers.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What was asked.
    pub request: Request,
    /// The answer.
    pub view: Arc<View>,
}

/// Everything that the view shows and the next action depends on.
#[derive(Debug)]
pub struct State {
    /// The pictures' names, safe to show.
    pub names: Vec<String>,
    /// What the user wants to see.
    pub wanted: Request,
    /// What is on screen.
    pub shown: Option<Shown>,
    /// The picture on screen, ready for the terminal.
    pub picture: Option<Arc<Encoded>>,
    /// Why what is wanted cannot be shown.
    pub failure: Option<String>,
    /// Whether an answer is awaited.
    pub working: bool,
    /// Whether the help lies over everything.
    pub help: bool,
    /// The screen in cells.
    pub size: (u16, u16),
    /// Explained, but its picture is not encoded yet.
    coming: Option<Shown>,
    /// Numbers of the latest questions.
    explaining: u64,
    encoding: u64,
}

impl State {
    /// The state at the start, and what is to be done first. There must be at least one name.
    pub fn start(names: &[String], size: (u16, u16)) -> (Self, Vec<Effect>) {
        let mut state = Self {
            names: names.iter().map(|name| camtui_term::sanitise(name)).collect(),
            wanted: Request { picture: 0, target: Target::Asked },
            shown: None,
            picture: None,
            failure: None,
            working: false,
            help: false,
            size,
            coming: None,
            explaining: 0,
            encoding: 0,
        };
        let effects = state.explain();
        (state, effects)
    }

    /// What an action changes and causes.
    pub fn update(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Command(command) => self.obey(command),
            Action::Resized(cols, rows) => {
                self.size = (cols, rows);
                self.encode()
            }
            Action::Resumed => self.paint_anew(),
            Action::Explained(number, result) => {
                if number != self.explaining || !self.working {
                    return Vec::new();
                }
                match result {
                    Ok(view) => {
                        self.coming = Some(Shown { request: self.wanted, view });
                        self.encode()
                    }
                    Err(failure) => {
                        self.fail(&failure);
                        Vec::new()
                    }
                }
            }
            Action::Encoded(number, result) => {
                if number != self.encoding {
                    return Vec::new();
                }
                match result {
                    Ok(picture) => {
                        self.arrive();
                        self.picture = Some(picture);
                    }
                    Err(failure) => self.fail(&failure),
                }
                Vec::new()
            }
        }
    }

    /// Where the picture is painted, if it is: what covers or moves it changes this.
    pub fn picture_place(&self) -> Option<Rect> {
        let picture = self.picture.as_ref()?;
        if self.failure.is_some() || (self.help && picture.outlives_text()) {
            return None;
        }
        picture.place_in(areas(self.size.0, self.size.1)?.picture)
    }

    fn obey(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Quit => return vec![Effect::Quit],
            Command::Interrupt => return vec![Effect::Interrupt],
            Command::Suspend => return vec![Effect::Suspend],
            Command::Redraw => return self.paint_anew(),
            Command::Help => self.help = !self.help,
            Command::Close if self.help => self.help = false,
            Command::Close => return self.cancel(),
            // The help hides what these would change.
            _ if self.help => {}
            Command::NextPicture => return self.step_picture(1),
            Command::PreviousPicture => return self.step_picture(self.names.len() - 1),
            Command::NextClass => return self.step_class(true),
            Command::PreviousClass => return self.step_class(false),
        }
        Vec::new()
    }

    fn step_picture(&mut self, by: usize) -> Vec<Effect> {
        if self.names.len() < 2 {
            return Vec::new();
        }
        self.wanted =
            Request { picture: (self.wanted.picture + by) % self.names.len(), target: Target::Asked };
        self.explain()
    }

    fn step_class(&mut self, forward: bool) -> Vec<Effect> {
        // Ranks are those of the picture on screen: there are none before it is explained.
        let Some(shown) = self.shown.as_ref().filter(|shown| shown.request.picture == self.wanted.picture)
        else {
            return Vec::new();
        };
        let count = shown.view.predictions.len();
        if count < 2 {
            return Vec::new();
        }
        let rank = match self.wanted.target {
            Target::Rank(rank) => Some(rank),
            Target::Asked => {
                shown.view.predictions.iter().position(|class| class.index == shown.view.target.index)
            }
        };
        let next = match (rank, forward) {
            (Some(rank), true) => (rank + 1) % count,
            (Some(rank), false) => (rank + count - 1) % count,
            // The asked-for class is none of the likely ones: the way back to the list begins at its top.
            (None, _) => 0,
        };
        self.wanted.target = Target::Rank(next);
        self.explain()
    }

    fn explain(&mut self) -> Vec<Effect> {
        self.explaining += 1;
        // What was on its way is no longer wanted.
        self.encoding += 1;
        self.coming = None;
        self.failure = None;
        self.working = true;
        vec![Effect::Explain(self.explaining, self.wanted)]
    }

    /// Asks for the picture at its size: the one that is coming, or else the one that is shown.
    fn encode(&mut self) -> Vec<Effect> {
        let Some(next) = self.coming.as_ref().or(self.shown.as_ref()) else { return Vec::new() };
        let view = Arc::clone(&next.view);
        self.encoding += 1;
        let Some(areas) = areas(self.size.0, self.size.1) else {
            // Nothing is painted on such a screen; a larger one asks again.
            self.arrive();
            self.picture = None;
            return Vec::new();
        };
        vec![Effect::Encode(self.encoding, view, (areas.picture.width, areas.picture.height))]
    }

    fn paint_anew(&mut self) -> Vec<Effect> {
        // Kitty forgets its pictures on the way, so this one must be sent again.
        let mut effects = vec![Effect::Clear];
        effects.extend(self.encode());
        effects
    }

    /// What was coming is now shown.
    fn arrive(&mut self) {
        if let Some(coming) = self.coming.take() {
            self.shown = Some(coming);
            self.working = false;
        }
    }

    fn fail(&mut self, failure: &str) {
        // The old picture under the new one's name would be a lie.
        self.failure = Some(camtui_term::sanitise(failure));
        self.coming = None;
        self.shown = None;
        self.picture = None;
        self.working = false;
    }

    fn cancel(&mut self) -> Vec<Effect> {
        if !self.working {
            return Vec::new();
        }
        self.explaining += 1;
        self.encoding += 1;
        self.coming = None;
        self.working = false;
        match &self.shown {
            Some(shown) => self.wanted = shown.request,
            None => self.failure = Some("Cancelled. Any other picture or class starts again.".to_owned()),
        }
        let mut effects = vec![Effect::Cancel];
        // The shown picture may have been waiting for its new size.
        effects.extend(self.encode());
        effects
    }
}

#[cfg(test)]
mod tests;
