//! Double precision where single cannot tell a unit from the edge of its rectifier: a network whose gradient is known.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, Convolutions, IMAGE, ModelSource, Needs, Schedule, Session, open};
use camtui_core::onnx::build::{GraphBuilder, batched, int};
use prost::Message as _;

static NEVER: AtomicBool = AtomicBool::new(false);
const SIDE: usize = 8;
/// Far below what single precision can add to one.
const LITTLE: f32 = 1.0 / (1 << 30) as f32;

/// relu(red + green − blue), its mean, and that times one or minus one.
fn network(path: &Path) {
    let mut graph = GraphBuilder::new("edge");
    graph.input("input", &batched(&[3, SIDE, SIDE]));
    graph.f32s("w", &[1, 3, 1, 1], &[1.0, 1.0, -1.0]);
    graph.node("Conv", &["input", "w"], "sum", vec![]);
    graph.node("Relu", &["sum"], "unit", vec![]);
    graph.node("GlobalAveragePool", &["unit"], "pooled", vec![]);
    graph.node("Flatten", &["pooled"], "flat", vec![]);
    graph.f32s("fc", &[2, 1], &[1.0, -1.0]);
    graph.node("Gemm", &["flat", "fc"], "scores", vec![int("transB", 1)]);
    graph.output("scores", &batched(&[2]));
    std::fs::write(path, graph.into_model().encode_to_vec()).unwrap();
}

/// The first class's gradient to the picture, by the network and by its part from there, in two precisions: of 1 + 2⁻³⁰ − 1 single precision
/// leaves nothing, and the unit is off.
#[test]
fn a_unit_that_single_precision_cannot_see_is_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.onnx");
    network(&path);
    let cached = Cache::new(folder.path().join("cache"));
    let values = [1.0, LITTLE, 1.0].iter().flat_map(|&value| [value; SIDE * SIDE]).collect();
    let image = Tensor::new(vec![1, 3, SIDE, SIDE], values).unwrap();
    let area = (SIDE * SIDE) as f32;
    for cache in [&Cache::disabled(), &cached, &cached] {
        for (convolutions, on) in [(Convolutions::Exact, 0.0), (Convolutions::Double, 1.0)] {
            let opened = open(&ModelSource::File(path.clone()), cache).unwrap();
            let network = opened.into_network(Schedule::OnePicture, 1).computing(convolutions);
            let session = Session::new(&network, image.clone(), Needs::default()).unwrap();
            assert_eq!(session.logits().unwrap().data(), [on * LITTLE, -on * LITTLE], "{convolutions:?}");
            let expected: Vec<f32> =
                [1.0, 1.0, -1.0].iter().flat_map(|weight| [on * weight / area; SIDE * SIDE]).collect();
            let gradient = session.gradient(IMAGE, &[1.0, 0.0], Rule::Plain).unwrap();
            assert_eq!(gradient.data(), expected, "{convolutions:?}");
            let at = session.gradient_at(&image, IMAGE, &[1.0, 0.0], Rule::Plain, &NEVER).unwrap();
            assert_eq!(at.data(), expected, "{convolutions:?}");
        }
    }
}
