//! What each command does to the state.

use camtui_core::heatmap::{Colormap, Interpolation};

use super::super::analyst::{Class, LayerInfo, Target};
use super::super::command::Command;
use super::super::dialog::{Dialog, Prompt};
use super::super::field::Field;
use super::super::look::{Look, Mode, SHARES, Zoom};
use super::{Change, Effect, State};

/// Percent of opacity in one step.
const ALPHA_STEP: i32 = 10;
/// How much closer one step looks.
const ZOOM_STEP: f32 = 1.5;
/// The share of what is seen that one step moves by.
const PAN_STEP: f32 = 0.125;
/// The share of what is seen that one step of the crosshair moves by.
const CROSSHAIR_STEP: f32 = 0.02;
/// Columns that one step widens a pane by.
const PANE_STEP: i32 = 4;

impl State {
    /// Carries a command out.
    pub(super) fn obey(&mut self, command: Command) -> Vec<Effect> {
        if command != Command::Messages {
            self.fresh_message = false;
        }
        match command {
            Command::Quit => return vec![Effect::Quit],
            Command::Interrupt => return vec![Effect::Interrupt],
            Command::Suspend => return vec![Effect::Suspend],
            Command::Redraw => return self.paint_anew(),
            Command::Close => return self.close(),
            Command::Help => self.open_dialog(Dialog::Help(0)),
            Command::Messages => self.open_dialog(Dialog::Messages(0)),
            Command::Palette => self.open_palette(),
            Command::NextPicture => return self.step_picture(1),
            Command::PreviousPicture => return self.step_picture(-1),
            Command::FirstPicture => return self.jump(self.browser.listed.first().copied()),
            Command::LastPicture => return self.jump(self.browser.listed.last().copied()),
            Command::SearchPictures => return self.search_pictures(),
            Command::SortPictures => return self.sort_pictures(),
            Command::Mark => {
                if let Some(entry) = self.browser.entries.get_mut(self.question.picture) {
                    entry.marked = !entry.marked;
                }
                self.browser.arrange();
            }
            Command::OnlyMarked => {
                if self.browser.marked() == 0 && !self.browser.only_marked {
                    self.say("no picture is marked yet; Space marks one");
                } else {
                    self.browser.only_marked = !self.browser.only_marked;
                    self.browser.arrange();
                }
            }
            Command::Open => self.open_dialog(Dialog::Prompt(Prompt::Open, Field::default())),
            Command::NextClass => return self.step_class(1),
            Command::PreviousClass => return self.step_class(-1),
            Command::WhyNot => return self.why_not(),
            Command::AskedClass => return self.ask(|question| question.target = Target::Asked),
            Command::NextExplainer => return self.step_explainer(1),
            Command::PreviousExplainer => return self.step_explainer(-1),
            Command::NextLayer => return self.step_layer(1),
            Command::PreviousLayer => return self.step_layer(-1),
            Command::ChooseClass
            | Command::ChooseContrast
            | Command::ChooseExplainer
            | Command::ChooseLayer
            | Command::ChooseModel
            | Command::ChooseColormap
            | Command::ChooseCompared => self.open_choice(command),
            Command::Parameters => self.open_parameters(),
            Command::MoreOpaque
            | Command::LessOpaque
            | Command::NextColormap
            | Command::NextInterpolation
            | Command::Signed
            | Command::NextMode
            | Command::PictureOnly
            | Command::Threshold
            | Command::Contours
            | Command::ZoomReset => return self.change(|look| relook(look, command)),
            Command::ZoomIn => return self.zoom(ZOOM_STEP, self.crosshair),
            Command::ZoomOut => return self.zoom(1.0 / ZOOM_STEP, self.crosshair),
            Command::Left => return self.arrow(-1, 0),
            Command::Right => return self.arrow(1, 0),
            Command::Up => return self.arrow(0, -1),
            Command::Down => return self.arrow(0, 1),
            Command::Crosshair => {
                let middle = (self.look.zoom.x, self.look.zoom.y);
                self.crosshair = if self.crosshair.is_some() { None } else { Some(middle) };
                return self.develop();
            }
            Command::CompareExplainers => return self.compare_explainers(),
            Command::NextSmoothing => return self.ask(|question| question.smooth = question.smooth.next()),
            Command::Measure => self.toggle_measuring(),
            Command::Advise => return self.advise(),
            Command::CompareClasses => return self.compare_classes(),
            Command::CompareModels => return self.compare_models(),
            Command::Save | Command::CopyPath | Command::CopyJson => return self.keep(command),
            Command::Undo => return self.go_back(false),
            Command::Redo => return self.go_back(true),
            Command::ToggleBrowser
            | Command::ToggleSide
            | Command::WidenBrowser
            | Command::NarrowBrowser
            | Command::WidenSide
            | Command::NarrowSide => return self.change_panes(command),
        }
        Vec::new()
    }

    fn change_panes(&mut self, command: Command) -> Vec<Effect> {
        let areas = self.areas();
        match command {
            Command::ToggleBrowser => {
                self.panes.browser = Some(areas.is_none_or(|areas| areas.browser.is_none()));
            }
            Command::ToggleSide => self.panes.side = Some(areas.is_none_or(|areas| areas.side.is_none())),
            Command::WidenBrowser => self.panes.widen_browser(PANE_STEP),
            Command::NarrowBrowser => self.panes.widen_browser(-PANE_STEP),
            Command::WidenSide => self.panes.widen_side(PANE_STEP),
            _ => self.panes.widen_side(-PANE_STEP),
        }
        self.develop_all()
    }

    /// What is seen goes to files or into the clipboard.
    fn keep(&mut self, command: Command) -> Vec<Effect> {
        if command == Command::CopyPath {
            let entry = self.browser.entries.get(self.question.picture);
            let Some(path) = entry.map(|entry| entry.picture.path.clone()) else { return Vec::new() };
            self.say(&format!("copied {path}"));
            return vec![Effect::Copy(path)];
        }
        let Some(explanation) = self.looked_at().map(std::sync::Arc::clone) else {
            self.say("there is nothing to keep before the model has answered");
            return Vec::new();
        };
        if explanation.unfinished {
            self.say("this map is unfinished, so it is not kept; wait for the whole of it");
            return Vec::new();
        }
        if command == Command::CopyJson {
            return vec![Effect::Json(explanation)];
        }
        self.open_dialog(Dialog::Prompt(Prompt::Save, Field::with(self.save_to.clone())));
        Vec::new()
    }

    /// Closes the topmost thing, or gives up the most urgent computation.
    fn close(&mut self) -> Vec<Effect> {
        if self.dialogs.pop().is_some() {
            return Vec::new();
        }
        if self.browser.search.take().is_some() || !self.browser.filter.is_empty() {
            self.browser.filter.clear();
            self.browser.arrange();
            return self.develop_all();
        }
        if self.working {
            return self.cancel();
        }
        if let Some(compare) = &self.compare {
            let (done, of) = compare.progress();
            if done < of {
                self.say("the comparison was stopped");
                return self.stop_compare();
            }
            return self.leave_compare();
        }
        if self.classifying.take().is_some() {
            self.predicting += 1;
            self.browser.arrange();
            self.say("classifying was stopped");
            return vec![Effect::Predict(self.predicting, Vec::new(), self.question.model)];
        }
        if self.crosshair.take().is_some() {
            return self.develop();
        }
        Vec::new()
    }

    /// Changes the question and asks it.
    pub(super) fn ask(&mut self, change: impl FnOnce(&mut super::Question)) -> Vec<Effect> {
        let mut next = self.question.clone();
        change(&mut next);
        // What was stopped is begun again.
        let stopped = !self.working && self.explanation().is_some_and(|shown| shown.unfinished);
        if next == self.question && self.failure.is_none() && !stopped {
            return Vec::new();
        }
        self.remember();
        self.question = next;
        let mut effects = self.explain();
        effects.extend(self.compare_again());
        effects
    }

    /// Changes the look and draws anew.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Look)) -> Vec<Effect> {
        let mut next = self.look;
        change(&mut next);
        if next == self.look {
            return Vec::new();
        }
        self.remember();
        self.look = next;
        self.develop_all()
    }

    pub(super) fn zoom(&mut self, times: f32, towards: Option<(f32, f32)>) -> Vec<Effect> {
        self.change(|look| look.zoom = look.zoom.closer(times, towards))
    }

    fn arrow(&mut self, dx: i32, dy: i32) -> Vec<Effect> {
        let across = self.grid().map_or(1, |(grid, _)| grid.across as i32);
        if let Some(compare) = &mut self.compare {
            compare.step((dx + dy * across) as isize);
            return Vec::new();
        }
        if let Some((x, y)) = self.crosshair {
            let step = CROSSHAIR_STEP / self.look.zoom.factor;
            let moved = |at: f32, by: i32| (at + by as f32 * step).clamp(0.0, 1.0);
            self.crosshair = Some((moved(x, dx), moved(y, dy)));
            return self.develop();
        }
        if self.look.zoom.factor > 1.0 {
            let (x, y) = (dx as f32 * PAN_STEP, dy as f32 * PAN_STEP);
            return self.change(|look| look.zoom = look.zoom.panned(x, y));
        }
        self.step_picture(if dx + dy < 0 { -1 } else { 1 })
    }

    fn step_picture(&mut self, by: isize) -> Vec<Effect> {
        match self.browser.step(self.question.picture, by) {
            Some(picture) if picture != self.question.picture => self.go_to(picture),
            _ => Vec::new(),
        }
    }

    fn jump(&mut self, to: Option<usize>) -> Vec<Effect> {
        to.map_or_else(Vec::new, |picture| self.go_to(picture))
    }

    fn search_pictures(&mut self) -> Vec<Effect> {
        self.browser.search = Some(Field::with(std::mem::take(&mut self.browser.filter)));
        self.browser.arrange();
        // The list may have taken room from the picture.
        self.develop_all()
    }

    fn sort_pictures(&mut self) -> Vec<Effect> {
        self.browser.sort = self.browser.sort.next();
        self.browser.arrange();
        self.say(&format!("sorted by {}", self.browser.sort.name()));
        if self.browser.sort == super::Sort::Name { Vec::new() } else { self.classify() }
    }

    /// The rank of the class that is explained, if it is explained by rank or is among the likely ones.
    pub(super) fn rank(&self) -> Option<usize> {
        if let Target::One(Class::Rank(rank)) = self.question.target {
            return Some(rank);
        }
        let shown = self.explanation()?;
        shown.predictions.iter().position(|class| class.index == shown.class)
    }

    fn step_class(&mut self, by: isize) -> Vec<Effect> {
        // Ranks are those of the picture on screen: there are none before it is explained.
        let Some(shown) = self.explanation().filter(|shown| shown.question.picture == self.question.picture)
        else {
            return Vec::new();
        };
        let count = shown.predictions.len() as isize;
        if count < 2 {
            return Vec::new();
        }
        let rank = self.rank().unwrap_or(0) as isize;
        let next = (rank + by).rem_euclid(count) as usize;
        self.ask(|question| question.target = Target::One(Class::Rank(next)))
    }

    /// Why the explained class and not the likeliest other one? Asked again: the class alone.
    fn why_not(&mut self) -> Vec<Effect> {
        if let Target::Contrast(class, _) = self.question.target {
            return self.ask(|question| question.target = Target::One(class));
        }
        let Some(rank) = self.rank() else { return Vec::new() };
        let other = Class::Rank(usize::from(rank == 0));
        let class = match self.question.target {
            Target::One(class) => class,
            _ => Class::Rank(rank),
        };
        self.ask(|question| question.target = Target::Contrast(class, other))
    }

    fn step_explainer(&mut self, by: isize) -> Vec<Effect> {
        let count = self.catalogue.explainers.len() as isize;
        if count == 0 {
            return Vec::new();
        }
        let at = |steps: isize| (self.question.explainer as isize + steps * by).rem_euclid(count) as usize;
        let next = (1..=count).map(at).find(|next| !self.is_gone(*next));
        next.map_or_else(Vec::new, |next| self.choose_explainer(next))
    }

    /// Another explainer, with the parameters that were set for it.
    pub(super) fn choose_explainer(&mut self, explainer: usize) -> Vec<Effect> {
        if let Some(info) = self.catalogue.explainers.get(explainer).filter(|info| info.gone) {
            let text = format!("{} is gone from its library", info.id);
            self.say(&text);
            return Vec::new();
        }
        let params = self.params.get(&explainer).cloned().unwrap_or_default();
        self.ask(|question| {
            question.explainer = explainer;
            question.params = params;
        })
    }

    /// The layers that the explainer can be asked about, in the order in which they are computed.
    pub fn valid_layers(&self) -> Vec<LayerInfo> {
        let gradients =
            self.catalogue.explainers.get(self.question.explainer).is_some_and(|info| info.gradients);
        let model = self.looked_at().or(self.explanation()).map(|shown| &shown.model);
        model.map_or_else(Vec::new, |model| {
            model.layers.iter().filter(|layer| layer.gradient || !gradients).cloned().collect()
        })
    }

    /// The layer that is explained: that of the question, of the answer, or the model's default.
    pub(super) fn layer(&self) -> Option<String> {
        let shown = self.explanation();
        self.question
            .layers
            .first()
            .or_else(|| shown.and_then(|shown| shown.layers.first()))
            .or_else(|| shown.and_then(|shown| shown.model.default_layer.as_ref()))
            .cloned()
    }

    fn step_layer(&mut self, by: isize) -> Vec<Effect> {
        let layers = self.valid_layers();
        let now = self.layer().and_then(|name| layers.iter().position(|layer| layer.name == name));
        let Some(now) = now else { return Vec::new() };
        if let Some(next) = now.checked_add_signed(by).and_then(|at| layers.get(at)) {
            let name = next.name.clone();
            return self.ask(|question| question.layers = vec![name]);
        }
        self.say(if by > 0 { "this is the last layer" } else { "this is the first layer" });
        Vec::new()
    }

    fn go_back(&mut self, forward: bool) -> Vec<Effect> {
        let (from, to) =
            if forward { (&mut self.undone, &mut self.done) } else { (&mut self.done, &mut self.undone) };
        let Some(change) = from.pop() else {
            self.say(if forward { "nothing to do again" } else { "nothing to undo" });
            return Vec::new();
        };
        to.push(Change { question: self.question.clone(), look: self.look });
        self.look = change.look;
        let question = super::Question { picture: self.question.picture, ..change.question };
        if question == self.question {
            return self.develop_all();
        }
        self.question = question;
        self.params.insert(self.question.explainer, self.question.params.clone());
        let mut effects = self.explain();
        effects.extend(self.compare_again());
        effects
    }
}

/// The look after a command that changes nothing else.
fn relook(look: &mut Look, command: Command) {
    match command {
        Command::MoreOpaque => look.alpha = opaque(look.alpha, ALPHA_STEP),
        Command::LessOpaque => look.alpha = opaque(look.alpha, -ALPHA_STEP),
        Command::NextColormap => look.colormap = Some(after(&Colormap::NAMES, look.colours())),
        Command::NextInterpolation => look.interpolation = after(&Interpolation::NAMES, look.interpolation),
        Command::Signed => look.signed = !look.signed,
        Command::NextMode => look.mode = look.mode.next(),
        Command::PictureOnly => {
            let picture = look.mode == Mode::Picture;
            look.mode = if picture { Mode::Overlay } else { Mode::Picture };
        }
        Command::Threshold => {
            let at = SHARES.iter().position(|share| *share == look.top).unwrap_or(0);
            look.top = SHARES[(at + 1) % SHARES.len()];
        }
        Command::Contours => look.contours = !look.contours,
        Command::ZoomReset => look.zoom = Zoom::default(),
        _ => {}
    }
}

/// The one after this in a list of names.
fn after<T: Copy + PartialEq>(names: &[(&str, T)], now: T) -> T {
    let at = names.iter().position(|(_, known)| *known == now).unwrap_or(0);
    names[(at + 1) % names.len()].1
}

fn opaque(alpha: u8, by: i32) -> u8 {
    (i32::from(alpha) + by).clamp(0, 100) as u8
}
