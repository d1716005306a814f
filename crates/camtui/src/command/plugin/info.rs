//! `camtui plugin info`: all that a library's explainers, or one explainer, say of themselves.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use camtui_host::{Asked, Explainer, ParamInfo, ParamKind};
use camtui_term::sanitise;
use serde_json::{Value, json};

use super::list::{hash, place};
use super::{needs, tell};
use crate::command::print;
use crate::exit::Failure;
use crate::pipeline::explainers;
use crate::pipeline::isolation::Runs;
use crate::store::Places;

/// A file's explainers, or the one of that id.
pub fn run(name: &str, as_json: bool, runs: &Runs, places: &Places) -> Result<(), Failure> {
    let mut notices = Vec::new();
    let found = find(name, runs, places, &mut notices);
    tell(&notices);
    let found = found?;
    if as_json {
        let all: Vec<Value> = found.iter().map(|e| in_json(e)).collect();
        return print(format!("{}\n", json!({ "explainers": all, "notices": notices })).as_bytes());
    }
    print(found.iter().map(|e| describe(e)).collect::<Vec<_>>().join("\n").as_bytes())
}

/// What has a folder or an ending is a file; anything else is an id first.
fn find(
    name: &str,
    runs: &Runs,
    places: &Places,
    notices: &mut Vec<String>,
) -> Result<Vec<Arc<Explainer>>, Failure> {
    let path = Path::new(name);
    if !name.contains(['/', '\\'])
        && path.extension().is_none_or(|end| end != std::env::consts::DLL_EXTENSION)
    {
        let registry = explainers::registry(&[], runs, places, notices)?;
        match explainers::find(&registry, name) {
            Ok(explainer) => return Ok(vec![Arc::clone(explainer)]),
            Err(error) if !path.exists() && !name.contains('.') => {
                return Err(Failure::Usage(anyhow::anyhow!("{error}; a library is named by its file")));
            }
            Err(_) => {}
        }
    }
    let (library, notice) = runs.load(path, Asked::ByFile).map_err(|e| Failure::Plugin(e.into()))?;
    notices.extend(notice);
    Ok(library.explainers().to_vec())
}

fn describe(explainer: &Explainer) -> String {
    let info = explainer.info();
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {}", sanitise(value));
    };
    line("id", &info.id);
    line("name", &info.name);
    line("version", &info.version);
    line("summary", &info.summary);
    if !info.reference.is_empty() {
        line("reference", &info.reference);
    }
    line("needs", &needs(explainer).join(", "));
    line("from", &explainer.origin().to_string());
    line("runs", place(explainer));
    if let Some(hash) = explainer.file().and_then(hash) {
        line("sha256", &hash);
    }
    if info.class_agnostic {
        line("class", "the map does not depend on it");
    }
    if info.rectify {
        line("relu", "the method ends in one; --signed leaves it out");
    }
    if info.gives_terms {
        line("smooth", "eigen takes the principal component of the channels that it weighs");
    }
    for param in &info.params {
        line("parameter", &format!("{} ({}) {}", param.key, param.takes(), param.help));
    }
    text
}

fn in_json(explainer: &Explainer) -> Value {
    let info = explainer.info();
    json!({
        "id": info.id,
        "name": info.name,
        "version": info.version,
        "summary": info.summary,
        "reference": info.reference,
        "needs": needs(explainer),
        "rectify": info.rectify,
        "class_agnostic": info.class_agnostic,
        "gives_terms": info.gives_terms,
        "isolated": explainer.is_isolated(),
        "bundled": explainer.file().is_none(),
        "path": explainer.file().map(|f| f.to_string_lossy()),
        "sha256": explainer.file().and_then(hash),
        "parameters": info.params.iter().map(parameter).collect::<Vec<_>>(),
    })
}

/// `minimum` and `maximum` are null where there is no bound.
fn parameter(param: &ParamInfo) -> Value {
    let (kind, default, range, choices) = match &param.kind {
        ParamKind::Bool { default } => ("bool", json!(default), None, None),
        ParamKind::Int { default, range } => {
            ("int", json!(default), range.map(|(low, high)| (json!(low), json!(high))), None)
        }
        // Infinite bounds are no numbers in JSON, and no bounds either.
        ParamKind::Float { default, range } => {
            ("float", json!(default), range.map(|(low, high)| (json!(low), json!(high))), None)
        }
        ParamKind::Choice { default, choices } => ("choice", json!(choices[*default]), None, Some(choices)),
        ParamKind::Text { default } => ("text", json!(default), None, None),
    };
    let (minimum, maximum) = range.unwrap_or_default();
    json!({
        "key": param.key,
        "type": kind,
        "default": default,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "help": param.help,
    })
}
