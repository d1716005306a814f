//! `camtui model …`: list, pull, look into, export.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use camtui_core::file::write_atomic;
use camtui_core::model::{ModelSource, Opened};
use camtui_core::onnx::metadata::Metadata;
use camtui_core::onnx::prune::prune;
use camtui_core::onnx::subgraph::encode;
use camtui_core::sidecar;
use camtui_term::sanitise;
use serde_json::json;

use super::print;
use crate::cli::ModelCommand;
use crate::exit::Failure;
use crate::pipeline::models;
use crate::store::{self, Places};

/// Runs one of them.
pub fn run(command: &ModelCommand, places: &Places) -> Result<(), Failure> {
    match command {
        ModelCommand::List => Ok(store::list(places)?),
        ModelCommand::Pull(args) => Ok(store::pull(args, places)?),
        ModelCommand::Info { model, output_name, json } => {
            info(model.as_deref(), output_name.as_deref(), *json, places)
        }
        ModelCommand::Init { model, force } => init(model, *force),
        ModelCommand::Export { model, output, outputs } => export(model, output, outputs, places),
    }
}

fn open(wanted: Option<&str>, output: Option<&str>, places: &Places) -> Result<Opened, Failure> {
    let mut notices = Vec::new();
    let wanted: Vec<String> = wanted.map(str::to_owned).into_iter().collect();
    let source: ModelSource = models::sources(&wanted, output, places, &mut notices)?.remove(0);
    let cache = models::cache(places, &mut notices);
    let opened = models::open(&source, &cache, &mut notices);
    for notice in &notices {
        eprintln!("camtui: {}", sanitise(notice));
    }
    opened
}

fn info(wanted: Option<&str>, output: Option<&str>, as_json: bool, places: &Places) -> Result<(), Failure> {
    let Opened { model, metadata, .. } = open(wanted, output, places)?;
    let parameters: i64 =
        model.graph.iter().flat_map(|g| &g.initializer).map(|t| t.dims.iter().product::<i64>()).sum();
    if as_json {
        let text = json!({
            "name": metadata.name,
            "sha256": metadata.source_sha256,
            "classes": metadata.classes,
            "labels": metadata.labels,
            "preprocessing": metadata.recipe,
            "assumed": metadata.assumed,
            "notes": metadata.notes,
            "parameters": parameters,
            "default_layer": metadata.default_layer,
            "head": metadata.head,
            "layers": metadata.layers,
        });
        return print(format!("{text}\n").as_bytes());
    }
    print(sanitise_lines(&describe(&metadata, parameters)).as_bytes())
}

fn describe(metadata: &Metadata, parameters: i64) -> String {
    let mut text = String::new();
    let mut row = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<14} {value}");
    };
    row("model", metadata.name.clone());
    row("sha256", metadata.source_sha256.clone());
    row("classes", metadata.classes.to_string());
    row("parameters", parameters.to_string());
    if let Some(recipe) = &metadata.recipe {
        row("input", format!("[N, 3, {}, {}]", recipe.height, recipe.width));
        let resize = match recipe.resize {
            camtui_core::recipe::Resize::Squash => "squash".to_owned(),
            camtui_core::recipe::Resize::CenterCrop => format!("center-crop after {}", recipe.crop_resize),
        };
        let guessed = if metadata.assumed { " (assumed)" } else { "" };
        row("preprocessing", format!("{resize}, mean {:?}, std {:?}{guessed}", recipe.mean, recipe.std));
    }
    let width = metadata.layers.iter().map(|l| l.name.len()).max().unwrap_or(0).max(5);
    let _ = writeln!(text, "\n  {:<width$}  {:<16} gradient", "layer", "shape");
    for layer in &metadata.layers {
        let mark = if metadata.default_layer.as_ref() == Some(&layer.name) { '*' } else { ' ' };
        let shape = layer.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
        let gradient = if layer.gradient { "yes" } else { "no" };
        let _ = writeln!(text, "{mark} {:<width$}  {shape:<16} {gradient}", layer.name);
    }
    text.push_str("* the layer that is explained when none is named\n");
    text
}

/// Writes the sidecar of a file from elsewhere.
fn init(model: &Path, force: bool) -> Result<(), Failure> {
    let target = sidecar::path_for(model);
    if target.exists() && !force {
        return Err(Failure::Usage(anyhow!("{} is there already; --force replaces it", target.display())));
    }
    let text = sidecar::guess(model).with_context(|| format!("cannot look into {}", model.display()))?;
    write_atomic(&target, text.as_bytes()).with_context(|| format!("cannot write {}", target.display()))?;
    print(format!("{}\n", sanitise(&target.display().to_string())).as_bytes())
}

fn sanitise_lines(text: &str) -> String {
    text.lines().map(|line| sanitise(line) + "\n").collect()
}

fn export(wanted: &str, output: &Path, outputs: &[String], places: &Places) -> Result<(), Failure> {
    if output.is_dir() {
        return Err(Failure::Usage(anyhow!("{} is a folder; name a file ending in .onnx", output.display())));
    }
    let mut model = open(Some(wanted), None, places)?.into_whole().map_err(|e| Failure::Failed(e.into()))?;
    if !outputs.is_empty() {
        model = prune(model, outputs).map_err(|e| Failure::Usage(e.into()))?;
    }
    let bytes = encode(&model);
    write_atomic(output, &bytes).with_context(|| format!("cannot write {}", output.display()))?;
    print(format!("{} ({} bytes)\n", sanitise(&output.display().to_string()), bytes.len()).as_bytes())
}
