//! The drawn networks against PyTorch (`tests/goldens/forward.py`), on weights from [`crate::seeded`]; and what is
//! said about checkpoints that do not fit.

use serde::Deserialize;
use tract_onnx::prelude::*;

use super::*;
use crate::{Tensor, onnx::pb::ValueInfoProto, seeded};

#[derive(Deserialize)]
struct Golden {
    arch: String,
    seed: u64,
    classes: usize,
    image: Vec<f32>,
    logits: Vec<f32>,
    layers: serde_json::Map<String, serde_json::Value>,
}

/// One layer's output at some positions of the flattened `[1, …]` tensor.
#[derive(Deserialize)]
struct Samples {
    shape: Vec<usize>,
    at: Vec<usize>,
    values: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("../../../../tests/goldens/data/forward.json")).unwrap()
}

fn relative(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |d: f64, x: f64| d + x * x;
    let difference = a.iter().zip(b).map(|(a, b)| f64::from(a - b)).fold(0.0, norm).sqrt();
    difference / b.iter().map(|&b| f64::from(b)).fold(0.0, norm).sqrt()
}

/// Runs `model` on tract and returns the named values.
fn run(mut model: ModelProto, image: &Tensor, values: &[&str]) -> Vec<Vec<f32>> {
    let graph = model.graph.as_mut().unwrap();
    graph.output =
        values.iter().map(|v| ValueInfoProto { name: (*v).into(), ..ValueInfoProto::default() }).collect();
    let plan = tract_onnx::onnx()
        .model_for_proto_model(&model)
        .unwrap()
        .with_input_fact(0, f32::fact(image.shape()).into())
        .unwrap()
        .into_optimized()
        .unwrap()
        .into_runnable()
        .unwrap();
    let image = tract_onnx::prelude::Tensor::from_shape(image.shape(), image.data()).unwrap();
    let outputs = plan.run(tvec!(image.into())).unwrap();
    outputs.iter().map(|o| o.to_plain_array_view::<f32>().unwrap().iter().copied().collect()).collect()
}

/// Red when anything in a drawing is wrong: with ResNet's epsilon 1e-5 → 1e-3 the logits are off by 2.5e-3, with
/// EfficientNet's odd zero put before instead of after (`pad: (total - total / 2, total / 2)`) by 0.1.
#[test]
fn drawn_networks_compute_what_pytorch_computes() {
    for golden in goldens() {
        let architecture = Architecture::ALL.into_iter().find(|a| a.name() == golden.arch).unwrap();
        let state = seeded::state(architecture, golden.classes, golden.seed);
        let model = build(&state).unwrap();
        let metadata = Metadata::read(&model).unwrap().unwrap();
        let image = seeded::uniform("image", &[1, 3, 224, 224], golden.seed, -2.0, 2.0);
        assert_eq!(image.data()[..4], golden.image, "the generator's two sides differ");

        let layers: Vec<(String, Samples)> = golden
            .layers
            .into_iter()
            .map(|(name, samples)| (name, serde_json::from_value(samples).unwrap()))
            .collect();
        let mut values = vec![LOGITS];
        for (name, samples) in &layers {
            let layer = metadata.layer(name).unwrap_or_else(|| panic!("{} has no {name}", golden.arch));
            assert_eq!(layer.shape, samples.shape[1..], "{name}");
            if !values.contains(&layer.value.as_str()) {
                values.push(&layer.value);
            }
        }
        let outputs = run(model, &image, &values);
        let error = relative(&outputs[0], &golden.logits);
        assert!(error < 2e-5, "{}: logits are off by {error:.1e}", golden.arch);
        for (name, samples) in &layers {
            let value = &metadata.layer(name).unwrap().value;
            let output = &outputs[values.iter().position(|v| v == value).unwrap()];
            assert_eq!(output.len(), samples.shape.iter().product::<usize>());
            let found: Vec<f32> = samples.at.iter().map(|&at| output[at]).collect();
            let error = relative(&found, &samples.values);
            assert!(error < 2e-5, "{}: {name} is off by {error:.1e}", golden.arch);
        }
    }
}

#[test]
fn metadata_says_what_the_network_is() {
    let state = seeded::state(Architecture::ResNet18, 7, 0);
    let metadata = Metadata::read(&build(&state).unwrap()).unwrap().unwrap();
    assert_eq!((metadata.name.as_str(), metadata.classes), ("resnet18", 7));
    assert!(metadata.labels.is_empty(), "seven classes are not ImageNet's");
    assert_eq!(metadata.default_layer.as_deref(), Some("layer4"));
    let layer4 = metadata.layer("layer4").unwrap();
    assert_eq!((layer4.value.as_str(), &layer4.shape[..]), ("layer4.1", &[512, 7, 7][..]));
    let head = metadata.head.unwrap();
    assert_eq!((head.pooled.as_str(), head.weight.as_str()), ("layer4.1", "fc.weight"));
    assert_eq!(metadata.recipe, Some(Recipe::imagenet()));

    let state = seeded::state(Architecture::EfficientNetLite0, 1000, 0);
    let metadata = Metadata::read(&build(&state).unwrap()).unwrap().unwrap();
    assert_eq!(metadata.labels[285], "Egyptian cat");
    assert_eq!(metadata.layer(metadata.default_layer.as_deref().unwrap()).unwrap().shape, [1280, 7, 7]);
}

/// Every initialiser and every value has a name of its own, and every node finds its inputs before it.
#[test]
fn graphs_are_in_order() {
    for architecture in Architecture::ALL {
        let model = build(&seeded::state(architecture, 3, 0)).unwrap();
        let graph = model.graph.unwrap();
        let mut known: Vec<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
        known.extend(graph.input.iter().map(|i| i.name.as_str()));
        for node in &graph.node {
            assert!(node.input.iter().all(|i| known.contains(&i.as_str())), "{}", node.name);
            assert!(!known.contains(&node.output[0].as_str()), "{} is there twice", node.output[0]);
            known.extend(node.output.iter().map(String::as_str));
        }
        assert!(known.contains(&LOGITS));
    }
}

fn without(state: &StateDict, gone: &str) -> Vec<(String, Tensor)> {
    state.iter().filter(|(n, _)| *n != gone).map(|(n, t)| (n.to_owned(), t.clone())).collect()
}

#[test]
fn what_does_not_fit_is_named() {
    let state = seeded::state(Architecture::ResNet18, 10, 0);
    let mut tensors = without(&state, "layer3.0.bn2.running_var");
    tensors.push(("layer9.weight".into(), Tensor::zeros([1])));
    tensors.push(("layer3.0.bn2.num_batches_tracked".into(), Tensor::zeros([])));
    tensors.iter_mut().find(|(n, _)| n == "conv1.weight").unwrap().1 = Tensor::zeros([64, 1, 7, 7]);
    let error = build(&StateDict::new(tensors, "")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights do not fit resnet18: 1 missing (layer3.0.bn2.running_var); 1 not expected (layer9.weight); \
         1 of the wrong shape (conv1.weight is [64, 1, 7, 7] and not [64, 3, 7, 7])"
    );

    let half: Vec<_> =
        state.iter().filter(|(n, _)| !n.starts_with("layer4")).map(|(n, t)| (n.into(), t.clone())).collect();
    let error = build(&StateDict::new(half, "")).unwrap_err().to_string();
    assert!(error.contains("25 missing (layer4.0.conv1.weight"), "{error}");
    assert!(error.ends_with("and 17 more)"), "{error}");
}

#[test]
fn other_networks_are_told_apart() {
    let says = |tensors: Vec<(String, Tensor)>| build(&StateDict::new(tensors, "")).unwrap_err().to_string();
    let state = seeded::state(Architecture::ResNet18, 10, 0);
    let mut deeper = without(&state, "");
    deeper.push(("layer1.2.conv1.weight".into(), Tensor::zeros([1])));
    assert!(says(deeper).contains("these look like ResNet-34; export the network to ONNX"));
    assert!(says(vec![]).contains("there is no tensor at all"));
    assert!(
        says(vec![("features.0.weight".into(), Tensor::zeros([1]))])
            .contains("its tensors are features.0.weight")
    );
}
