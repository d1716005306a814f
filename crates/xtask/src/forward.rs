//! `xtask forward-onnx`: the forward model that camtui builds, as a file for `tests/goldens/forward.py`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use camtui_core::{arch, arch::Architecture, seeded};
use clap::{Args, ValueEnum};
use prost::Message;

#[derive(Args)]
pub struct ForwardOnnx {
    /// The architecture of the seeded weights
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// The seed of the seeded weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of classes of the seeded weights
    #[arg(long, default_value_t = 1000)]
    classes: usize,
    /// The file to write
    #[arg(short, long)]
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Arch {
    Resnet18,
    #[value(name = "efficientnet-lite0")]
    EfficientnetLite0,
}

impl ForwardOnnx {
    pub fn run(self) -> Result<()> {
        let architecture = match self.arch.context("--arch is needed")? {
            Arch::Resnet18 => Architecture::ResNet18,
            Arch::EfficientnetLite0 => Architecture::EfficientNetLite0,
        };
        let state = seeded::state(architecture, self.classes, self.seed);
        let model = arch::build(&state)?;
        fs::write(&self.output, model.encode_to_vec())
            .with_context(|| format!("cannot write {}", self.output.display()))
    }
}
