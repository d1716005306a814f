//! An operator that has no rule costs gradients, not the model: what needs none goes on, and the message says what is
//! in the way.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, ModelSource, Needs, Schedule, Session, open};
use camtui_core::onnx::build::{GraphBuilder, batched};
use camtui_core::seeded::uniform;
use prost::Message as _;

/// `input → Conv → Relu → Tan → GlobalAveragePool → Flatten → Gemm`, written by nobody who knows camtui.
fn model() -> Vec<u8> {
    let mut graph = GraphBuilder::new("waves");
    graph.input("input", &batched(&[3, 8, 8]));
    graph.f32s("w", &[4, 3, 3, 3], uniform("w", &[4, 3, 3, 3], 1, -0.5, 0.5).data());
    graph.f32s("fc", &[5, 4], uniform("fc", &[5, 4], 1, -0.5, 0.5).data());
    graph.node("Conv", &["input", "w"], "features", vec![]);
    graph.node("Relu", &["features"], "rectified", vec![]);
    graph.node("Tan", &["rectified"], "wave", vec![]);
    graph.node("Relu", &["wave"], "late", vec![]);
    graph.node("GlobalAveragePool", &["late"], "pooled", vec![]);
    graph.node("Flatten", &["pooled"], "flat", vec![]);
    graph.node("Gemm", &["flat", "fc"], "scores", vec![camtui_core::onnx::build::int("transB", 1)]);
    graph.output("scores", &batched(&[5]));
    graph.into_model().encode_to_vec()
}

#[test]
fn what_needs_no_gradient_goes_on_without_a_rule() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waves.onnx");
    std::fs::write(&path, model()).unwrap();
    let network = open(&ModelSource::File(path), &Cache::disabled()).unwrap();
    let network = network.into_network(Schedule::OnePicture, 1);
    let image = uniform("image", &[1, 3, 8, 8], 1, -1.0, 1.0);
    let session = Session::new(&network, image.clone(), Needs::default()).unwrap();

    // The activation and other forward passes are all that explainers without gradients ask for.
    let features = session.activation("rectified").unwrap();
    assert_eq!(features.shape(), [1, 4, 6, 6]);
    assert!(features.data().iter().any(|&v| v > 0.0));
    let dark = Tensor::new([1, 3, 8, 8], vec![0.0; 192]).unwrap();
    let logits = session.forward(&dark, &std::sync::atomic::AtomicBool::new(false)).unwrap();
    assert_ne!(logits.data(), session.logits().unwrap().data());

    // Behind the operator there are gradients, before it a message.
    let seed = [1.0, 0.0, 0.0, 0.0, 0.0];
    assert!(session.gradient("late", &seed, Rule::Plain).is_ok());
    let told = session.gradient("rectified", &seed, Rule::Plain).unwrap_err().to_string();
    assert_eq!(
        told,
        "there is no gradient for `rectified` in this model: no gradient passes Tan `wave`: camtui has no rule \
         for this operator"
    );
}

/// Its shape is the runtime's to work out; a few bytes still cannot ask for all memory.
#[test]
fn a_large_value_behind_an_unknown_operator_is_refused() {
    let mut graph = GraphBuilder::new("large");
    graph.input("input", &batched(&[3, 8, 8]));
    graph.f32s("w", &[4, 3, 1, 1], &[0.1; 12]);
    graph.i64s("times", &[4], &[1, 1, 100_000, 100_000]);
    graph.f32s("fc", &[4, 5], &[0.1; 20]);
    graph.node("Conv", &["input", "w"], "features", vec![]);
    graph.node("Cosh", &["features"], "space", vec![]);
    graph.node("Tile", &["space", "times"], "large", vec![]);
    graph.node("GlobalAveragePool", &["large"], "pooled", vec![]);
    graph.node("Flatten", &["pooled"], "flat", vec![]);
    graph.node("MatMul", &["flat", "fc"], "scores", vec![]);
    graph.output("scores", &batched(&[5]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.onnx");
    std::fs::write(&path, graph.into_model().encode_to_vec()).unwrap();
    let network = open(&ModelSource::File(path), &Cache::disabled()).unwrap();
    let network = network.into_network(Schedule::OnePicture, 1);
    let image = uniform("image", &[1, 3, 8, 8], 1, -1.0, 1.0);
    let told = match Session::new(&network, image, Needs::default()) {
        Ok(session) => session.logits().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(told.contains("2560000000000 numbers"), "{told}");
}
