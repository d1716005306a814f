//! `camtui model …`: list, pull, look into, export.

mod info;

use std::path::Path;

use anyhow::{Context as _, anyhow};
use camtui_core::file::write_atomic;
use camtui_core::model::{ModelSource, Opened, Variant};
use camtui_core::onnx::prune::prune;
use camtui_core::onnx::subgraph::encode;
use camtui_core::sidecar;
use camtui_term::sanitise;

use super::print;
use crate::cli::ModelCommand;
use crate::exit::Failure;
use crate::pipeline::models;
use crate::pipeline::sizes::InputSize;
use crate::store::{self, Places};

/// Runs one of them.
pub fn run(command: &ModelCommand, places: &Places) -> Result<(), Failure> {
    match command {
        ModelCommand::List => Ok(store::list(places)?),
        ModelCommand::Pull(args) => Ok(store::pull(args, places)?),
        ModelCommand::Info { model, output_name, json } => {
            let variant = Variant { output: output_name.clone(), size: None };
            info::info(&open(model.as_deref(), &variant, places)?, *json)
        }
        ModelCommand::Init { model, force } => init(model, *force),
        ModelCommand::Export { model, output, outputs, input_size } => {
            let size = match *input_size {
                Some(InputSize::Fixed(height, width)) => Some((height, width)),
                Some(InputSize::Picture) => {
                    return Err(Failure::Usage(anyhow!(
                        "a file takes one size of pictures: --input-size 448"
                    )));
                }
                None => None,
            };
            export(model, &Variant { output: None, size }, output, outputs, places)
        }
    }
}

fn open(wanted: Option<&str>, variant: &Variant, places: &Places) -> Result<Opened, Failure> {
    let mut notices = Vec::new();
    let wanted: Vec<String> = wanted.map(str::to_owned).into_iter().collect();
    let source: ModelSource = models::sources(&wanted, variant, places, &mut notices)?.remove(0);
    let cache = models::cache(places, &mut notices);
    let opened = models::open(&source, &cache, &mut notices);
    for notice in &notices {
        eprintln!("camtui: {}", sanitise(notice));
    }
    opened
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

fn export(
    wanted: &str,
    variant: &Variant,
    output: &Path,
    outputs: &[String],
    places: &Places,
) -> Result<(), Failure> {
    if output.is_dir() {
        return Err(Failure::Usage(anyhow!("{} is a folder; name a file ending in .onnx", output.display())));
    }
    let mut model =
        open(Some(wanted), variant, places)?.into_whole().map_err(|e| Failure::Failed(e.into()))?;
    if !outputs.is_empty() {
        model = prune(model, outputs).map_err(|e| Failure::Usage(e.into()))?;
    }
    let bytes = encode(&model);
    write_atomic(output, &bytes).with_context(|| format!("cannot write {}", output.display()))?;
    print(format!("{} ({} bytes)\n", sanitise(&output.display().to_string()), bytes.len()).as_bytes())
}
