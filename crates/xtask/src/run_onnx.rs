//! `xtask run-onnx`: what tract computes with an exported file, for the scripts in `tests/goldens`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tract_onnx::prelude::*;

#[derive(Args)]
pub struct RunOnnx {
    /// The exported model
    model: PathBuf,
    /// A safetensors file with an f32 tensor for each input; they are fed row by row, as batches of one
    inputs: PathBuf,
    /// The safetensors file to write, with a tensor for each output
    #[arg(short, long)]
    output: PathBuf,
}

impl RunOnnx {
    pub fn run(self) -> Result<()> {
        let bytes =
            fs::read(&self.inputs).with_context(|| format!("cannot read {}", self.inputs.display()))?;
        let given = SafeTensors::deserialize(&bytes)?;
        let mut model = tract_onnx::onnx().model_for_path(&self.model)?;
        let mut columns = Vec::new();
        for index in 0..model.inputs.len() {
            let name = model.node(model.inputs[index].node).name.clone();
            let view = given.tensor(&name)?;
            ensure!(view.dtype() == Dtype::F32, "{name} is {:?}, not F32", view.dtype());
            let (words, _) = view.data().as_chunks::<4>();
            let values: Vec<f32> = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
            let mut shape = view.shape().to_vec();
            let rows = std::mem::replace(&mut shape[0], 1);
            model.set_input_fact(index, f32::fact(&shape).into())?;
            columns.push((rows, shape, values));
        }
        let outputs = model.output_outlets()?.to_vec();
        let names: Vec<String> = outputs.iter().map(|o| label(&model, *o)).collect();
        let plan = model.into_optimized()?.into_runnable()?;

        let rows = columns.iter().map(|(rows, ..)| *rows).min().context("the model has no inputs")?;
        let mut found: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for row in 0..rows {
            let inputs = columns.iter().map(|(rows, shape, values)| {
                let length = values.len() / rows;
                Ok(Tensor::from_shape(shape, &values[row * length..][..length])?.into())
            });
            let results = plan.run(inputs.collect::<TractResult<_>>()?)?;
            for (name, result) in names.iter().zip(&results) {
                let entry = found.entry(name.clone()).or_insert_with(|| {
                    let mut shape = result.shape().to_vec();
                    shape[0] = rows;
                    (shape, Vec::new())
                });
                let values = result.to_plain_array_view::<f32>()?;
                entry.1.extend(values.iter().flat_map(|v| v.to_le_bytes()));
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

fn label(model: &InferenceModel, outlet: OutletId) -> String {
    model.outlet_label(outlet).map_or_else(|| model.node(outlet.node).name.clone(), str::to_owned)
}
