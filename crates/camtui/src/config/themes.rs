//! `[themes.NAME]`: the user's own themes, each a built-in one with some roles painted otherwise.

use std::collections::BTreeMap;

use ratatui::style::Color;
use toml::de::{DeTable, DeValue};

use super::mistake::did_you_mean;
use super::parse::{Reading, Value};
use crate::interactive::theme::{AUTO, Builtin, MODIFIERS, Paint, Role, UserTheme, colour};

/// What a role takes.
pub const TAKES: &str =
    "a colour (\"#rrggbb\" or a name) or a table { fg, bg, bold, underlined, reversed, italic }";

/// Reads the table of all themes.
pub fn read(reading: &mut Reading, themes: &DeTable) {
    for (name, value) in themes {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        if name == AUTO || Builtin::parse(name).is_some() {
            reading.mistakes.add(at, format!("the theme {name} is built in; give yours another name"));
            continue;
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            let text = format!("\"{name}\" is no name for a theme: letters, digits, - and _ make one");
            reading.mistakes.add(at, text);
            continue;
        }
        let DeValue::Table(entries) = value.get_ref() else {
            reading.wrong(&format!("themes.{name}"), "a table of roles", value, "");
            continue;
        };
        reading.lines.insert(format!("themes.{name}"), reading.mistakes.line(at));
        let theme = theme(reading, name, entries);
        reading.config.themes.insert(name.to_owned(), theme);
    }
}

fn theme(reading: &mut Reading, name: &str, entries: &DeTable) -> UserTheme {
    let mut theme = UserTheme { base: Builtin::Dark, roles: BTreeMap::new() };
    for (key, value) in entries {
        let path = format!("themes.{name}.{}", key.get_ref());
        if key.get_ref() == "base" {
            theme.base = base(reading, &path, value).unwrap_or(theme.base);
        } else if let Some(&(_, role, _)) = Role::ALL.iter().find(|(known, _, _)| key.get_ref() == known) {
            if let Some(paint) = paint(reading, &path, value) {
                theme.roles.insert(role, paint);
            }
        } else {
            let known = Role::ALL.iter().map(|(known, _, _)| *known).chain(["base"]);
            let near = did_you_mean(key.get_ref(), known);
            reading.mistakes.add(key.span().start, format!("a theme has no role `{}`{near}", key.get_ref()));
        }
    }
    theme
}

fn base(reading: &mut Reading, path: &str, value: &Value) -> Option<Builtin> {
    let names = || Builtin::NAMES.iter().map(|(name, _)| *name);
    let name = match value.get_ref() {
        DeValue::String(name) => name.as_ref(),
        _ => "",
    };
    let found = Builtin::parse(name);
    if found.is_none() {
        let takes = format!("one of the built-in themes {}", names().collect::<Vec<_>>().join(", "));
        reading.wrong(path, &takes, value, &did_you_mean(name, names()));
    }
    found
}

fn paint(reading: &mut Reading, path: &str, value: &Value) -> Option<Paint> {
    match value.get_ref() {
        DeValue::String(_) => Some(Paint { fg: Some(colour(reading, path, value)?), ..Paint::default() }),
        DeValue::Table(entries) => {
            let mut paint = Paint::default();
            for (key, value) in entries {
                let name = key.get_ref().as_ref();
                let path = format!("{path}.{name}");
                let modifier = MODIFIERS.iter().position(|(known, _)| *known == name);
                match (name, modifier, value.get_ref()) {
                    ("fg", ..) => paint.fg = colour(reading, &path, value),
                    ("bg", ..) => paint.bg = colour(reading, &path, value),
                    (_, Some(modifier), DeValue::Boolean(on)) => paint.modifiers[modifier] = Some(*on),
                    (_, Some(_), _) => reading.wrong(&path, "true or false", value, ""),
                    (_, None, _) => {
                        let known = MODIFIERS.iter().map(|(known, _)| *known).chain(["fg", "bg"]);
                        let near = did_you_mean(name, known);
                        reading.mistakes.add(key.span().start, format!("a role has no `{name}`{near}"));
                    }
                }
            }
            Some(paint)
        }
        _ => {
            reading.wrong(path, TAKES, value, "");
            None
        }
    }
}

fn colour(reading: &mut Reading, path: &str, value: &Value) -> Option<Color> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        _ => "",
    };
    let found = colour::parse(text);
    if found.is_none() {
        let near = did_you_mean(text, colour::names());
        reading.wrong(path, "a colour: \"#rrggbb\" or a name such as \"light-blue\"", value, &near);
    }
    found
}
