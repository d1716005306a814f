//! A list to choose from by typing: classes, explainers, layers, models, colour maps, commands; with ticks where several
//! can be chosen.

use crossterm::event::KeyCode;

use super::field::Field;
use super::fuzzy;
use super::keys::Key;

/// One line of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// What is searched and shown.
    pub label: String,
    /// What is shown beside it.
    pub detail: String,
    /// Whether it is ticked, where several can be chosen.
    pub ticked: bool,
}

/// A list to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picker {
    /// Its heading.
    pub title: String,
    /// All there is.
    pub items: Vec<Item>,
    /// What was typed.
    pub field: Field,
    /// Places in [`items`](Self::items) of those that match, the best first.
    pub found: Vec<usize>,
    /// Place in [`found`](Self::found).
    pub cursor: usize,
    /// Whether several can be chosen.
    pub several: bool,
}

/// What a key did to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picked {
    /// Something in it changed, or nothing.
    Nothing,
    /// The item at this place of [`Picker::items`] was chosen; where several can be, all that are ticked.
    Item(usize),
    /// It was closed.
    Closed,
}

impl Picker {
    /// A list with the cursor on `current`.
    pub fn new(title: impl Into<String>, items: Vec<Item>, current: Option<usize>) -> Self {
        let found: Vec<usize> = (0..items.len()).collect();
        let cursor = current.unwrap_or(0).min(items.len().saturating_sub(1));
        Self { title: title.into(), items, field: Field::default(), found, cursor, several: false }
    }

    /// A list of which several can be chosen.
    pub fn ticked(title: impl Into<String>, items: Vec<Item>) -> Self {
        Self { several: true, ..Self::new(title, items, None) }
    }

    /// The item under the cursor.
    pub fn current(&self) -> Option<usize> {
        self.found.get(self.cursor).copied()
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Picked {
        if key.is_ctrl('n') {
            self.step(1);
            return Picked::Nothing;
        }
        if key.is_ctrl('p') {
            self.step(-1);
            return Picked::Nothing;
        }
        match key.plain() {
            Some(KeyCode::Esc) => return Picked::Closed,
            Some(KeyCode::Enter) => return self.current().map_or(Picked::Nothing, Picked::Item),
            Some(KeyCode::Down) => self.step(1),
            Some(KeyCode::Up) => self.step(-1),
            Some(KeyCode::PageDown) => self.step(10),
            Some(KeyCode::PageUp) => self.step(-10),
            Some(KeyCode::Tab | KeyCode::Char(' ')) if self.several => {
                if let Some(at) = self.current() {
                    self.items[at].ticked = !self.items[at].ticked;
                    self.step(1);
                }
            }
            _ => {
                if self.field.edit(key) {
                    self.search();
                }
            }
        }
        Picked::Nothing
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.field.insert(text);
        self.search();
    }

    /// Moves the cursor, no further than the ends.
    pub fn step(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    fn search(&mut self) {
        self.found = fuzzy::matching(self.field.text(), self.items.iter().map(|item| item.label.as_str()));
        self.cursor = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let item = |label: &str| Item { label: label.to_owned(), ..Item::default() };
        Picker::new("classes", ["tench", "white wolf", "tiger"].map(item).to_vec(), Some(1))
    }

    fn press(picker: &mut Picker, keys: &[&str]) -> Picked {
        keys.iter().map(|key| picker.key(key.parse().unwrap())).last().unwrap()
    }

    #[test]
    fn typing_narrows_and_enter_chooses() {
        let mut classes = picker();
        assert_eq!(press(&mut classes, &["Enter"]), Picked::Item(1));
        assert_eq!(press(&mut classes, &["t", "g", "Enter"]), Picked::Item(2));
        assert_eq!(press(&mut classes, &["z", "Enter"]), Picked::Nothing, "nothing matches");
        assert_eq!(press(&mut classes, &["ctrl-u", "Down", "Down", "Down", "Enter"]), Picked::Item(2));
        assert_eq!(press(&mut classes, &["Esc"]), Picked::Closed);
    }

    #[test]
    fn several_can_be_ticked() {
        let mut several = Picker::ticked("layers", picker().items);
        press(&mut several, &["Space", "Down", "Tab"]);
        let ticks: Vec<bool> = several.items.iter().map(|item| item.ticked).collect();
        assert_eq!(ticks, [true, false, true]);
    }
}
