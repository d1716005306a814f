//! Truth values and indices of the forward pass that its backward pass reads go from one part to the other as what they are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use camtui_core::grad::Rule;
use camtui_core::model::{Cache, ModelSource, Needs, Schedule, Session, open};
use camtui_core::onnx::build::{GraphBuilder, batched, int};
use camtui_core::seeded::uniform;
use prost::Message as _;

/// Only activations above a half are pooled, and the pooled ones are looked up at places that the batch's size gives.
fn model(fc: &[f32]) -> Vec<u8> {
    let mut graph = GraphBuilder::new("between");
    graph.input("input", &batched(&[3, 8, 8]));
    graph.f32s("w", &[4, 3, 3, 3], uniform("w", &[4, 3, 3, 3], 1, -0.5, 0.5).data());
    graph.f32s("fc", &[5, 4], fc);
    graph.f32s("half", &[], &[0.5]);
    graph.f32s("zero", &[], &[0.0]);
    for (name, dims, values) in [
        ("first", &[][..], &[0][..]),
        ("step", &[], &[1]),
        ("channels", &[], &[4]),
        ("list", &[1], &[-1]),
        ("along", &[1], &[1]),
        ("each", &[4], &[0, 1, 2, 3]),
    ] {
        graph.i64s(name, dims, values);
    }
    graph.node("Conv", &["input", "w"], "features", vec![]);
    graph.node("Relu", &["features"], "rectified", vec![]);
    graph.node("Greater", &["rectified", "half"], "mask", vec![]);
    graph.node("Where", &["mask", "rectified", "zero"], "kept", vec![]);
    graph.node("GlobalAveragePool", &["kept"], "pooled", vec![]);
    graph.node("Reshape", &["pooled", "list"], "all", vec![]);
    graph.node("Shape", &["input"], "shape", vec![]);
    graph.node("Gather", &["shape", "first"], "batch", vec![int("axis", 0)]);
    graph.node("Range", &["first", "batch", "step"], "numbers", vec![]);
    graph.node("Mul", &["numbers", "channels"], "begin", vec![]);
    graph.node("Unsqueeze", &["begin", "along"], "rows", vec![]);
    graph.node("Add", &["rows", "each"], "places", vec![]);
    graph.node("Gather", &["all", "places"], "flat", vec![int("axis", 0)]);
    graph.node("Gemm", &["flat", "fc"], "scores", vec![int("transB", 1)]);
    graph.output("scores", &batched(&[5]));
    graph.into_model().encode_to_vec()
}

#[test]
fn masks_and_indices_reach_the_backward_part() {
    let fc = uniform("fc", &[5, 4], 1, -0.5, 0.5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("between.onnx");
    std::fs::write(&path, model(fc.data())).unwrap();
    let network = open(&ModelSource::File(path), &Cache::disabled()).unwrap();
    let network = network.into_network(Schedule::OnePicture, 1);
    let session =
        Session::new(&network, uniform("image", &[1, 3, 8, 8], 1, -1.0, 1.0), Needs::default()).unwrap();
    let rectified = session.activation("rectified").unwrap();
    let found = session.gradient("rectified", &[0.0, 1.0, 0.0, 0.0, 0.0], Rule::Plain).unwrap();
    // Where the mask lets it through, the weight of class 1 by the mean over 36 places.
    let expected: Vec<f32> = rectified
        .data()
        .iter()
        .enumerate()
        .map(|(at, &a)| if a > 0.5 { fc.data()[4 + at / 36] / 36.0 } else { 0.0 })
        .collect();
    assert!(expected.contains(&0.0) && expected.iter().any(|&g| g != 0.0));
    for (found, expected) in found.data().iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-7, "{found} instead of {expected}");
    }
}
