//! Every rule in f64, run by tract, against PyTorch's autograd (`tests/goldens/gradient_rules.py`).

use std::{collections::HashMap, fs, path::PathBuf};

use prost::Message as _;
use safetensors::SafeTensors;
use tract_onnx::prelude::*;

use super::*;
use crate::onnx::pb::{NodeProto, ValueInfoProto};

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data/rules")
}

fn network(name: &str) -> ModelProto {
    let bytes = fs::read(goldens().join(format!("{name}.onnx"))).unwrap();
    ModelProto::decode(bytes.as_slice()).unwrap()
}

fn read(tensors: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f64>) {
    let view = tensors.tensor(name).unwrap();
    let (words, _) = view.data().as_chunks::<8>();
    (view.shape().to_vec(), words.iter().map(|w| f64::from_le_bytes(*w)).collect())
}

fn relative(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

/// Runs `model` on tract, in f64, and gives its outputs by name.
fn run(model: &ModelProto, inputs: &[(&str, &(Vec<usize>, Vec<f64>))]) -> HashMap<String, Vec<f64>> {
    let graph = model.graph.as_ref().unwrap();
    let mut runtime = tract_onnx::onnx().model_for_proto_model(model).unwrap();
    let mut values = tvec![];
    for (index, input) in graph.input.iter().enumerate() {
        let (_, (shape, data)) = inputs.iter().find(|(name, _)| *name == input.name).unwrap();
        runtime.set_input_fact(index, f64::fact(shape).into()).unwrap();
        values.push(Tensor::from_shape(shape, data).unwrap().into());
    }
    let outputs = runtime.into_optimized().unwrap().into_runnable().unwrap().run(values).unwrap();
    let read = |o: &TValue| o.to_plain_array_view::<f64>().unwrap().iter().copied().collect();
    graph.output.iter().zip(&outputs).map(|(info, o)| (info.name.clone(), read(o))).collect()
}

/// Red when a rule is wrong: without the subtraction of what is taken (`left` in `rules/max_pool.rs`) every
/// `max_pool_*` is off by 0.3 and more; with `Greater` made `GreaterOrEqual` in `rules/relu.rs`, `relu_at_its_kink` is.
#[test]
fn every_rule_gives_autograds_gradients() {
    let mut names: Vec<String> = fs::read_dir(goldens())
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().into_string().unwrap().strip_suffix(".onnx").map(Into::into))
        .collect();
    names.retain(|name| name != "gemm_scaled"); // tract's Gemm takes alpha and beta for f32
    names.sort();
    assert!(names.len() >= 41, "goldens are missing: {names:?}");
    let mut wrong = Vec::new();
    for name in names {
        let bytes = fs::read(goldens().join(format!("{name}.safetensors"))).unwrap();
        let golden = SafeTensors::deserialize(&bytes).unwrap();
        let found = differentiate(network(&name)).unwrap();
        assert_eq!(found.blocked, [], "{name}");
        let inputs = [("image", &read(&golden, "image")), ("seed", &read(&golden, "seed"))];
        let outputs = run(&found.model, &inputs);
        for output in golden.names().into_iter().filter(|n| *n != "image" && *n != "seed") {
            let error = relative(&outputs[output], &read(&golden, output).1);
            if error.is_nan() || error > 1e-9 {
                wrong.push(format!("{name}: {output} is off by {error:.1e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
