//! `camtui config --schema`: what may stand in the file, as a JSON Schema (draft 2020-12), from which editors complete
//! and check.

use serde_json::{Map, Value, json};

use super::Config;
use super::settings::{Kind, SETTINGS, Setting, TABLES};
use crate::interactive::command::TABLE;
use crate::interactive::theme::{AUTO, Builtin, MODIFIERS, Role, colour};

/// The schema.
pub fn schema() -> Value {
    let mut root = table("");
    for (name, about) in TABLES.into_iter().filter(|(name, _)| !name.is_empty()) {
        root.insert(name.to_owned(), object(&table(name), about));
    }
    let keys = TABLE.iter().map(|entry| {
        let key = json!({
            "description": entry.help,
            "default": entry.keys,
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": { "type": "string", "minLength": 1 }, "uniqueItems": true },
            ],
        });
        (entry.id.to_owned(), key)
    });
    root.insert("keys".to_owned(), object(&keys.collect(), "keys of the interactive session, by command"));
    root.insert("themes".to_owned(), themes());
    let mut schema = object(&root, "Configuration of camtui (config.toml)");
    let mut head = Map::new();
    head.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    head.insert("title".to_owned(), json!("camtui"));
    if let Some(rest) = schema.as_object_mut() {
        head.append(rest);
    }
    Value::Object(head)
}

fn object(properties: &Map<String, Value>, description: &str) -> Value {
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn table(name: &str) -> Map<String, Value> {
    let settings = SETTINGS.iter().filter(|setting| setting.table == name);
    settings.map(|setting| (setting.key.to_owned(), property(setting))).collect()
}

fn property(setting: &Setting) -> Value {
    let standard = Config::default();
    let (mut property, default) = match &setting.kind {
        Kind::Switch(field) => (json!({ "type": "boolean" }), json!((field.get)(&standard))),
        Kind::Number { field, least, most } => {
            (json!({ "type": "number", "minimum": least, "maximum": most }), json!((field.get)(&standard)))
        }
        Kind::Whole { field, least, most } => {
            (json!({ "type": "integer", "minimum": least, "maximum": most }), json!((field.get)(&standard)))
        }
        Kind::Choice { field, names } => {
            (json!({ "type": "string", "enum": names() }), json!((field.get)(&standard)))
        }
        // A theme of one's own may have any name, so the known ones are examples.
        Kind::Theme(field) => {
            let names: Vec<&str> = [AUTO].into_iter().chain(Builtin::NAMES.map(|(name, _)| name)).collect();
            (json!({ "type": "string", "examples": names }), json!((field.get)(&standard)))
        }
        Kind::Texts(field) => (
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] }),
            json!((field.get)(&standard)),
        ),
    };
    let flag = setting.flag.map_or(String::new(), |flag| format!(" The flag {flag} goes before it."));
    property["description"] = json!(format!("{}{flag}", setting.help));
    property["default"] = default;
    property
}

fn themes() -> Value {
    let one = json!({
        "anyOf": [
            { "type": "string", "pattern": "^#[0-9a-fA-F]{6}$" },
            { "type": "string", "enum": colour::names().collect::<Vec<_>>() },
        ],
    });
    let mut painted = Map::new();
    painted.insert("fg".to_owned(), one.clone());
    painted.insert("bg".to_owned(), one.clone());
    for (name, _) in MODIFIERS {
        painted.insert(name.to_owned(), json!({ "type": "boolean" }));
    }
    let role = json!({ "anyOf": [one, object(&painted, "colours and modifiers")] });
    let mut roles = Map::new();
    let builtin: Vec<&str> = Builtin::NAMES.iter().map(|(name, _)| *name).collect();
    roles.insert("base".to_owned(), json!({ "type": "string", "enum": builtin, "default": "dark" }));
    for (name, _, about) in Role::ALL {
        let mut role = role.clone();
        role["description"] = json!(about);
        roles.insert((*name).to_owned(), role);
    }
    let taken: Vec<&str> = builtin.iter().copied().chain([AUTO]).collect();
    json!({
        "description": "themes of one's own, by name",
        "type": "object",
        "propertyNames": {
            "pattern": "^[A-Za-z0-9_-]+$",
            "not": { "enum": taken },
        },
        "additionalProperties": object(&roles, "a built-in theme with some roles painted otherwise"),
    })
}
