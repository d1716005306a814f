//! `camtui config`: the configuration in effect as TOML, with where each value comes from. What it prints reads back to
//! the same [`Config`].

use std::fmt::Write as _;

use camtui_term::sanitise;

use super::settings::{Kind, SETTINGS, Setting, TABLES};
use super::{Config, Loaded};
use crate::interactive::command::TABLE;
use crate::interactive::theme::{MODIFIERS, Paint, Role, UserTheme, colour};

/// All of it. `protocol_variable` is what `CAMTUI_PROTOCOL` says, if it is set.
pub fn print(loaded: &Loaded, protocol_variable: Option<&str>) -> String {
    let mut text = String::from("# The configuration of camtui in effect.\n");
    let file = loaded.path.as_ref().map(|path| sanitise(&path.display().to_string()));
    let _ = match (&file, loaded.found) {
        (Some(file), true) => writeln!(text, "# Lines are those of {file}."),
        (Some(file), false) => writeln!(text, "# There is no {file}, so everything is as by default."),
        (None, _) => {
            writeln!(text, "# There is no folder for a configuration, so everything is as by default.")
        }
    };
    let origin = |path: &str| match loaded.lines.get(path) {
        Some(line) => format!("line {line}"),
        None => "default".to_owned(),
    };
    for (table, about) in TABLES {
        let heading = if table.is_empty() { String::new() } else { format!("[{table}] ") };
        let _ = writeln!(text, "\n{heading}# {about}");
        for setting in SETTINGS.iter().filter(|setting| setting.table == table) {
            let mut origin = origin(&setting.path());
            if let Some(variable) = protocol_variable.filter(|_| setting.key == "protocol") {
                let _ = write!(origin, "; CAMTUI_PROTOCOL={} goes before it", sanitise(variable));
            }
            let _ = writeln!(text, "{} = {} # {origin}", setting.key, value(setting, &loaded.config));
        }
    }
    let _ = writeln!(text, "\n[keys] # keys of the interactive session, by command");
    for entry in TABLE {
        let keys: Vec<String> = loaded.config.keys.keys(entry.command).map(|key| key.to_string()).collect();
        let taken = || if keys == entry.keys { "default" } else { "another command took a key" };
        let origin = match loaded.lines.get(&format!("keys.{}", entry.id)) {
            Some(line) => format!("line {line}"),
            None => taken().to_owned(),
        };
        let _ = writeln!(text, "{} = {} # {origin}", entry.id, list(&keys));
    }
    for (name, theme) in &loaded.config.themes {
        let _ = writeln!(text, "\n[themes.{name}] # {}", origin(&format!("themes.{name}")));
        text.push_str(&themed(theme));
    }
    text
}

/// The value of a setting as TOML.
pub fn value(setting: &Setting, config: &Config) -> String {
    match &setting.kind {
        Kind::Switch(field) => (field.get)(config).to_string(),
        Kind::Number { field, .. } => format!("{:?}", (field.get)(config)),
        Kind::Whole { field, .. } => (field.get)(config).to_string(),
        Kind::Choice { field, .. } => quoted((field.get)(config)),
        Kind::Theme(field) => quoted(&(field.get)(config)),
        Kind::Texts(field) => list(&(field.get)(config)),
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn themed(theme: &UserTheme) -> String {
    let mut text = format!("base = {}\n", quoted(theme.base.name()));
    for &(name, role, _) in Role::ALL {
        if let Some(paint) = theme.roles.get(&role) {
            let _ = writeln!(text, "{name} = {}", painted(paint));
        }
    }
    text
}

fn painted(paint: &Paint) -> String {
    let colours = [("fg", paint.fg), ("bg", paint.bg)].into_iter().filter_map(|(name, value)| {
        let value = value.and_then(colour::name)?;
        Some(format!("{name} = {}", quoted(&value)))
    });
    let modifiers = MODIFIERS.iter().zip(paint.modifiers);
    let modifiers = modifiers.filter_map(|((name, _), on)| Some(format!("{name} = {}", on?)));
    format!("{{ {} }}", colours.chain(modifiers).collect::<Vec<_>>().join(", "))
}
