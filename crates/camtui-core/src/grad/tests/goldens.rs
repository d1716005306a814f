//! Every rule, run by tract, against PyTorch's autograd in f64 (`tests/goldens/gradient_rules.py`).

use std::{collections::HashMap, fs, path::PathBuf};

use prost::Message as _;
use safetensors::SafeTensors;
use tract_onnx::prelude::*;

use super::super::differentiate;
use crate::model::double::widen;
use crate::onnx::pb::{ModelProto, TensorProto, tensor_proto::DataType, type_proto};

/// What tract 0.23 cannot do in f64 is run in f32, and judged by that.
const IN_SINGLE: [&str; 10] = [
    "random_erf_",
    "random_gelu_",
    "random_hardswish_",
    "random_leakyrelu_",
    "random_mish_",
    "random_sigmoid_",
    "random_silu_",
    "random_softplus_",
    // Its Gemm takes alpha and beta for f32.
    "random_gemm_",
    "gemm_scaled",
];

/// What tract rounds to f32 inside an f64 network: epsilons and scales.
const ROUNDED: [&str; 4] =
    ["random_group_norm_", "random_instance_norm_", "random_layer_norm_", "random_resize_"];

/// What tract 0.23 cannot run at all or computes otherwise, in the forward part already. (ONNX Runtime can.)
const NOT_ON_TRACT: [&str; 1] = ["random_celu_"];

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data/rules")
}

/// Shape and values, row-major.
pub(in crate::grad) type Values = (Vec<usize>, Vec<f64>);

fn network(name: &str) -> ModelProto {
    let bytes = fs::read(goldens().join(format!("{name}.onnx"))).unwrap();
    ModelProto::decode(bytes.as_slice()).unwrap()
}

fn read(tensors: &SafeTensors, name: &str) -> Values {
    let view = tensors.tensor(name).unwrap();
    let (words, _) = view.data().as_chunks::<8>();
    (view.shape().to_vec(), words.iter().map(|w| f64::from_le_bytes(*w)).collect())
}

pub(in crate::grad) fn relative(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

/// A tensor's numbers as f32, none where it holds none of f64.
fn narrow(tensor: &TensorProto) -> Option<Vec<f32>> {
    let (words, _) = tensor.raw_data.as_chunks::<8>();
    let double = tensor.data_type == DataType::Double as i32;
    double.then(|| words.iter().map(|w| f64::from_le_bytes(*w) as f32).collect())
}

/// The same network in f32.
fn single(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.as_mut().unwrap();
    for tensor in &mut graph.initializer {
        if let Some(numbers) = narrow(tensor) {
            tensor.raw_data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            tensor.data_type = DataType::Float as i32;
        }
    }
    for info in graph.input.iter_mut().chain(&mut graph.output) {
        if let Some(type_proto::Value::TensorType(t)) = info.r#type.as_mut().and_then(|t| t.value.as_mut()) {
            t.elem_type = DataType::Float as i32;
        }
    }
    model
}

/// The same network in f64, its weights those of [`single`].
fn rounded(mut model: ModelProto) -> ModelProto {
    for tensor in &mut model.graph.as_mut().unwrap().initializer {
        if let Some(numbers) = narrow(tensor) {
            tensor.raw_data = numbers.iter().flat_map(|number| f64::from(*number).to_le_bytes()).collect();
        }
    }
    model
}

/// Runs `model` on tract, in f64 or f32, and gives its outputs by name.
pub(in crate::grad) fn run(
    model: &ModelProto,
    inputs: &[(&str, Values)],
    float: DatumType,
) -> TractResult<HashMap<String, Vec<f64>>> {
    run_in(model, inputs, float, float)
}

/// Runs `model`, which is written in `float`, in f64 or f32.
fn run_in(
    model: &ModelProto,
    inputs: &[(&str, Values)],
    float: DatumType,
    computed: DatumType,
) -> TractResult<HashMap<String, Vec<f64>>> {
    let graph = model.graph.as_ref().unwrap();
    let mut runtime = tract_onnx::onnx().model_for_proto_model(model)?;
    let mut values = tvec![];
    for (index, input) in graph.input.iter().enumerate() {
        let (_, (shape, data)) = inputs.iter().find(|(name, _)| *name == input.name).unwrap();
        runtime.set_input_fact(index, float.fact(shape).into())?;
        values.push(Tensor::from_shape(shape, data)?.cast_to_dt(computed)?.into_owned().into());
    }
    let mut typed = runtime.into_typed()?;
    if computed != float {
        widen(&mut typed)?;
    }
    let outputs = typed.into_optimized()?.into_runnable()?.run(values)?;
    let mut found = HashMap::new();
    for (info, output) in graph.output.iter().zip(&outputs) {
        let wide = output.cast_to::<f64>()?;
        found.insert(info.name.clone(), wide.to_plain_array_view::<f64>()?.iter().copied().collect());
    }
    Ok(found)
}

fn among(list: &[&str], name: &str) -> bool {
    list.iter().any(|prefix| name.starts_with(prefix))
}

fn names() -> Vec<String> {
    let files = fs::read_dir(goldens()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter_map(|f| f.strip_suffix(".onnx").map(Into::into)).collect();
    names.sort();
    assert!(names.len() >= 160, "goldens are missing: {names:?}");
    names
}

/// Red when a rule is wrong. Done once: without the subtraction of what is taken (`left` in `rules/max_pool.rs`) every
/// `max_pool_*` is off by 0.6 to 1.4; with `Greater` made `GreaterOrEqual` in `rules/relu.rs`, `relu_at_its_kink` by
/// 0.7, `residual` by 0.8 and more.
#[test]
fn every_rule_gives_autograds_gradients() {
    let mut wrong = Vec::new();
    for name in names() {
        let bytes = fs::read(goldens().join(format!("{name}.safetensors"))).unwrap();
        let golden = SafeTensors::deserialize(&bytes).unwrap();
        let (float, tolerance) = match () {
            () if among(&IN_SINGLE, &name) => (f32::datum_type(), 1e-5),
            () if among(&ROUNDED, &name) => (f64::datum_type(), 1e-6),
            () => (f64::datum_type(), 1e-9),
        };
        let model = if float == f32::datum_type() { single(network(&name)) } else { network(&name) };
        let found = differentiate(model).unwrap();
        assert_eq!(found.blocked, [], "{name}");
        if among(&NOT_ON_TRACT, &name) {
            continue;
        }
        let inputs = [("image", read(&golden, "image")), ("seed", read(&golden, "seed"))];
        let outputs = match run(&found.model, &inputs, float) {
            Ok(outputs) => outputs,
            Err(error) => {
                wrong.push(format!("{name}: {}", format!("{error:#}").lines().next().unwrap_or_default()));
                continue;
            }
        };
        for output in golden.names().into_iter().filter(|n| *n != "image" && *n != "seed") {
            let error = relative(&outputs[output], &read(&golden, output).1);
            if error.is_nan() || error > tolerance {
                wrong.push(format!("{name}: {output} is off by {error:.1e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Writes f64 into the network itself, where f32 is what it is written in here.
const CAST: &str = "random_dropout_identity_cast_";

/// A network written in f32 and made double is the one written in f64 with the same weights: to the last digits where tract makes no
/// constant of others before it is double (a batch norm's factor, one over a mean's count), to a rounding of these elsewhere.
#[test]
fn a_network_made_double_is_double() {
    let (mut wrong, mut to_the_last_digits) = (Vec::new(), 0);
    for name in names().into_iter().filter(|name| !among(&NOT_ON_TRACT, name) && !name.starts_with(CAST)) {
        let bytes = fs::read(goldens().join(format!("{name}.safetensors"))).unwrap();
        let golden = SafeTensors::deserialize(&bytes).unwrap();
        let inputs = [("image", read(&golden, "image")), ("seed", read(&golden, "seed"))];
        let narrow = differentiate(single(network(&name))).unwrap().model;
        let made = match run_in(&narrow, &inputs, f32::datum_type(), f64::datum_type()) {
            Ok(made) => made,
            Err(error) => {
                wrong.push(format!("{name}: {}", format!("{error:#}").lines().next().unwrap_or_default()));
                continue;
            }
        };
        // Of what tract cannot do in f64 it was enough that it runs.
        if among(&IN_SINGLE, &name) {
            continue;
        }
        let wide = differentiate(rounded(network(&name))).unwrap().model;
        let written = run(&wide, &inputs, f64::datum_type()).unwrap();
        let errors = made.iter().map(|(output, made)| relative(made, &written[output]));
        let worst =
            errors.fold(0.0, |worst: f64, error| if error.is_nan() { error } else { worst.max(error) });
        to_the_last_digits += usize::from(worst < 1e-12);
        if worst.is_nan() || worst > 5e-7 {
            wrong.push(format!("{name} is off by {worst:.1e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(to_the_last_digits >= 60, "{to_the_last_digits} networks agree to the last digits");
}
