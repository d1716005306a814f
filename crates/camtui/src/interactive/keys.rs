//! The keys, as one table: what a key does, what the footer hints at and what the help lists all come from it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::Command;

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    /// What the keys do.
    pub command: Command,
    /// The keys: each a code, and whether Ctrl is held with it.
    pub keys: &'static [(KeyCode, bool)],
    /// The keys as the help writes them.
    pub names: &'static str,
    /// What they do, in words.
    pub help: &'static str,
    /// Keys and word for the footer, where the row has a place there.
    pub hint: Option<(&'static str, &'static str)>,
}

/// A key by itself.
const fn key(code: KeyCode) -> (KeyCode, bool) {
    (code, false)
}

/// A letter by itself.
const fn letter(letter: char) -> (KeyCode, bool) {
    (KeyCode::Char(letter), false)
}

/// A letter with Ctrl.
const fn control(letter: char) -> (KeyCode, bool) {
    (KeyCode::Char(letter), true)
}

/// All bindings. The footer shows its hints in this order, as many as fit.
pub const BINDINGS: &[Binding] = &[
    Binding {
        command: Command::Quit,
        keys: &[letter('q')],
        names: "q",
        help: "quit",
        hint: Some(("q", "quit")),
    },
    Binding {
        command: Command::Help,
        keys: &[letter('?')],
        names: "?",
        help: "show or hide these keys",
        hint: Some(("?", "help")),
    },
    Binding {
        command: Command::NextPicture,
        keys: &[letter('j'), key(KeyCode::Down), key(KeyCode::Right), key(KeyCode::PageDown)],
        names: "j ↓ →",
        help: "next picture",
        hint: Some(("j/k", "picture")),
    },
    Binding {
        command: Command::PreviousPicture,
        keys: &[letter('k'), key(KeyCode::Up), key(KeyCode::Left), key(KeyCode::PageUp)],
        names: "k ↑ ←",
        help: "previous picture",
        hint: None,
    },
    Binding {
        command: Command::NextClass,
        keys: &[letter('n'), key(KeyCode::Tab)],
        names: "n Tab",
        help: "next likely class",
        hint: Some(("n/N", "class")),
    },
    Binding {
        command: Command::PreviousClass,
        keys: &[letter('N'), key(KeyCode::BackTab)],
        names: "N Shift-Tab",
        help: "previous class",
        hint: None,
    },
    Binding {
        command: Command::Close,
        keys: &[key(KeyCode::Esc)],
        names: "Esc",
        help: "close this, or cancel",
        hint: None,
    },
    Binding {
        command: Command::Redraw,
        keys: &[control('l')],
        names: "Ctrl-L",
        help: "paint everything anew",
        hint: None,
    },
    Binding {
        command: Command::Suspend,
        keys: &[control('z')],
        names: "Ctrl-Z",
        help: "suspend (fg continues)",
        hint: None,
    },
    Binding {
        command: Command::Interrupt,
        keys: &[control('c')],
        names: "Ctrl-C",
        help: "interrupt",
        hint: None,
    },
];

/// What a key event asks for, if anything.
pub fn command_for(event: KeyEvent) -> Option<Command> {
    if event.kind == KeyEventKind::Release || event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let pressed = (event.code, event.modifiers.contains(KeyModifiers::CONTROL));
    BINDINGS.iter().find(|binding| binding.keys.contains(&pressed)).map(|binding| binding.command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
        command_for(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn keys_do_what_the_table_says() {
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('j'), none), Some(Command::NextPicture));
        assert_eq!(pressed(KeyCode::Up, none), Some(Command::PreviousPicture));
        assert_eq!(pressed(KeyCode::Char('N'), KeyModifiers::SHIFT), Some(Command::PreviousClass));
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Command::PreviousClass));
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Command::Interrupt));
        assert_eq!(pressed(KeyCode::Char('c'), none), None);
        assert_eq!(pressed(KeyCode::Char('q'), KeyModifiers::ALT), None);
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), none, KeyEventKind::Release);
        assert_eq!(command_for(release), None);
    }

    #[test]
    fn no_key_has_two_meanings() {
        let mut all: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.keys).collect();
        let count = all.len();
        all.sort_by_key(|key| format!("{key:?}"));
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn hints_name_keys_that_exist() {
        for (keys, _) in BINDINGS.iter().filter_map(|binding| binding.hint) {
            for letter in keys.chars().filter(|&letter| letter != '/') {
                assert!(
                    pressed(KeyCode::Char(letter), KeyModifiers::NONE).is_some(),
                    "{letter} in the hint {keys}"
                );
            }
        }
    }
}
