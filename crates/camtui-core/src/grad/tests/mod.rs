//! What differentiation does to a graph as a whole; the rules themselves are judged in `goldens`.

pub(super) mod goldens;
mod hostile;

use super::*;
use crate::onnx::build::{GraphBuilder, batched};
use crate::onnx::{build, describe::describe, prune::prune};

/// A network from a picture `x` `[N, 3, 32, 32]`: what `body` makes of it as the value `b`, and that pooled into class scores.
pub(super) fn pooled(body: impl FnOnce(&mut GraphBuilder)) -> Result<Differentiated, GradError> {
    let mut graph = GraphBuilder::new("pooled");
    graph.input("x", &batched(&[3, 32, 32]));
    body(&mut graph);
    graph.node("GlobalAveragePool", &["b"], "mean", vec![]);
    graph.node("Flatten", &["mean"], "scores", vec![]);
    graph.output("scores", &[build::Dim::Symbol("N"), build::Dim::Fixed(4)]);
    let mut model = graph.into_model();
    describe(&mut model, "pooled").unwrap();
    differentiate(model)
}

/// A chain `image → Conv → ReLU → `unknown operator` → ReLU → pool → Gemm`, each value a layer.
fn chain(operator: &str) -> ModelProto {
    let mut graph = build::GraphBuilder::new("chain");
    graph.input("input", &build::batched(&[3, 4, 4]));
    graph.f32s("w", &[2, 3, 1, 1], &[0.5; 6]);
    graph.f32s("fc", &[2, 2], &[1.0, -1.0, 0.5, 2.0]);
    graph.node("Conv", &["input", "w"], "seed", vec![]);
    graph.node("Relu", &["seed"], "early", vec![]);
    graph.node(operator, &["early"], "middle", vec![]);
    graph.shape("middle", &build::any_batch(&[2, 4, 4]));
    graph.node("Relu", &["middle"], "late", vec![]);
    graph.node("GlobalAveragePool", &["late"], "pooled", vec![]);
    graph.node("Flatten", &["pooled"], "flat", vec![]);
    graph.node("Gemm", &["flat", "fc"], "scores", vec![]);
    graph.output("scores", &build::batched(&[2]));
    let mut model = graph.into_model();
    let layer = |name: &str| crate::onnx::metadata::Layer {
        name: format!("the {name}"),
        value: name.into(),
        ..crate::onnx::metadata::Layer::default()
    };
    let metadata = Metadata {
        name: "chain".into(),
        layers: ["seed", "early", "middle", "late", "pooled"].map(layer).to_vec(),
        ..Metadata::default()
    };
    metadata.write(&mut model);
    model
}

fn outputs(model: &ModelProto) -> Vec<&str> {
    model.graph.as_ref().unwrap().output.iter().map(|o| o.name.as_str()).collect()
}

/// Names that the exported graph needs for itself are taken from whatever bore them.
#[test]
fn an_exported_graph_is_spoken_to_by_fixed_names() {
    let model = differentiate(chain("Relu")).unwrap().model;
    let graph = model.graph.as_ref().unwrap();
    assert_eq!(graph.input.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["image", "seed"]);
    assert!(outputs(&model).contains(&"activation:the seed"));
    assert!(outputs(&model).contains(&"gradient:image"));
    let metadata = Metadata::read(&model).unwrap().unwrap();
    assert_eq!(metadata.layer("the seed").unwrap().value, "seed_1");
    assert_eq!(metadata.layer("the late").unwrap().shape, [2, 4, 4]);
    assert_eq!(metadata.classes, 2);
    assert!(metadata.layers.iter().all(|l| l.gradient));
}

#[test]
fn an_unknown_operator_costs_only_the_gradients_before_it() {
    let found = differentiate(chain("Mystery")).unwrap();
    let told: Vec<String> = found.blocked.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["no gradient passes Mystery `middle`: camtui has no rule for this operator"]);
    let metadata = Metadata::read(&found.model).unwrap().unwrap();
    let flags: Vec<bool> = metadata.layers.iter().map(|l| l.gradient).collect();
    assert_eq!(flags, [false, false, true, true, true]);
    let names = outputs(&found.model);
    assert!(names.contains(&"gradient:the middle") && names.contains(&"activation:the seed"));
    assert!(!names.contains(&"gradient:the early") && !names.contains(&"gradient:image"));
}

#[test]
fn what_cannot_be_differentiated_is_said() {
    let says = |change: &dyn Fn(&mut ModelProto)| {
        let mut model = chain("Relu");
        change(&mut model);
        differentiate(model).unwrap_err().to_string()
    };
    let bare = says(&|m| m.metadata_props.clear());
    assert!(bare.contains("carries no camtui metadata"), "{bare}");
    let old = says(&|m| m.opset_import[0].version = 9);
    assert!(old.contains("uses ONNX opset 9"), "{old}");
    let empty = says(&|m| m.graph = None);
    assert!(empty.contains("holds no graph"), "{empty}");
    let open = says(&|m| {
        let graph = m.graph.as_mut().unwrap();
        let any = [build::Dim::Any, build::Dim::Fixed(3), build::Dim::Any, build::Dim::Fixed(4)];
        graph.input[0] = build::value_info("input", &any);
    });
    assert!(open.contains("the model's input is [N, 3, N, 4]"), "{open}");
    let lost = says(&|m| {
        let mut metadata = Metadata::read(m).unwrap().unwrap();
        metadata.layers[1].value = "nowhere".into();
        metadata.write(m);
    });
    assert_eq!(lost, "layer `the early` should be the value `nowhere`, which the graph does not hold");
}

#[test]
fn pruning_leaves_what_the_outputs_need() {
    let whole = differentiate(chain("Relu")).unwrap().model;
    let names = |model: &ModelProto| {
        let graph = model.graph.as_ref().unwrap();
        let inputs: Vec<String> = graph.input.iter().map(|i| i.name.clone()).collect();
        (inputs, graph.node.len(), graph.initializer.len())
    };
    let logits = prune(whole.clone(), &["logits".into()]).unwrap();
    assert_eq!(names(&logits), (vec!["image".into()], 8, 2));
    assert!(Metadata::read(&logits).unwrap().unwrap().layers.iter().all(|l| !l.gradient));

    let late = prune(whole.clone(), &["gradient:the late".into(), "logits".into()]).unwrap();
    assert_eq!(outputs(&late), ["gradient:the late", "logits"]);
    assert_eq!(names(&late).0, ["image", "seed"]);
    let metadata = Metadata::read(&late).unwrap().unwrap();
    let kept: Vec<&str> = metadata.layers.iter().filter(|l| l.gradient).map(|l| l.name.as_str()).collect();
    assert_eq!(kept, ["the late"]);

    let error = prune(whole, &["gradient:the lat".into()]).unwrap_err().to_string();
    assert_eq!(error, "the model has no output `gradient:the lat`: did you mean gradient:the late?");
}
