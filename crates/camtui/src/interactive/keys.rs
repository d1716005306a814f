//! Keys as data: how a key is written (`j`, `ctrl-s`, `shift-Tab`, `PageDown`), and which command each one means.
//!
//! The map starts as [`command::TABLE`](super::command::TABLE) says and may be changed by a config file.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::command::{Command, TABLE};

/// A key with the modifiers that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

/// A text that names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no key; keys are written j, G, ?, Space, Tab, Esc, Enter, Left, PageDown, F1, ctrl-s, alt-Left, shift-Tab"
)]
pub struct NoKey(pub String);

/// Names of keys that are no single character.
const NAMED: [(&str, KeyCode); 14] = [
    ("Space", KeyCode::Char(' ')),
    ("Tab", KeyCode::Tab),
    ("Esc", KeyCode::Esc),
    ("Enter", KeyCode::Enter),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
];

impl Key {
    /// The key of an event; none for a key that is let go.
    pub fn of(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let code = match event.code {
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            // Some terminals send the small letter with Shift beside it.
            KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::SHIFT) => {
                KeyCode::Char(c.to_uppercase().next().unwrap_or(c))
            }
            code => code,
        };
        let held = |modifier| event.modifiers.contains(modifier);
        // Esc twice in one breath reads as Esc with Alt.
        let alt = held(KeyModifiers::ALT) && code != KeyCode::Esc;
        Some(Self { code, ctrl: held(KeyModifiers::CONTROL), alt })
    }

    /// What it types into a text, if it types.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Its code, where no modifier is held.
    pub fn plain(self) -> Option<KeyCode> {
        (!self.ctrl && !self.alt).then_some(self.code)
    }

    /// Whether it is this letter with Ctrl.
    pub fn is_ctrl(self, letter: char) -> bool {
        self.ctrl && !self.alt && self.code == KeyCode::Char(letter)
    }
}

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let wrong = || NoKey(camtui_term::sanitise(text));
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        loop {
            let held = |prefix: &str| {
                rest.get(..prefix.len())
                    .filter(|head| head.eq_ignore_ascii_case(prefix) && rest.len() > prefix.len())
            };
            if held("ctrl-").is_some() {
                (ctrl, rest) = (true, &rest[5..]);
            } else if held("alt-").is_some() {
                (alt, rest) = (true, &rest[4..]);
            } else if held("shift-").is_some() {
                (shift, rest) = (true, &rest[6..]);
            } else {
                break;
            }
        }
        let mut letters = rest.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(one), None) if !one.is_control() => KeyCode::Char(if shift && !ctrl {
                one.to_ascii_uppercase()
            } else if ctrl {
                one.to_ascii_lowercase()
            } else {
                one
            }),
            _ => match NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest)) {
                Some((_, KeyCode::Tab)) if shift => KeyCode::BackTab,
                Some((_, code)) if !shift => *code,
                _ => {
                    let number = rest.strip_prefix(['F', 'f']).and_then(|n| n.parse().ok());
                    number.filter(|n| (1..=12).contains(n) && !shift).map(KeyCode::F).ok_or_else(wrong)?
                }
            },
        };
        Ok(Self { code, ctrl, alt })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.code {
            KeyCode::BackTab => f.write_str("shift-Tab"),
            KeyCode::F(n) => write!(f, "F{n}"),
            code => match (NAMED.iter().find(|(_, named)| *named == code), code) {
                (Some((name, _)), _) => f.write_str(name),
                (None, KeyCode::Char(c)) => write!(f, "{c}"),
                (None, other) => write!(f, "{other:?}"),
            },
        }
    }
}

/// Which key means which command.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap(Vec<(Key, Command)>);

/// A key that is given to two commands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} is given to both {first} and {second}")]
pub struct KeyTwice {
    /// The key.
    pub key: String,
    /// Id of one command.
    pub first: &'static str,
    /// Id of the other.
    pub second: &'static str,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = TABLE.iter().flat_map(|entry| {
            entry.keys.iter().map(|text| (text.parse().expect("the table holds keys"), entry.command))
        });
        Self(keys.collect())
    }
}

impl Keymap {
    /// The table's keys with these commands given other keys (none: the command has no key). A key that another command
    /// had by default goes over; one that is given twice here is an error.
    pub fn with(changes: &BTreeMap<Command, Vec<Key>>) -> Result<Self, KeyTwice> {
        let mut given: Vec<(Key, Command)> = Vec::new();
        for (&command, keys) in changes {
            for &key in keys {
                if let Some((_, other)) = given.iter().find(|(known, _)| *known == key) {
                    let (first, second) = (other.entry().id, command.entry().id);
                    return Err(KeyTwice { key: key.to_string(), first, second });
                }
                given.push((key, command));
            }
        }
        let kept = Self::default().0.into_iter().filter(|(key, command)| {
            !changes.contains_key(command) && !given.iter().any(|(taken, _)| taken == key)
        });
        let mut all: Vec<_> = kept.collect();
        all.extend(given);
        Ok(Self(all))
    }

    /// What a key means.
    pub fn command(&self, key: Key) -> Option<Command> {
        self.0.iter().find(|(known, _)| *known == key).map(|&(_, command)| command)
    }

    /// The keys of a command, as the help writes them.
    pub fn keys(&self, command: Command) -> impl Iterator<Item = Key> + '_ {
        self.0.iter().filter(move |(_, known)| *known == command).map(|&(key, _)| key)
    }

    /// The first key of a command, as the footer writes it.
    pub fn first(&self, command: Command) -> Option<String> {
        self.keys(command).next().map(|key| key.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
        Key::of(KeyEvent::new(code, modifiers)).and_then(|key| Keymap::default().command(key))
    }

    #[test]
    fn keys_do_what_the_table_says() {
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('j'), none), Some(Command::NextPicture));
        assert_eq!(pressed(KeyCode::Char('N'), KeyModifiers::SHIFT), Some(Command::PreviousClass));
        assert_eq!(pressed(KeyCode::Char('n'), KeyModifiers::SHIFT), Some(Command::PreviousClass));
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Command::PreviousClass));
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Command::Interrupt));
        assert_eq!(pressed(KeyCode::Char('c'), none), Some(Command::CompareExplainers));
        assert_eq!(pressed(KeyCode::Char('q'), KeyModifiers::ALT), None);
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), none, KeyEventKind::Release);
        assert_eq!(Key::of(release), None);
    }

    #[test]
    fn no_key_has_two_meanings_and_every_one_reads_back() {
        let map = Keymap::default();
        for (at, (key, command)) in map.0.iter().enumerate() {
            assert!(map.0[..at].iter().all(|(other, _)| other != key), "{key} of {command:?}");
            assert_eq!(key.to_string().parse(), Ok(*key));
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        for text in ["", "ctrl-", "hyper-x", "F13", "jj", "shift-Left"] {
            assert_eq!(text.parse::<Key>(), Err(NoKey(text.to_owned())), "{text}");
        }
        assert_eq!("CTRL-PAGEUP".parse::<Key>().map(|key| key.to_string()), Ok("ctrl-PageUp".to_owned()));
        assert_eq!("-".parse::<Key>().map(|key| key.to_string()), Ok("-".to_owned()));
    }

    #[test]
    fn a_config_moves_keys() {
        let key = |text: &str| text.parse::<Key>().unwrap();
        let changes = BTreeMap::from([(Command::Quit, vec![key("j")]), (Command::Help, vec![])]);
        let map = Keymap::with(&changes).unwrap();
        assert_eq!(map.command(key("j")), Some(Command::Quit));
        assert_eq!((map.command(key("q")), map.command(key("?"))), (None, None));
        assert_eq!(map.command(key("PageDown")), Some(Command::NextPicture), "its other key stays");
        let twice = BTreeMap::from([(Command::Quit, vec![key("y")]), (Command::Help, vec![key("y")])]);
        assert_eq!(Keymap::with(&twice).unwrap_err().to_string(), "the key y is given to both quit and help");
    }
}
