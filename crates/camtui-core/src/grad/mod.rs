//! Reverse-mode differentiation from ONNX to ONNX.
//!
//! A runtime that only goes forward can still give gradients when the backward pass is part of the graph. So
//! [`differentiate`] takes a classifier and appends, in ordinary operators, the gradient of `Σ seed·logits` with
//! respect to every layer that the metadata names. The result is one plain ONNX file: inputs `image` and `seed`,
//! outputs `logits`, `activation:<layer>`, `gradient:<layer>` and `gradient:image`. Any ONNX runtime executes it, which
//! makes it easy to check: ONNX Runtime runs it, PyTorch's autograd says what is right.
//!
//! The backward pass reads the forward pass's own weights (turned over in the graph where needed), so the file grows
//! by the size of its nodes only.
//!
//! The reading order: [`interface`] names the ends, `lacking` writes in other operators what the runtime lacks, `shapes` works
//! out the extents, `backward` goes through the nodes from last to first, `rules` says for each operator how its gradient
//! passes, `tape` takes down the new nodes.

pub(crate) mod active;
mod along;
pub mod anatomy;
mod attributes;
mod backward;
mod bounds;
mod equation;
mod error;
pub(crate) mod grid;
pub mod interface;
mod interpolate;
mod lacking;
pub(crate) mod notes;
mod rules;
mod shapes;
mod tape;
mod window;

use crate::onnx::pb::{GraphProto, ModelProto};
use crate::onnx::scores::producers;

pub(crate) use bounds::{MOST_NUMBERS, product};
pub use error::{Blocked, GradError, Reason};

use crate::onnx::metadata::Metadata;
use interface::{Ends, IMAGE, LOGITS, SEED, identity};
pub(crate) use shapes::Shapes;
use shapes::{Shape, display};
use tape::Tape;

/// How a gradient passes a rectifier (`Relu`, and `Clip`, as which `ReLU6` is written).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The derivative.
    #[default]
    Plain,
    /// Guided backpropagation (Springenberg et al. 2015): what is negative is dropped as well.
    Guided,
}

/// A model with its gradients, and where they stop short.
#[derive(Debug)]
pub struct Differentiated {
    /// The model with `seed`, activations and gradients; its metadata says which layers have a gradient.
    pub model: ModelProto,
    /// Nodes that no gradient passes. Layers that reach the logits through one of them have `gradient: false`.
    pub blocked: Vec<Blocked>,
}

/// Appends the gradient of `Σ seed·logits` with respect to each layer of the model's metadata, and to the picture.
///
/// The model must carry [`Metadata`] that names its layers. Shapes of layers are filled in. A softmax at the
/// end is left out of `logits`: gradients are taken before it. Outputs that the model had before are dropped.
/// An operator without a rule costs the gradients of what lies before it, not the model: see
/// [`Differentiated::blocked`].
///
/// The picture's height and width must be fixed; the batch may stay open.
pub fn differentiate(model: ModelProto) -> Result<Differentiated, GradError> {
    differentiate_by(model, Rule::Plain)
}

/// As [`differentiate`], with the gradient passing rectifiers by `rule`.
pub fn differentiate_by(mut model: ModelProto, rule: Rule) -> Result<Differentiated, GradError> {
    let mut metadata = Metadata::read(&model)?.ok_or(GradError::NoMetadata)?;
    let opset = interface::opset(&model);
    if opset < 11 {
        return Err(GradError::Opset { found: opset });
    }
    let graph = model.graph.as_mut().ok_or(GradError::NoGraph)?;
    let ends = Ends::settle(graph, &mut metadata)?;
    let computes = producers(graph);
    for layer in metadata.layers.iter_mut().filter(|layer| layer.node.is_empty()) {
        if let Some(node) = computes.get(layer.own_value()) {
            interface::own_name(node).clone_into(&mut layer.node);
        }
    }
    lacking::rewrite(graph, ends.element, opset);

    let mut tape = Tape::new(graph, IMAGE, ends.element, opset);
    bounds::check(tape.shapes(), graph)?;
    tape.rule = rule;
    metadata.classes = classes(&tape, &ends.logits)?;
    for layer in &metadata.layers {
        if !tape.is_active(&layer.value) {
            let (layer, value) = (layer.name.clone(), layer.value.clone());
            return Err(GradError::UnknownValue { layer, value });
        }
    }
    let backward = backward::run(&mut tape, graph, &ends.logits);

    let mut outputs = vec![ends.info(LOGITS, &[metadata.classes])];
    let mut names = Vec::new();
    if ends.logits != LOGITS {
        names.push(identity(&ends.logits, LOGITS));
    }
    let mut gradients = Vec::new();
    for layer in &mut metadata.layers {
        if let Ok(shape) = tape.extents(&layer.value) {
            layer.shape = shape;
        }
        names.push(identity(&layer.value, &interface::activation(&layer.name)));
        outputs.push(ends.info(&interface::activation(&layer.name), &layer.shape));
        let found = backward.gradient(&layer.value);
        layer.gradient = found.is_some();
        if let Some(value) = found {
            gradients.push((interface::gradient(&layer.name), value, layer.shape.clone()));
        }
    }
    if let Some(value) = backward.gradient(IMAGE) {
        gradients.push((interface::gradient(IMAGE), value, ends.picture.clone()));
    }
    for (name, value, shape) in gradients {
        outputs.push(ends.info(&name, &shape));
        names.push(identity(value, &name));
    }

    graph.input = vec![ends.info(IMAGE, &ends.picture), ends.info(SEED, &[metadata.classes])];
    graph.output = outputs;
    graph.node.append(&mut tape.nodes);
    graph.node.append(&mut names);
    graph.initializer.append(&mut tape.constants);
    metadata.blocked = backward.blocked.iter().map(ToString::to_string).collect();
    metadata.write(&mut model);
    Ok(Differentiated { model, blocked: backward.blocked })
}

/// The extents of `value` as far as they can be worked out; `None` is one that is open, as the batch is.
pub(crate) fn shape_of(graph: &GraphProto, opset: i64, value: &str) -> Option<Vec<Option<usize>>> {
    Shapes::infer(graph, opset).get(value)
}

fn classes(tape: &Tape, logits: &str) -> Result<usize, GradError> {
    let shape: Option<Shape> = tape.shape(logits).ok();
    match shape.as_deref() {
        Some(&[_, Some(classes)]) => Ok(classes),
        _ => Err(GradError::LogitsShape {
            value: logits.into(),
            found: shape.as_ref().map_or("that could not be worked out".into(), display),
        }),
    }
}

#[cfg(test)]
mod tests;
