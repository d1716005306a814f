//! `camtui plugin …`: which explainers there are and what they say of themselves.

use std::fmt::Write as _;
use std::path::Path;

use camtui_host::{Asked, Explainer};
use camtui_term::sanitise;

use super::print;
use crate::cli::PluginCommand;
use crate::config;
use crate::exit::Failure;
use crate::pipeline::explainers;
use crate::pipeline::isolation::Runs;
use crate::store::Places;

/// Runs one of them.
pub fn run(command: &PluginCommand, places: &Places) -> Result<(), Failure> {
    let mut notices = Vec::new();
    let result = match command {
        PluginCommand::List { plugin, in_process } => {
            explainers::registry(plugin, &runs(*in_process, places)?, places, &mut notices).map(|registry| {
                let rows = registry.explainers().map(|(id, explainer)| row(id, explainer));
                rows.collect::<String>()
            })
        }
        PluginCommand::Info { name, in_process } => {
            info(name, &runs(*in_process, places)?, places, &mut notices)
        }
    };
    for notice in &notices {
        eprintln!("camtui: {}", sanitise(notice));
    }
    print(result?.as_bytes())
}

/// Bounded as the user's configuration says.
fn runs(in_process: bool, places: &Places) -> Result<Runs, Failure> {
    let config = config::load(None, places).map_err(|e| Failure::Usage(e.into()))?.config;
    Ok(Runs::new(in_process, &config))
}

fn row(id: &str, explainer: &Explainer) -> String {
    let info = explainer.info();
    format!(
        "{id:<16} {:<8} {:<32} {}\n",
        info.version,
        needs(explainer),
        sanitise(&explainer.origin().to_string())
    )
}

fn needs(explainer: &Explainer) -> String {
    let needs = explainer.info().needs;
    let words = [
        (needs.activations, "activations"),
        (needs.gradients, "gradients"),
        (needs.forward, "forward passes"),
    ];
    let words: Vec<&str> = words.into_iter().filter_map(|(yes, word)| yes.then_some(word)).collect();
    words.join(", ")
}

/// A file's explainers, or the one of that id.
fn info(name: &str, runs: &Runs, places: &Places, notices: &mut Vec<String>) -> Result<String, Failure> {
    let registry = explainers::registry(&[], runs, places, notices)?;
    if let Ok(explainer) = registry.find(name) {
        return Ok(describe(explainer));
    }
    if !Path::new(name).exists() && !name.contains(['/', '.']) {
        let error = registry.find(name).err().map(|e| e.to_string()).unwrap_or_default();
        return Err(Failure::Usage(anyhow::anyhow!("{error}; a library is named by its file")));
    }
    let (library, notice) =
        runs.load(Path::new(name), Asked::ByFile).map_err(|e| Failure::Plugin(e.into()))?;
    notices.extend(notice);
    Ok(library.explainers().iter().map(|e| describe(e)).collect::<Vec<_>>().join("\n"))
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
    line("reference", &info.reference);
    line("needs", &needs(explainer));
    line("from", &explainer.origin().to_string());
    if info.class_agnostic {
        line("class", "the map does not depend on it");
    }
    for param in &info.params {
        line("parameter", &format!("{} ({}) {}", param.key, param.takes(), param.help));
    }
    text
}
