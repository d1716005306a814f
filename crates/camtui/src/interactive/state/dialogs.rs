//! Keys and pasted text: to the topmost dialog, to the search, or as a command; and what is chosen and typed there.

use std::sync::Arc;

use camtui_core::heatmap::Colormap;
use crossterm::event::KeyCode;

use super::super::analyst::{Class, Saving, Target};
use super::super::command::{Command, TABLE};
use super::super::dialog::{Choice, Dialog, Prompt};
use super::super::form::{Filled, Form};
use super::super::keys::Key;
use super::super::picker::{Item, Picked, Picker};
use super::{Effect, State};

impl State {
    /// What a key does.
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        // These work everywhere.
        if let Some(command @ (Command::Interrupt | Command::Suspend | Command::Redraw)) =
            self.keymap.command(key)
        {
            return self.obey(command);
        }
        if let Some(dialog) = self.dialogs.pop() {
            return self.dialog_key(dialog, key);
        }
        if self.browser.search.is_some() {
            return self.search_key(key);
        }
        if self.compare.is_some()
            && let Some(effects) = self.compare_key(key)
        {
            return effects;
        }
        self.keymap.command(key).map_or_else(Vec::new, |command| self.obey(command))
    }

    /// What pasted text does.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        match self.dialogs.last_mut() {
            Some(Dialog::Palette(picker, _) | Dialog::Choose(_, picker)) => picker.paste(text),
            Some(Dialog::Prompt(_, field)) => field.insert(text),
            Some(Dialog::Parameters(form)) => {
                if form.paste(text) == Filled::Changed {
                    let params = form.params();
                    return self.set_params(params);
                }
            }
            Some(Dialog::Help(_) | Dialog::Messages(_)) => {}
            None => {
                if let Some(field) = &mut self.browser.search {
                    field.insert(text);
                    return self.show_best_match();
                }
            }
        }
        Vec::new()
    }

    fn dialog_key(&mut self, dialog: Dialog, key: Key) -> Vec<Effect> {
        match dialog {
            Dialog::Help(down) => self.text_key(key, Command::Help, down, Dialog::Help),
            Dialog::Messages(up) => self.text_key(key, Command::Messages, up, Dialog::Messages),
            Dialog::Palette(mut picker, commands) => match picker.key(key) {
                Picked::Nothing => {
                    self.dialogs.push(Dialog::Palette(picker, commands));
                    Vec::new()
                }
                Picked::Item(at) => self.obey(commands[at]),
                Picked::Closed => Vec::new(),
            },
            Dialog::Choose(choice, mut picker) => match picker.key(key) {
                Picked::Nothing => {
                    self.dialogs.push(Dialog::Choose(choice, picker));
                    Vec::new()
                }
                Picked::Item(at) => self.chosen(choice, &picker, at),
                Picked::Closed => Vec::new(),
            },
            Dialog::Parameters(mut form) => {
                let filled = form.key(key);
                let params = form.params();
                if filled != Filled::Closed {
                    self.dialogs.push(Dialog::Parameters(form));
                }
                if filled == Filled::Changed { self.set_params(params) } else { Vec::new() }
            }
            Dialog::Prompt(prompt, mut field) => match key.plain() {
                Some(KeyCode::Esc) => Vec::new(),
                Some(KeyCode::Enter) => self.typed(prompt, field.text().trim()),
                _ => {
                    field.edit(key);
                    self.dialogs.push(Dialog::Prompt(prompt, field));
                    Vec::new()
                }
            },
        }
    }

    /// A text is scrolled; its own key, `q` and Esc close it.
    fn text_key(&mut self, key: Key, own: Command, at: u16, back: impl Fn(u16) -> Dialog) -> Vec<Effect> {
        let command = self.keymap.command(key);
        if command == Some(own) || matches!(command, Some(Command::Close | Command::Quit)) {
            return Vec::new();
        }
        let to = match key.plain() {
            Some(KeyCode::Down | KeyCode::Char('j')) => at.saturating_add(1),
            Some(KeyCode::Up | KeyCode::Char('k')) => at.saturating_sub(1),
            Some(KeyCode::PageDown | KeyCode::Char(' ')) => at.saturating_add(10),
            Some(KeyCode::PageUp) => at.saturating_sub(10),
            Some(KeyCode::Home) => 0,
            _ => at,
        };
        self.dialogs.push(back(to));
        Vec::new()
    }

    /// Lays a dialog over the others. There is one of a kind: the same one further down goes, so the stack cannot grow for
    /// ever, and nothing that was forgotten below comes to light again.
    pub(super) fn open_dialog(&mut self, dialog: Dialog) {
        self.dialogs.retain(|open| !open.is_like(&dialog));
        self.dialogs.push(dialog);
    }

    /// The list is searched: letters narrow it, arrows move in it, Enter keeps what was found, Esc lists all again.
    fn search_key(&mut self, key: Key) -> Vec<Effect> {
        match key.plain() {
            Some(KeyCode::Esc) => return self.obey(Command::Close),
            Some(KeyCode::Enter) => {
                let typed = self.browser.search.take();
                self.browser.filter = typed.map_or_else(String::new, |field| field.text().to_owned());
                let mut effects = self.develop_all();
                if let (None, Some(&first)) =
                    (self.browser.place(self.question.picture), self.browser.listed.first())
                {
                    effects.extend(self.go_to(first));
                }
                return effects;
            }
            Some(KeyCode::Down) => return self.obey(Command::NextPicture),
            Some(KeyCode::Up) => return self.obey(Command::PreviousPicture),
            _ => {}
        }
        if let Some(field) = &mut self.browser.search
            && field.edit(key)
        {
            return self.show_best_match();
        }
        Vec::new()
    }

    /// The best match is looked at while typing goes on.
    fn show_best_match(&mut self) -> Vec<Effect> {
        self.browser.arrange();
        self.browser.listed.first().copied().map_or_else(Vec::new, |first| self.go_to(first))
    }

    pub(super) fn open_palette(&mut self) {
        let commands: Vec<Command> = TABLE.iter().map(|entry| entry.command).collect();
        let item = |command: &Command| {
            let entry = command.entry();
            let keys: Vec<String> = self.keymap.keys(*command).map(|key| key.to_string()).collect();
            Item { label: format!("{}: {}", entry.id, entry.help), detail: keys.join(" "), ticked: false }
        };
        let items = commands.iter().map(item).collect();
        self.open_dialog(Dialog::Palette(Picker::new("commands", items, None), commands));
    }

    pub(super) fn open_parameters(&mut self) {
        let Some(info) = self.catalogue.explainers.get(self.question.explainer) else { return };
        if info.params.is_empty() {
            let text = format!("{} has no parameters", info.id);
            self.say(&text);
        } else {
            let form = Form::new(info, &self.question.params);
            self.open_dialog(Dialog::Parameters(form));
        }
    }

    fn set_params(&mut self, params: Vec<(String, String)>) -> Vec<Effect> {
        self.params.insert(self.question.explainer, params.clone());
        self.ask(|question| question.params = params)
    }

    /// Opens the list that a command asks for.
    pub(super) fn open_choice(&mut self, command: Command) {
        let picker = match command {
            Command::ChooseClass => self.classes("explain which class?").map(|list| (Choice::Class, list)),
            Command::ChooseContrast => {
                self.classes("why not which class?").map(|list| (Choice::Contrast, list))
            }
            Command::ChooseExplainer => {
                let items = self.explainer_items(&[]);
                Some((Choice::Explainer, Picker::new("explainer", items, Some(self.question.explainer))))
            }
            Command::ChooseLayer => {
                let layers = self.valid_layers();
                let now = self.layer().and_then(|name| layers.iter().position(|layer| layer.name == name));
                let items = self.layer_items(&[]);
                (!items.is_empty()).then(|| (Choice::Layer, Picker::new("layer", items, now)))
            }
            Command::ChooseModel => {
                let item = |name: &String| Item { label: name.clone(), ..Item::default() };
                let items = self.catalogue.models.iter().map(item).collect();
                Some((Choice::Model, Picker::new("model", items, Some(self.question.model))))
            }
            Command::ChooseColormap => {
                let now = self.look.colours();
                let at = Colormap::NAMES.iter().position(|(_, map)| *map == now);
                let item =
                    |(name, _): &(&str, Colormap)| Item { label: (*name).to_owned(), ..Item::default() };
                let items = Colormap::NAMES.iter().map(item).collect();
                Some((Choice::Colormap, Picker::new("colour map", items, at)))
            }
            _ => {
                let (explainers, _) = self.compared_now();
                let items = self.explainer_items(&explainers);
                Some((Choice::ComparedExplainers, Picker::ticked("compare which explainers?", items)))
            }
        };
        match picker {
            Some((choice, list)) => self.open_dialog(Dialog::Choose(choice, list)),
            None => self.say("there is nothing to choose from before the model has answered"),
        }
    }

    fn explainer_items(&self, ticked: &[usize]) -> Vec<Item> {
        let item = |(at, info): (usize, &super::super::analyst::ExplainerInfo)| Item {
            label: info.id.clone(),
            detail: if info.gone { "gone from its library".to_owned() } else { info.summary.clone() },
            ticked: ticked.contains(&at),
        };
        self.catalogue.explainers.iter().enumerate().map(item).collect()
    }

    fn layer_items(&self, ticked: &[String]) -> Vec<Item> {
        let item = |layer: super::super::analyst::LayerInfo| {
            let sides: Vec<String> = layer.shape.iter().map(usize::to_string).collect();
            Item { ticked: ticked.contains(&layer.name), label: layer.name, detail: sides.join("×") }
        };
        self.valid_layers().into_iter().map(item).collect()
    }

    /// All classes of the model, the likeliest first.
    fn classes(&self, title: &str) -> Option<Picker> {
        let shown = self.looked_at().or(self.explanation())?;
        let item = |class: &super::super::analyst::Prediction| Item {
            label: class.label.clone(),
            detail: format!("{:.1} %  {}", 100.0 * class.probability, class.index),
            ticked: false,
        };
        Some(Picker::new(title, shown.predictions.iter().map(item).collect(), None))
    }

    fn chosen(&mut self, choice: Choice, picker: &Picker, at: usize) -> Vec<Effect> {
        match choice {
            Choice::Class | Choice::Contrast => {
                let Some(shown) = self.looked_at().or(self.explanation()) else { return Vec::new() };
                let Some(class) = shown.predictions.get(at) else { return Vec::new() };
                let (index, label, explained) = (class.index, class.label.clone(), shown.class);
                if choice == Choice::Class {
                    return self.ask(|question| question.target = Target::One(Class::Index(index)));
                }
                if index == explained {
                    self.say(&format!("{label} is the class that is explained: choose another one"));
                    return Vec::new();
                }
                let class = match self.question.target {
                    Target::One(class) | Target::Contrast(class, _) => class,
                    Target::Asked => Class::Index(explained),
                };
                self.ask(|question| question.target = Target::Contrast(class, Class::Index(index)))
            }
            Choice::Explainer => self.choose_explainer(at),
            Choice::Layer => {
                let name = picker.items[at].label.clone();
                self.ask(|question| question.layers = vec![name])
            }
            Choice::Model => self.ask(|question| {
                if question.model != at {
                    question.model = at;
                    // Another model has other layers.
                    question.layers.clear();
                }
            }),
            Choice::Colormap => self.change(|look| look.colormap = Some(Colormap::NAMES[at].1)),
            Choice::ComparedExplainers => {
                let mut explainers = ticked(picker);
                if explainers.is_empty() {
                    explainers = vec![at];
                }
                explainers.retain(|at| !self.is_gone(*at));
                let (_, layers) = self.compared_now();
                self.compared.0 = explainers;
                let items = self.layer_items(&layers);
                if items.is_empty() {
                    return self.compare_explainers();
                }
                let list = Picker::ticked("on which layers?", items);
                self.open_dialog(Dialog::Choose(Choice::ComparedLayers, list));
                Vec::new()
            }
            Choice::ComparedLayers => {
                let mut places = ticked(picker);
                if places.is_empty() {
                    places = vec![at];
                }
                self.compared.1 = places.into_iter().map(|at| picker.items[at].label.clone()).collect();
                self.compare_explainers()
            }
        }
    }

    fn typed(&mut self, prompt: Prompt, text: &str) -> Vec<Effect> {
        let text = match (prompt, text) {
            (Prompt::Open, "") => return Vec::new(),
            (Prompt::Save, "") => ".",
            (_, text) => text,
        };
        match prompt {
            Prompt::Open => {
                self.say(&format!("looking into {text} …"));
                vec![Effect::Open(Some(expanded(text)))]
            }
            Prompt::Save => {
                let Some(explanation) = self.looked_at() else { return Vec::new() };
                let saving =
                    Saving { explanation: Arc::clone(explanation), look: self.look, to: expanded(text) };
                text.clone_into(&mut self.save_to);
                vec![Effect::Save(Box::new(saving))]
            }
        }
    }
}

fn ticked(picker: &Picker) -> Vec<usize> {
    (0..picker.items.len()).filter(|&at| picker.items[at].ticked).collect()
}

/// A path as a shell would read its beginning.
fn expanded(text: &str) -> std::path::PathBuf {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty());
    match text.strip_prefix("~/").and_then(|rest| home().map(|home| (home, rest))) {
        Some((home, rest)) => std::path::Path::new(&home).join(rest),
        None => text.into(),
    }
}
