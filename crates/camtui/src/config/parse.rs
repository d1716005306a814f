//! From TOML to a [`Config`], with every mistake of the file at once.
//!
//! The text is parsed with recovery, so that a broken line does not hide what is wrong on the next one. What may stand
//! where is asked of the table of [`settings`].

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Mistakes, did_you_mean, position};
use super::settings::{self, Kind, SETTINGS, Setting, TABLES};
use super::{Config, keys, themes};
use crate::interactive::theme::{AUTO, Builtin};

/// The line of the file that sets a value, by its dotted name (`view.alpha`, `keys.quit`, `themes.mine`).
pub type Lines = BTreeMap<String, usize>;

/// A value with its place in the text.
pub type Value<'t> = Spanned<DeValue<'t>>;

/// Reads a configuration. The mistakes are in the file's order.
pub fn parse(bytes: &[u8]) -> Result<(Config, Lines), Vec<Mistake>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let (line, column) = position(&before, before.len());
        vec![Mistake { line, column, text: "this is no UTF-8 text".to_owned() }]
    })?;
    let mut reading =
        Reading { config: Config::default(), lines: Lines::new(), mistakes: Mistakes::new(text) };
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in broken {
        let at = error.span().map_or(text.len(), |span| span.start);
        reading.mistakes.broken(at, format!("this is no TOML: {}", error.message()));
    }
    reading.root(root.get_ref());
    let Reading { config, lines, mistakes } = reading;
    let mistakes = mistakes.into_sorted();
    if mistakes.is_empty() { Ok((config, lines)) } else { Err(mistakes) }
}

/// A file that is being read.
pub struct Reading<'t> {
    /// What is known so far.
    pub config: Config,
    /// Where it stands.
    pub lines: Lines,
    /// What is wrong so far.
    pub mistakes: Mistakes<'t>,
}

impl Reading<'_> {
    fn root(&mut self, root: &DeTable) {
        let mut theme = None;
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "keys" => self.table("keys", value, keys::read),
                "themes" => self.table("themes", value, themes::read),
                "theme" => theme = Some((key.span().start, value)),
                name if TABLES.iter().any(|(table, _)| *table == name) => {
                    let table = TABLES.iter().map(|(table, _)| *table).find(|table| *table == name);
                    self.table(name, value, |reading, entries| {
                        for (key, value) in entries {
                            reading.entry(table.unwrap_or_default(), key, value);
                        }
                    });
                }
                _ => self.entry("", key, value),
            }
        }
        // Only now are the user's own themes known.
        if let Some((at, value)) = theme {
            self.theme(at, value);
        }
    }

    fn table(&mut self, name: &str, value: &Value, read: impl FnOnce(&mut Self, &DeTable)) {
        match value.get_ref() {
            DeValue::Table(entries) => read(self, entries),
            other => {
                let text = format!("`{name}` is a table, written [{name}]; this is {}", described(other));
                self.mistakes.add(value.span().start, text);
            }
        }
    }

    fn entry(&mut self, table: &'static str, key: &Spanned<std::borrow::Cow<str>>, value: &Value) {
        let name = key.get_ref().as_ref();
        match settings::find(table, name) {
            Some(setting) => {
                self.lines.insert(setting.path(), self.mistakes.line(key.span().start));
                self.set(setting, value);
            }
            None => self.mistakes.add(key.span().start, unknown(table, name)),
        }
    }

    fn set(&mut self, setting: &Setting, value: &Value) {
        if put(&mut self.config, &setting.kind, value).is_some() {
            return;
        }
        match (&setting.kind, value.get_ref()) {
            (Kind::Choice { names, .. }, DeValue::String(name)) => {
                let near = did_you_mean(name, names());
                self.wrong(&setting.path(), &setting.kind.takes(), value, &near);
            }
            (Kind::Texts(_), _) => {
                let wrong = texts(value).err().unwrap_or(value);
                self.wrong(&setting.path(), &setting.kind.takes(), wrong, "");
            }
            _ => self.wrong(&setting.path(), &setting.kind.takes(), value, ""),
        }
    }

    fn theme(&mut self, at: usize, value: &Value) {
        self.lines.insert("theme".to_owned(), self.mistakes.line(at));
        let own: Vec<String> = self.config.themes.keys().cloned().collect();
        let known = || {
            Builtin::NAMES.iter().map(|(name, _)| *name).chain([AUTO]).chain(own.iter().map(String::as_str))
        };
        match value.get_ref() {
            DeValue::String(name) if known().any(|known| known == name) => {
                self.config.theme = name.to_string();
            }
            DeValue::String(name) => {
                let all = known().collect::<Vec<_>>().join(", ");
                let near = did_you_mean(name, known());
                let text = format!("there is no theme called \"{name}\", but {all}{near}");
                self.mistakes.add(value.span().start, text);
            }
            _ => self.wrong("theme", "the name of a theme", value, ""),
        }
    }

    /// The value cannot be what it should be. `hint` is what may help, with its own punctuation.
    pub fn wrong(&mut self, path: &str, takes: &str, value: &Value, hint: &str) {
        let text = format!("`{path}` is {takes}; this is {}{hint}", described(value.get_ref()));
        self.mistakes.add(value.span().start, text);
    }
}

/// Puts the value where it belongs, if it is what the setting takes.
fn put(config: &mut Config, kind: &Kind, value: &Value) -> Option<()> {
    match (kind, value.get_ref()) {
        (Kind::Switch(field), DeValue::Boolean(on)) => (field.set)(config, *on),
        (Kind::Number { field, least, most }, found) => {
            (field.set)(config, number(found).filter(|number| (*least..=*most).contains(number))?);
        }
        (Kind::Whole { field, least, most }, DeValue::Integer(found)) => {
            let number = u16::from_str_radix(found.as_str(), found.radix()).ok();
            (field.set)(config, number.filter(|number| (*least..=*most).contains(number))?);
        }
        (Kind::Choice { field, names }, DeValue::String(name)) => {
            (field.set)(config, names().into_iter().find(|known| known == name)?);
        }
        (Kind::Texts(field), _) => {
            let texts = texts(value).ok()?.into_iter();
            (field.set)(config, texts.map(|(_, text)| text.to_owned()).collect());
        }
        _ => return None,
    }
    Some(())
}

/// The texts of a text or a list of texts, each with its place; or else what is no text.
pub fn texts<'v, 't>(value: &'v Value<'t>) -> Result<Vec<(usize, &'v str)>, &'v Value<'t>> {
    let one = |value: &'v Value<'t>| match value.get_ref() {
        DeValue::String(text) => Ok((value.span().start, text.as_ref())),
        _ => Err(value),
    };
    match value.get_ref() {
        DeValue::Array(all) => all.iter().map(one).collect(),
        _ => Ok(vec![one(value)?]),
    }
}

/// A finite number, written with or without a point.
fn number(value: &DeValue) -> Option<f32> {
    let number = match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f32| number.is_finite())
}

/// A value in a few words: `the number 3`, `the text "x"`, `a list`.
pub fn described(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", camtui_term::truncate_to_width(text, 40)),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(on) => format!("{on}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn unknown(table: &str, key: &str) -> String {
    let place = if table.is_empty() { String::new() } else { format!(" in [{table}]") };
    let elsewhere = SETTINGS.iter().find(|setting| setting.key == key).map(|setting| match setting.table {
        "" => format!("; `{key}` stands at the top of the file, before the first [table]"),
        table => format!("; `{key}` stands in [{table}]"),
    });
    let near = || {
        let settings = SETTINGS.iter().filter(|setting| setting.table == table).map(|setting| setting.key);
        let tables = TABLES.iter().map(|(table, _)| *table).chain(["keys", "themes"]);
        did_you_mean(key, settings.chain(tables.filter(|name| table.is_empty() && !name.is_empty())))
    };
    format!("there is no setting `{key}`{place}{}", elsewhere.unwrap_or_else(near))
}
