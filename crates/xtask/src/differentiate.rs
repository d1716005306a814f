//! `xtask differentiate`: the gradient graph of a forward model, as a file for the scripts in `tests/goldens`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use camtui_core::grad;
use camtui_core::onnx::{describe::describe, intake, metadata::Metadata, prune::prune};
use clap::Args;
use prost::Message;

#[derive(Args)]
pub struct Differentiate {
    /// The forward model; without camtui's metadata its layers are found as the program finds them
    input: PathBuf,
    /// The file to write
    #[arg(short, long)]
    output: PathBuf,
    /// Keep only these outputs (repeatable, or separated by commas)
    #[arg(long, value_delimiter = ',')]
    outputs: Vec<String>,
}

impl Differentiate {
    pub fn run(self) -> Result<()> {
        let mut model = intake::read(&self.input)?.model;
        if Metadata::read(&model)?.is_none() {
            describe(&mut model, "network")?;
        }
        let found = grad::differentiate(model)?;
        for blocked in &found.blocked {
            eprintln!("{blocked}");
        }
        let model = if self.outputs.is_empty() { found.model } else { prune(found.model, &self.outputs)? };
        fs::write(&self.output, model.encode_to_vec())
            .with_context(|| format!("cannot write {}", self.output.display()))
    }
}
