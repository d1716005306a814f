//! `xtask forward-onnx`: the forward model that camtui builds, as a file for `tests/goldens/forward.py`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use camtui_core::{arch, arch::Architecture, checkpoint, seeded};
use clap::Args;
use prost::Message;

#[derive(Args)]
pub struct ForwardOnnx {
    /// The architecture of the seeded weights
    #[arg(long, value_parser = architecture)]
    arch: Option<Architecture>,
    /// A checkpoint, in place of seeded weights
    #[arg(long, conflicts_with = "arch", required_unless_present = "arch")]
    checkpoint: Option<PathBuf>,
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

impl ForwardOnnx {
    pub fn run(self) -> Result<()> {
        let state = match (self.checkpoint, self.arch) {
            (Some(path), _) => checkpoint::read(&path)?,
            (None, Some(arch)) => seeded::state(arch, self.classes, self.seed),
            (None, None) => bail!("give --arch or --checkpoint"),
        };
        let model = arch::build(&state)?;
        fs::write(&self.output, model.encode_to_vec())
            .with_context(|| format!("cannot write {}", self.output.display()))
    }
}

fn architecture(name: &str) -> Result<Architecture> {
    let known = Architecture::ALL.into_iter().find(|architecture| architecture.name() == name);
    known.with_context(|| format!("there are: {}", Architecture::ALL.map(Architecture::name).join(", ")))
}
