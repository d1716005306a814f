//! A line of text that is being typed.

use camtui_term::sanitise;
use crossterm::event::KeyCode;
use unicode_segmentation::UnicodeSegmentation as _;

use super::keys::Key;

/// The text and where the next letter goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// In bytes, between two characters as a reader sees them.
    cursor: usize,
}

impl Field {
    /// A field with this text in it, the cursor at its end.
    pub fn with(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before and after the cursor.
    pub fn around_cursor(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Takes a key that edits; whether it was one.
    pub fn edit(&mut self, key: Key) -> bool {
        if let Some(letter) = key.typed() {
            self.insert(&letter.to_string());
            return true;
        }
        let before = self.text[..self.cursor].graphemes(true).next_back().map_or(0, str::len);
        let after = self.text[self.cursor..].graphemes(true).next().map_or(0, str::len);
        if key.is_ctrl('u') {
            self.text.drain(..self.cursor);
            self.cursor = 0;
            return true;
        }
        if key.is_ctrl('w') {
            let kept = self.text[..self.cursor].trim_end();
            let kept = kept.rfind([' ', '/']).map_or(0, |at| at + usize::from(at + 1 < kept.len()));
            self.text.drain(kept..self.cursor);
            self.cursor = kept;
            return true;
        }
        match key.plain() {
            Some(KeyCode::Backspace) => {
                self.cursor -= before;
                self.text.drain(self.cursor..self.cursor + before);
            }
            Some(KeyCode::Delete) => {
                self.text.drain(self.cursor..self.cursor + after);
            }
            Some(KeyCode::Left) => self.cursor -= before,
            Some(KeyCode::Right) => self.cursor += after,
            Some(KeyCode::Home) => self.cursor = 0,
            Some(KeyCode::End) => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Types or pastes a text; what a terminal would obey becomes visible, line ends become spaces.
    pub fn insert(&mut self, text: &str) {
        let clean = sanitise(&text.replace(['\r', '\n', '\t'], " "));
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[&str]) -> Field {
        let mut field = Field::default();
        for key in keys {
            assert!(field.edit(key.parse().unwrap()), "{key}");
        }
        field
    }

    #[test]
    fn text_is_edited_by_what_a_reader_sees_as_characters() {
        let field = typed(&["犬", "a", "Left", "Backspace", "Left", "é", "End", "b"]);
        assert_eq!(field.text(), "éab");
        let mut field = Field::with("e\u{301}👩‍🔬");
        for expected in ["e\u{301}", "", ""] {
            field.edit("Backspace".parse().unwrap());
            assert_eq!(field.text(), expected);
        }
        assert_eq!(typed(&["a", "Home", "Delete", "Delete"]).text(), "");
    }

    #[test]
    fn words_and_lines_go_at_once() {
        let mut field = Field::with("out/maps here");
        field.edit("ctrl-w".parse().unwrap());
        assert_eq!(field.text(), "out/maps ");
        field.edit("ctrl-w".parse().unwrap());
        assert_eq!(field.text(), "out/");
        field.edit("ctrl-u".parse().unwrap());
        assert_eq!(field.text(), "");
        assert!(!field.edit("Enter".parse().unwrap()) && !field.edit("ctrl-c".parse().unwrap()));
    }

    #[test]
    fn what_is_pasted_cannot_steer_the_terminal() {
        let mut field = Field::default();
        field.insert("a\x1b[2Jb\nc");
        assert_eq!(field.text(), "a␛[2Jb c");
    }
}
