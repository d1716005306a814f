//! What is said of the settings elsewhere, the JSON Schema and `docs/config.md`, held against the program.

use std::fmt::Write as _;

use serde_json::Value;

use super::{RICH, good, printed};
use crate::config::settings::{Kind, SETTINGS, TABLES};
use crate::config::{Config, print, schema, themes};
use crate::interactive::command::{Group, TABLE};
use crate::interactive::theme::{Role, colour};

/// What a schema finds wrong with a value: the keywords that camtui's schema uses, by the standard's own rules.
fn problems(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().unwrap() {
        let fine = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "examples" | "propertyNames"
            | "uniqueItems" => true,
            "properties" => {
                for (name, inner) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        found.extend(problems(inner, value, &format!("{at}.{name}")));
                    }
                }
                true
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if schema.get("properties").is_none_or(|known| known.get(name).is_none()) {
                        match rule {
                            Value::Bool(false) => found.push(format!("{at} has {name}")),
                            inner => found.extend(problems(inner, value, &format!("{at}.{name}"))),
                        }
                    }
                }
                true
            }
            "items" => {
                let all = value.as_array().into_iter().flatten();
                found.extend(all.flat_map(|value| problems(rule, value, at)));
                true
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("type {other}"),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= rule.as_u64().unwrap()),
            "pattern" => match rule.as_str().unwrap() {
                "^#[0-9a-fA-F]{6}$" => {
                    value.as_str().is_none_or(|text| text.starts_with('#') && text.len() == 7)
                }
                other => panic!("pattern {other}"),
            },
            "anyOf" => {
                let mut each = rule.as_array().unwrap().iter();
                each.any(|inner| problems(inner, value, at).is_empty())
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !fine {
            found.push(format!("{at}: {keyword} {rule}"));
        }
    }
    found
}

fn json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

#[test]
fn the_schema_takes_what_is_printed() {
    let schema = schema::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for text in ["", RICH] {
        for text in [text.to_owned(), printed(text)] {
            good(&text);
            assert_eq!(problems(&schema, &json(&text), "$"), [""; 0], "{text}");
        }
    }
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let schema = schema::schema();
    for text in [
        "wach = true",
        "mouse = 1",
        "protocol = 'vga'",
        "model = [1]",
        "view.alpha = 1.01",
        "view.alpha = 'half'",
        "view.threshold = 0",
        "view.threshold = 1.5",
        "view.mode = 'overly'",
        "panes.side_width = 91",
        "panes = 3",
        "keys.quti = 'q'",
        "keys.quit = 3",
        "keys.quit = ''",
        "themes.x.accent = 'orange'",
        "themes.x.accent = { fg = 'red', bolt = true }",
        "themes.x.base = 'x'",
        "themes.x.rule = 'red'",
    ] {
        assert!(super::parse::parse(text.as_bytes()).is_err(), "{text}");
        assert!(!problems(&schema, &json(text), "$").is_empty(), "{text}");
    }
}

/// The part of `docs/config.md` that the tables make.
fn reference() -> String {
    let mut text = String::new();
    let standard = Config::default();
    for (table, about) in TABLES {
        let heading =
            if table.is_empty() { "At the top of the file".to_owned() } else { format!("`[{table}]`") };
        let _ = writeln!(
            text,
            "### {heading}: {about}\n\n| setting | takes | default | flag | |\n|---|---|---|---|---|"
        );
        for setting in SETTINGS.iter().filter(|setting| setting.table == table) {
            let takes = match &setting.kind {
                Kind::Theme(_) => "a name".to_owned(),
                kind => kind.takes().replace('"', "`"),
            };
            let (key, value) = (setting.key, print::value(setting, &standard));
            let flag = setting.flag.map_or(String::new(), |flag| format!("`{flag}`"));
            let _ = writeln!(text, "| `{key}` | {takes} | `{value}` | {flag} | {} |", setting.help);
        }
        text.push('\n');
    }
    text.push_str("### `[keys]`: keys of the interactive session, by command\n");
    for group in Group::ALL {
        let _ = writeln!(text, "\n| {} | default | |\n|---|---|---|", group.title());
        for entry in TABLE.iter().filter(|entry| entry.group == group) {
            let keys: Vec<String> = entry.keys.iter().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(text, "| `{}` | {} | {} |", entry.id, keys.join(" "), entry.help);
        }
    }
    let _ = writeln!(
        text,
        "\n### `[themes.NAME]`: themes of your own\n\n| role | takes {} |\n|---|---|",
        themes::TAKES
    );
    for (name, _, about) in Role::ALL {
        let _ = writeln!(text, "| `{name}` | {about} |");
    }
    let names: Vec<String> = colour::names().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(text, "\nNames of colours: {}.", names.join(", "));
    text
}

/// `CAMTUI_WRITE_DOCS=1 cargo test -p camtui described` writes the page anew.
#[test]
fn the_page_says_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (start, end) = ("<!-- made from the program's tables -->\n", "<!-- end -->");
    let from = page.find(start).unwrap() + start.len();
    let to = page.find(end).unwrap();
    let wanted = format!("\n{}\n", reference());
    if std::env::var_os("CAMTUI_WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{}{wanted}{}", &page[..from], &page[to..])).unwrap();
    } else {
        assert!(page[from..to] == wanted, "docs/config.md is stale; CAMTUI_WRITE_DOCS=1 makes it anew");
    }
    // What the page shows as an example must be right as well.
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        assert_ne!(good(example), Config::default(), "{example}");
    }
}
