//! Operators that the runtime computes otherwise than ONNX says, written in operators that it computes right.

use super::build::GraphBuilder;
use super::pb::{GraphProto, NodeProto};

/// Rewrites them. Each keeps its name and its output's.
pub(super) fn write_plainly(graph: &mut GraphProto) {
    if !graph.node.iter().any(|node| slope(node).is_some()) {
        return;
    }
    let nodes = std::mem::take(&mut graph.node);
    let mut builder = GraphBuilder::extend(std::mem::take(graph));
    for node in nodes {
        match (slope(&node), node.input.as_slice(), node.output.as_slice()) {
            (Some(alpha), [x], [y]) => celu(&mut builder, &node, x, y, alpha),
            _ => builder.push(node),
        }
    }
    *graph = builder.into_graph();
}

/// The α of a Celu.
fn slope(node: &NodeProto) -> Option<f32> {
    let alpha = node.attribute.iter().find(|a| a.name == "alpha").map_or(1.0, |a| a.f);
    let is = node.op_type == "Celu" && (node.domain.is_empty() || node.domain == "ai.onnx");
    (is && alpha.is_normal() && (1.0 / alpha).is_normal()).then_some(alpha)
}

/// `max(x, 0) + α·(e^(min(x, 0)/α) − 1)`. (tract 0.23 takes the exponent for x itself.)
fn celu(to: &mut GraphBuilder, node: &NodeProto, x: &str, y: &str, alpha: f32) {
    let named = |part: &str| format!("celu/{part}/{y}");
    for (part, value) in [("zero", 0.0), ("one", 1.0), ("alpha", alpha), ("inverse", 1.0 / alpha)] {
        to.f32s(&named(part), &[], &[value]);
    }
    // Names that are no paths of modules.
    let mut step = |op: &str, inputs: &[&str], output: &str| to.node(op, inputs, output, vec![]);
    step("Max", &[x, &named("zero")], &named("above"));
    step("Min", &[x, &named("zero")], &named("below"));
    step("Div", &[&named("below"), &named("alpha")], &named("exponent"));
    step("Exp", &[&named("exponent")], &named("power"));
    step("Sub", &[&named("power"), &named("one")], &named("bent"));
    step("Div", &[&named("bent"), &named("inverse")], &named("part"));
    to.push(NodeProto {
        op_type: "Add".into(),
        input: vec![named("above"), named("part")],
        attribute: Vec::new(),
        ..node.clone()
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use prost::Message as _;

    use crate::Tensor;
    use crate::grad::Rule;
    use crate::model::{Cache, ModelSource, Needs, Schedule, Session, open};
    use crate::onnx::build::{GraphBuilder, batched, float};

    /// By the definition, at numbers on both sides and at the kink. (Left to tract it is 0.3 off.)
    #[test]
    fn a_celu_is_what_onnx_says() {
        let mut graph = GraphBuilder::new("celu");
        graph.input("x", &batched(&[3, 1, 2]));
        graph.node("Celu", &["x"], "bent", vec![float("alpha", 0.5)]);
        graph.node("Flatten", &["bent"], "scores", vec![]);
        graph.output("scores", &batched(&[6]));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("celu.onnx");
        let mut model = graph.into_model();
        model.graph.as_mut().unwrap().node[0].name = "/act/Celu".into();
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        let network = open(&ModelSource::File(path), &Cache::disabled()).unwrap();
        let network = network.into_network(Schedule::OnePicture, 1);
        assert_eq!(network.metadata().layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["act"]);
        let given = [-90.0_f32, -2.0, -0.1, 0.0, 0.3, 90.0];
        let session =
            Session::new(&network, Tensor::new([1, 3, 1, 2], given.to_vec()).unwrap(), Needs::default())
                .unwrap();
        let found = session.logits().unwrap();
        for (&x, y) in given.iter().zip(found.data()) {
            let x = f64::from(x);
            let expected = if x > 0.0 { x } else { 0.5 * ((x / 0.5).exp() - 1.0) };
            assert!((f64::from(*y) - expected).abs() < 1e-6, "{x}: {y} {expected}");
        }
        let (seed, never) = ([1.0_f32; 6], AtomicBool::new(false));
        let image = Tensor::new([1, 3, 1, 2], given.to_vec()).unwrap();
        let slopes = session.gradient_at(&image, "image", &seed, Rule::Plain, &never).unwrap();
        for (&x, slope) in given.iter().zip(slopes.data()) {
            let expected = if x > 0.0 { 1.0 } else { (f64::from(x) / 0.5).exp() };
            assert!((f64::from(*slope) - expected).abs() < 1e-6, "{x}: {slope} {expected}");
        }
    }
}
