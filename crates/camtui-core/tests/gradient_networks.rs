//! Whole networks, differentiated and run by tract, against PyTorch (`tests/goldens/gradient_networks.py --write`).
//!
//! The weights come from the seeded generator that both sides have, so no weight file is needed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use camtui_core::arch::{self, Architecture};
use camtui_core::checkpoint::StateDict;
use camtui_core::grad::differentiate;
use camtui_core::onnx::prune::prune;
use camtui_core::seeded;
use serde::Deserialize;
use tract_onnx::prelude::*;

#[derive(Deserialize)]
struct Golden {
    arch: String,
    /// The layer that is pooled: no mask lies between it and the logits.
    pooled: String,
    /// One for each input: by output name.
    cases: Vec<BTreeMap<String, Samples>>,
}

/// Evenly spaced entries of a tensor, and its 2-norm.
#[derive(Deserialize)]
struct Samples {
    shape: Vec<usize>,
    norm: f64,
    values: Vec<f32>,
}

impl Samples {
    /// `|a − b| / |b|` over the entries, or the relative error of the norm where that is larger.
    fn error(&self, found: &Tensor) -> f64 {
        assert_eq!(found.shape(), self.shape);
        let found: Vec<f32> = found.to_plain_array_view::<f32>().unwrap().iter().copied().collect();
        let at = |i: usize| found[i * (found.len() - 1) / (self.values.len() - 1)];
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let entries = norm(&mut (0..self.values.len()).map(|i| f64::from(at(i) - self.values[i])))
            / norm(&mut self.values.iter().map(|&v| f64::from(v)));
        let whole = norm(&mut found.iter().map(|&v| f64::from(v)));
        entries.max((whole / self.norm - 1.0).abs())
    }
}

/// Seeded weights; EfficientNet's batch norms are calmed as the script does it, and says why.
fn weights(architecture: Architecture) -> StateDict {
    let state = seeded::state(architecture, 1000, 1);
    if architecture == Architecture::ResNet18 {
        return state;
    }
    let tensors = state.iter().map(|(name, tensor)| {
        let mut tensor = tensor.clone();
        if name.ends_with("running_var") {
            tensor.data_mut().iter_mut().for_each(|v| *v *= 3.0);
        }
        (name.to_owned(), tensor)
    });
    StateDict::new(tensors, "")
}

/// Red when a rule is wrong. Done once: with `Greater` made `GreaterOrEqual` in `rules/relu.rs`, so that closed units let
/// the gradient pass, ResNet's gradient is off by 0.7 at `layer4.1.conv2` and by 20 at the picture.
#[test]
fn exported_gradients_are_pytorchs() {
    let goldens: Vec<Golden> =
        serde_json::from_str(include_str!("../../../tests/goldens/data/gradients.json")).unwrap();
    for golden in goldens {
        let architecture = Architecture::ALL.into_iter().find(|a| a.name() == golden.arch).unwrap();
        let model = arch::build(&weights(architecture)).unwrap();
        let differentiated = differentiate(model).unwrap();
        assert_eq!(differentiated.blocked, [], "{}", golden.arch);
        let names: Vec<String> = golden.cases[0].keys().cloned().collect();
        let model = prune(differentiated.model, &names).unwrap();
        let plan = tract_onnx::onnx()
            .model_for_proto_model(&model)
            .unwrap()
            .with_input_fact(0, f32::fact([1, 3, 224, 224]).into())
            .unwrap()
            .with_input_fact(1, f32::fact([1, 1000]).into())
            .unwrap()
            .into_optimized()
            .unwrap()
            .into_runnable()
            .unwrap();

        let mut errors: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (n, case) in golden.cases.iter().enumerate() {
            let input = |name: &str, shape: &[usize], bound: f32| -> TValue {
                let values = seeded::uniform(&format!("{name}{n}"), shape, 1, -bound, bound);
                Tensor::from_shape(shape, values.data()).unwrap().into()
            };
            let inputs = tvec!(input("image", &[1, 3, 224, 224], 2.0), input("seed", &[1, 1000], 1.0));
            let outputs = plan.run(inputs).unwrap();
            for (name, output) in names.iter().zip(&outputs) {
                errors.entry(name).or_default().push(case[name].error(output));
            }
        }
        let mut wrong = Vec::new();
        for (name, mut errors) in errors {
            errors.sort_by(f64::total_cmp);
            let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
            // A gradient that passes a mask jumps where a unit is within rounding of zero: then the median counts.
            let masked = name.starts_with("gradient:") && name != format!("gradient:{}", golden.pooled);
            let fine = if masked { median < 1e-4 && worst < 3e-2 } else { worst < 1e-4 };
            if !fine {
                wrong.push(format!("{}: {name} is off by {median:.1e} to {worst:.1e}", golden.arch));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
