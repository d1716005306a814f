//! `xtask run-onnx`: what camtui computes with an exported file, for the scripts in `tests/goldens`.
//!
//! The way is the program's own: the file's forward and backward parts on tract, one picture after the other. It is that of `--exact`, in
//! which all values are those that the gradients' masks are made of: the scripts ask for these masks.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, Convolutions, ModelSource, Needs, Schedule, Session, open};
use clap::Args;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

#[derive(Args)]
pub struct RunOnnx {
    /// The exported model
    model: PathBuf,
    /// A safetensors file with the f32 tensors `image` `[n, 3, H, W]` and `seed` `[n, classes]`
    inputs: PathBuf,
    /// The safetensors file to write, with a tensor for each output of the model
    #[arg(short, long)]
    output: PathBuf,
}

impl RunOnnx {
    pub fn run(self) -> Result<()> {
        let bytes =
            fs::read(&self.inputs).with_context(|| format!("cannot read {}", self.inputs.display()))?;
        let given = SafeTensors::deserialize(&bytes)?;
        let (images, seeds) = (rows(&given, "image")?, rows(&given, "seed")?);
        let opened = open(&ModelSource::File(self.model), &Cache::disabled())?;
        let outputs: Vec<String> =
            opened.model.graph.iter().flat_map(|g| &g.output).map(|o| o.name.clone()).collect();
        let network = opened.into_network(Schedule::OnePicture, 2).computing(Convolutions::Exact);
        let layers =
            |kind: &str| outputs.iter().filter_map(|o| o.strip_prefix(kind)).map(str::to_owned).collect();
        let needs = Needs { activations: layers("activation:"), gradients: layers("gradient:") };

        let mut found: BTreeMap<&str, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for (image, seed) in images.iter().zip(&seeds) {
            let session = Session::new(&network, image.clone(), needs.clone())?;
            for output in &outputs {
                let value = match output.split_once(':') {
                    Some(("activation", layer)) => session.activation(layer)?,
                    Some(("gradient", layer)) => session.gradient(layer, seed.data(), Rule::Plain)?,
                    _ => session.logits()?,
                };
                let (shape, data) = found.entry(output).or_insert_with(|| {
                    let mut shape = value.shape().to_vec();
                    shape[0] = images.len();
                    (shape, Vec::new())
                });
                ensure!(shape[1..] == value.shape()[1..], "{output} changes its shape");
                data.extend(value.data().iter().flat_map(|v| v.to_le_bytes()));
            }
        }
        let views = found
            .iter()
            .map(|(name, (shape, data))| Ok((name, TensorView::new(Dtype::F32, shape.clone(), data)?)))
            .collect::<Result<Vec<_>>>()?;
        fs::write(&self.output, safetensors::serialize(views, None)?)
            .with_context(|| format!("cannot write {}", self.output.display()))
    }
}

/// The tensor of that name, one batch of one a row.
fn rows(given: &SafeTensors<'_>, name: &str) -> Result<Vec<Tensor>> {
    let view = given.tensor(name)?;
    ensure!(view.dtype() == Dtype::F32, "{name} is {:?}, not F32", view.dtype());
    let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|w| f32::from_le_bytes(*w)).collect();
    let mut shape = view.shape().to_vec();
    let count = std::mem::replace(&mut shape[0], 1);
    ensure!(count > 0 && !values.is_empty(), "{name} is empty");
    let row = |chunk: &[f32]| Ok(Tensor::new(shape.clone(), chunk.to_vec())?);
    values.chunks_exact(values.len() / count).map(row).collect()
}
