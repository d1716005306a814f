//! One small network in the forms that other tools write it in: each must give what its plain form gives.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, ModelSource, Needs, Schedule, Session, Variant, open};
use camtui_core::onnx::build::{self, Dim, GraphBuilder, batched};
use camtui_core::onnx::external::externalise;
use camtui_core::onnx::pb::attribute_proto::AttributeType;
use camtui_core::onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, tensor_proto::DataType, type_proto,
};
use camtui_core::seeded::uniform;
use camtui_core::sidecar;
use prost::Message as _;

/// `input → [before] → Conv → Relu → GlobalAveragePool → Flatten → Gemm`, on pictures of 6 × 8.
fn model(input: &[Dim], before: &[(&str, Vec<camtui_core::onnx::pb::AttributeProto>)]) -> ModelProto {
    let mut graph = GraphBuilder::new("variant");
    graph.input("input", input);
    graph.f32s("w", &[16, 3, 3, 3], uniform("w", &[16, 3, 3, 3], 1, -0.5, 0.5).data());
    graph.f32s("fc", &[5, 16], uniform("fc", &[5, 16], 1, -0.5, 0.5).data());
    let mut value = "input".to_owned();
    for (operator, attributes) in before {
        let output = format!("{value}_{operator}");
        graph.node(operator, &[&value], &output, attributes.clone());
        value = output;
    }
    graph.node("Conv", &[&value, "w"], "features", vec![]);
    graph.node("Relu", &["features"], "rectified", vec![]);
    graph.node("GlobalAveragePool", &["rectified"], "pooled", vec![]);
    graph.node("Flatten", &["pooled"], "flat", vec![]);
    graph.node("Gemm", &["flat", "fc"], "scores", vec![build::int("transB", 1)]);
    graph.output("scores", &batched(&[5]));
    graph.into_model()
}

fn plain() -> ModelProto {
    model(&batched(&[3, 6, 8]), &[])
}

struct Found {
    logits: Tensor,
    gradient: Tensor,
    image: Tensor,
    notes: Vec<String>,
}

/// What a session makes of the model in `folder`.
fn run(source: &ModelSource, picture: &Tensor) -> Found {
    let opened = open(source, &Cache::disabled()).unwrap();
    let notes = opened.metadata.notes.clone();
    let network = opened.into_network(Schedule::OnePicture, 1);
    let session = Session::new(&network, picture.clone(), Needs::default()).unwrap();
    let seed = [0.0, 1.0, 0.0, 0.0, 0.0];
    Found {
        logits: Tensor::clone(&session.logits().unwrap()),
        gradient: Tensor::clone(&session.gradient("rectified", &seed, Rule::Plain).unwrap()),
        image: Tensor::clone(&session.gradient("image", &seed, Rule::Plain).unwrap()),
        notes,
    }
}

fn run_model(model: &ModelProto, picture: &Tensor) -> Found {
    let folder = tempfile::tempdir().unwrap();
    run(&write(folder.path(), model), picture)
}

fn write(folder: &Path, model: &ModelProto) -> ModelSource {
    let path = folder.join("net.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    ModelSource::File(path)
}

fn picture() -> Tensor {
    uniform("picture", &[1, 3, 6, 8], 1, -1.0, 1.0)
}

fn assert_same(found: &Found, expected: &Found, tolerance: f64) {
    for (a, b) in [
        (&found.logits, &expected.logits),
        (&found.gradient, &expected.gradient),
        (&found.image, &expected.image),
    ] {
        assert_eq!(a.shape(), b.shape());
        let norm =
            |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let difference = norm(&mut a.data().iter().zip(b.data()).map(|(a, b)| a - b));
        let size = norm(&mut b.data().iter().copied());
        assert!(size > 0.0 && difference / size < tolerance, "{difference} of {size}");
    }
}

fn element(model: &mut ModelProto, data_type: DataType) {
    let input = &mut model.graph.as_mut().unwrap().input[0];
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().unwrap().value.as_mut() else {
        panic!("a tensor");
    };
    tensor.elem_type = data_type as i32;
}

#[test]
fn channels_last_and_open_axes_are_the_same_network() {
    let expected = run_model(&plain(), &picture());
    let last = [Dim::Symbol("batch"), Dim::Fixed(6), Dim::Fixed(8), Dim::Fixed(3)];
    let turned = vec![("Transpose", vec![build::ints("perm", &[0, 3, 1, 2])])];
    let found = run_model(&model(&last, &turned), &picture());
    assert_same(&found, &expected, 1e-6);
    assert!(found.notes[0].contains("[N, H, W, 3]"), "{:?}", found.notes);
    let one = [Dim::Fixed(1), Dim::Fixed(3), Dim::Fixed(6), Dim::Fixed(8)];
    assert_same(&run_model(&model(&one, &[]), &picture()), &expected, 1e-6);
}

#[test]
fn a_sidecar_says_size_and_channel_order() {
    let open_axes = [Dim::Any, Dim::Fixed(3), Dim::Any, Dim::Any];
    let folder = tempfile::tempdir().unwrap();
    let source = write(folder.path(), &model(&open_axes, &[]));
    let sidecar = folder.path().join("net.camtui.toml");
    std::fs::write(&sidecar, "size = [6, 8]\nchannels = 'bgr'").unwrap();
    let reversed = |picture: &Tensor| {
        let channels = picture.data().chunks(48).rev().flatten().copied().collect();
        Tensor::new([1, 3, 6, 8], channels).unwrap()
    };
    let mut found = run(&source, &reversed(&picture()));
    found.image = reversed(&found.image);
    assert_same(&found, &run_model(&plain(), &picture()), 1e-6);
}

/// What is written for a file from elsewhere changes nothing until someone corrects it.
#[test]
fn a_sidecar_of_guesses_is_what_was_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let source = write(folder.path(), &plain());
    let path = source.path().unwrap().to_owned();
    let metadata = || open(&source, &Cache::disabled()).unwrap().metadata;
    let before = metadata();
    assert!(before.assumed);
    let text = sidecar::guess(&path).unwrap();
    std::fs::write(sidecar::path_for(&path), &text).unwrap();
    assert_eq!(metadata(), before, "{text}");
    let known = text.lines().filter(|line| !line.starts_with("guessed")).collect::<Vec<_>>().join("\n");
    std::fs::write(sidecar::path_for(&path), known).unwrap();
    assert!(!metadata().assumed, "nothing is on the list of guesses");
    // A file of camtui's own says all of itself.
    let own = folder.path().join("own.onnx");
    let exported = open(&source, &Cache::disabled()).unwrap().into_whole().unwrap();
    std::fs::write(&own, exported.encode_to_vec()).unwrap();
    assert!(sidecar::guess(&own).unwrap_err().to_string().contains("written by camtui"));
}

#[test]
fn bytes_are_given_as_numbers() {
    let cast = [("Cast", vec![build::int("to", DataType::Float as i64)])];
    let mut bytes = model(&batched(&[3, 6, 8]), &cast);
    element(&mut bytes, DataType::Uint8);
    let folder = tempfile::tempdir().unwrap();
    let source = write(folder.path(), &bytes);
    let recipe = open(&source, &Cache::disabled()).unwrap().metadata.recipe.unwrap();
    let (black, white) = recipe.pixel_range();
    assert!(black.abs() < 1e-6 && (white - 255.0).abs() < 1e-3, "{white}");
    assert_same(&run(&source, &picture()), &run_model(&plain(), &picture()), 1e-6);
}

#[test]
fn half_precision_is_widened() {
    let mut halves = plain();
    element(&mut halves, DataType::Float16);
    for tensor in &mut halves.graph.as_mut().unwrap().initializer {
        let singles = tensor.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        tensor.raw_data = singles.flat_map(|v| half::f16::from_f32(v).to_le_bytes()).collect();
        tensor.data_type = DataType::Float16 as i32;
    }
    assert_same(&run_model(&halves, &picture()), &run_model(&plain(), &picture()), 2e-3);
}

#[test]
fn weights_in_another_file_are_read_again_when_they_change() {
    let expected = run_model(&plain(), &picture());
    let folder = tempfile::tempdir().unwrap();
    let mut apart = plain();
    let weights = externalise(&mut apart, "net.onnx.data");
    std::fs::write(folder.path().join("net.onnx.data"), &weights).unwrap();
    let source = write(folder.path(), &apart);
    assert_same(&run(&source, &picture()), &expected, 1e-6);

    let cache = Cache::new(folder.path().join("cache"));
    let logits = || {
        let network = open(&source, &cache).unwrap().into_network(Schedule::OnePicture, 1);
        let session = Session::new(&network, picture(), Needs::default()).unwrap();
        session.logits().unwrap().data().to_vec()
    };
    let before = logits();
    assert_eq!(logits(), before, "from the cache");
    std::fs::write(folder.path().join("net.onnx.data"), vec![0; weights.len()]).unwrap();
    assert_eq!(logits(), [0.0; 5]);
}

#[test]
fn a_final_softmax_is_left_out_and_told() {
    let mut with = plain();
    let graph = with.graph.as_mut().unwrap();
    let mut more = GraphBuilder::new("end");
    more.node("Softmax", &["scores"], "probabilities", vec![build::int("axis", 1)]);
    graph.node.extend(more.into_graph().node);
    graph.output = vec![build::value_info("probabilities", &batched(&[5]))];
    let found = run_model(&with, &picture());
    assert_same(&found, &run_model(&plain(), &picture()), 1e-6);
    assert!(
        found.notes.iter().any(|n| n.contains("ends in a softmax, which is left out")),
        "{:?}",
        found.notes
    );
}

#[test]
fn of_several_outputs_one_is_chosen_or_asked_for() {
    let expected = run_model(&plain(), &picture());
    let mut several = plain();
    let outputs = &mut several.graph.as_mut().unwrap().output;
    outputs.insert(0, build::value_info("rectified", &batched(&[16, 4, 6])));
    let found = run_model(&several, &picture());
    assert_same(&found, &expected, 1e-6);
    assert!(found.notes[0].contains("of the model's 2 outputs `scores`"), "{:?}", found.notes);

    several.graph.as_mut().unwrap().output.push(build::value_info("flat", &batched(&[16])));
    let folder = tempfile::tempdir().unwrap();
    let source = write(folder.path(), &several);
    let said = open(&source, &Cache::disabled()).unwrap_err().to_string();
    assert!(said.contains("`scores` [?, 5], `flat` [?, 16]; `--output-name NAME` says it"), "{said}");
    let ModelSource::File(path) = source else { panic!("a file") };
    let named = |name: &str| {
        let variant = Variant { output: Some(name.to_owned()), ..Variant::default() };
        ModelSource::File(path.clone()).taken_as(variant)
    };
    assert_same(&run(&named("scores"), &picture()), &expected, 1e-6);
    let said = open(&named("nothing"), &Cache::disabled()).unwrap_err().to_string();
    assert!(said.contains("no output `nothing`; it has `rectified`"), "{said}");
}

/// A value that is no layer by itself, in a new conversion, a cached one and an exported file.
#[test]
fn a_value_becomes_a_layer_when_it_is_named() {
    let mut inner = plain();
    let graph = inner.graph.as_mut().unwrap();
    graph.node[1].op_type = "Softplus".into();
    graph.node[1].name = "the curve".into();
    let (folder, cached) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = write(folder.path(), &inner);
    let exported = open(&source, &Cache::disabled()).unwrap().into_whole().unwrap();
    let own = folder.path().join("own.onnx");
    std::fs::write(&own, exported.encode_to_vec()).unwrap();
    let cache = Cache::new(cached.path());
    let mut gradients = Vec::new();
    for (source, cache) in
        [(&source, &cache), (&source, &cache), (&ModelSource::File(own), &Cache::disabled())]
    {
        for name in ["rectified", "the curve"] {
            let opened = open(source, cache).unwrap();
            assert_eq!(opened.metadata.meant(name), None);
            let opened = opened.with_layers(&[name.to_owned(), "nothing".to_owned()]).unwrap();
            let names: Vec<&str> = opened.metadata.layers.iter().map(|layer| layer.name.as_str()).collect();
            assert_eq!(names, ["features", name, "pooled"], "in the order in which they are computed");
            assert_eq!(opened.metadata.default_layer.as_deref(), Some("features"));
            let network = opened.into_network(Schedule::OnePicture, 1);
            let session = Session::new(&network, picture(), Needs::default()).unwrap();
            let gradient = session.gradient(name, &[0.0, 1.0, 0.0, 0.0, 0.0], Rule::Plain).unwrap();
            gradients.push(gradient.data().to_vec());
        }
    }
    // Global average pooling of 4 × 6 places, then the second row of the weights.
    let weights = uniform("fc", &[5, 16], 1, -0.5, 0.5);
    let expected: Vec<f32> = weights.data()[16..32].iter().flat_map(|w| [w / 24.0; 24]).collect();
    for gradient in gradients {
        assert!(gradient.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-7));
    }
}

fn branch(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Graph as i32,
        g: Some(graph),
        ..AttributeProto::default()
    }
}

/// A branch whose output is `output`.
fn giving(output: &str, body: impl FnOnce(&mut GraphBuilder)) -> GraphProto {
    let mut graph = GraphBuilder::new("branch");
    body(&mut graph);
    graph.output(output, &[const { Dim::Any }; 4]);
    graph.into_graph()
}

/// The plain network with its ReLU inside an If inside an If, whose inner values and weights bear the names of outer ones. The
/// outer condition asks whether the features have `channels` channels; they have 16.
fn branching(channels: i64) -> ModelProto {
    let inner = |own: GraphProto, other: GraphProto| {
        giving("flat", |g| {
            g.f32s("fc", &[], &[-1.0]);
            g.i64s("first", &[1], &[0]);
            g.node("Mul", &["features", "fc"], "w", vec![]);
            g.node("Less", &["count", "first"], "negative", vec![]);
            g.node(
                "If",
                &["negative"],
                "flat",
                vec![branch("then_branch", other), branch("else_branch", own)],
            );
        })
    };
    let right = giving("pooled", |g| {
        g.node("Mul", &["w", "fc"], "scores", vec![]);
        g.node("Relu", &["scores"], "pooled", vec![]);
    });
    let wrong = giving("features", |_| ());
    let mut asked = GraphBuilder::new("asked");
    asked.i64s("axis", &[1], &[1]);
    asked.i64s("wanted", &[1], &[channels]);
    asked.node("Shape", &["features"], "shape", vec![]);
    asked.node("Gather", &["shape", "axis"], "count", vec![]);
    asked.node("Equal", &["count", "wanted"], "equal", vec![]);
    let (then, otherwise) = (inner(right, wrong.clone()), wrong);
    let branches = if channels == 16 { [then, otherwise] } else { [otherwise, then] };
    let [then, otherwise] = branches;
    let both = vec![branch("then_branch", then), branch("else_branch", otherwise)];
    asked.node("If", &["equal"], "rectified", both);
    let asked = asked.into_graph();
    let mut model = plain();
    let graph = model.graph.as_mut().unwrap();
    let at = graph.node.iter().position(|n: &NodeProto| n.op_type == "Relu").unwrap();
    graph.node.splice(at..=at, asked.node);
    graph.initializer.extend(asked.initializer);
    model
}

/// Red when inner names are not told apart, and when the branch is chosen the wrong way round.
#[test]
fn a_branch_that_shapes_decide_is_what_it_does() {
    let expected = run_model(&plain(), &picture());
    for channels in [16, 15] {
        assert_same(&run_model(&branching(channels), &picture()), &expected, 1e-6);
    }
}

/// A pooling by the norm of the third power, over windows one of which holds zeros only: values and gradients by the formula,
/// the gradient of nothing but zeros being 0. Guided gradients come from a second differentiation.
#[test]
fn an_lp_pool_is_what_onnx_says() {
    let mut graph = GraphBuilder::new("norm");
    graph.input("x", &batched(&[3, 2, 4]));
    let window = [build::ints("kernel_shape", &[2, 2]), build::ints("strides", &[2, 2]), build::int("p", 3)];
    graph.node("LpPool", &["x"], "norm", window.to_vec());
    graph.node("Flatten", &["norm"], "scores", vec![]);
    graph.output("scores", &batched(&[6]));
    let mut given = uniform("picture", &[1, 3, 2, 4], 1, -1.0, 1.0).data().to_vec();
    for place in [0, 1, 4, 5] {
        given[place] = 0.0;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = write(folder.path(), &graph.into_model());
    let network = open(&source, &Cache::disabled()).unwrap().into_network(Schedule::OnePicture, 1);
    let picture = Tensor::new([1, 3, 2, 4], given.clone()).unwrap();
    let session = Session::new(&network, picture, Needs::default()).unwrap();
    let window_of = |place: usize| 2 * (place / 8) + place % 4 / 2;
    let mut sums = [0.0_f64; 6];
    for (place, x) in given.iter().enumerate() {
        sums[window_of(place)] += f64::from(x.abs()).powi(3);
    }
    for (y, sum) in session.logits().unwrap().data().iter().zip(sums) {
        assert!((f64::from(*y) - sum.cbrt()).abs() < 1e-6, "{y} {sum}");
    }
    for rule in [Rule::Plain, Rule::Guided] {
        let slopes = session.gradient("image", &[1.0; 6], rule).unwrap();
        for (place, (&x, slope)) in given.iter().zip(slopes.data()).enumerate() {
            let (x, norm) = (f64::from(x), sums[window_of(place)].cbrt());
            let expected = if norm > 0.0 { x.signum() * x * x / (norm * norm) } else { 0.0 };
            assert!((f64::from(*slope) - expected).abs() < 1e-6, "{rule:?} {place}: {slope} {expected}");
        }
    }
}
