//! The gradient graph made once more from one that is there: by another rule, or with layers that the first did not have.

use super::error::ModelError;
use super::parts::forward_values;
use crate::grad::interface::{self, IMAGE, LOGITS};
use crate::grad::{Differentiated, Rule, differentiate_by, grid};
use crate::onnx::metadata::{Layer, Metadata};
use crate::onnx::pb::{GraphProto, ModelProto};
use crate::onnx::scores;
use crate::onnx::subgraph::{Given, SubgraphError, subgraph};

/// The network of `model` with gradients by `rule`.
pub(super) fn by_rule(model: &ModelProto, metadata: &Metadata, rule: Rule) -> Result<ModelProto, ModelError> {
    differentiated(forward(model, metadata)?, metadata, rule)
}

/// The network of `model` in which each of `names` that is a value on the way from the picture to the logits, or the node of
/// such a value, and no layer yet is a layer of that name. None where there is nothing to add.
pub(super) fn with_layers(
    model: &ModelProto,
    metadata: &Metadata,
    names: &[String],
) -> Result<Option<(ModelProto, Metadata)>, ModelError> {
    let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
    let on_the_way = forward_values(graph)?;
    let mut added: Vec<Layer> = Vec::new();
    for name in names.iter().filter(|name| metadata.meant(name).is_none()) {
        let value = value_of(graph, name).filter(|value| on_the_way.contains(value));
        if let Some(value) = value.filter(|_| added.iter().all(|known| known.name != *name)) {
            added.push(Layer { name: name.clone(), value: value.to_owned(), ..Layer::default() });
        }
    }
    if added.is_empty() {
        return Ok(None);
    }
    let mut wanted = metadata.clone();
    wanted.layers.extend(added.iter().cloned());
    let mut forward = forward(model, &wanted)?;
    let opset = interface::opset(model);
    let graph = forward.graph.as_mut().ok_or(SubgraphError::NoGraph)?;
    grid::fold(graph, opset, &mut added);
    wanted.layers.truncate(metadata.layers.len());
    wanted.layers.extend(added);
    let order = scores::order(graph);
    wanted.layers.sort_by_key(|layer| order.get(layer.value.as_str()).copied());
    let model = differentiated(forward, &wanted, Rule::Plain)?;
    let metadata = Metadata::read(&model).map_err(|e| ModelError::compile("the added layers", &e))?;
    Ok(metadata.map(|metadata| (model, metadata)))
}

/// The value called `name`, or the first of the node called so.
fn value_of<'g>(graph: &'g GraphProto, name: &str) -> Option<&'g str> {
    let values = || graph.node.iter().flat_map(|node| &node.output);
    let node = || graph.node.iter().find(|node| interface::own_name(node) == name && !name.is_empty());
    values().find(|value| *value == name).or_else(|| node()?.output.first()).map(String::as_str)
}

/// The forward pass alone, with the picture as the file describes it: the batch may be open there.
fn forward(model: &ModelProto, metadata: &Metadata) -> Result<ModelProto, ModelError> {
    let graph = model.graph.as_ref().ok_or(SubgraphError::NoGraph)?;
    let image = graph.input.iter().find(|i| i.name == IMAGE).cloned();
    let mut outputs = vec![LOGITS.to_owned()];
    outputs.extend(metadata.layers.iter().map(|l| l.value.clone()));
    outputs.dedup();
    let given = Given::f32(IMAGE, Vec::new());
    let mut forward = subgraph(model, &[given], &outputs)?;
    if let Some(graph) = forward.graph.as_mut() {
        graph.input = image.into_iter().collect();
        graph.output.truncate(1);
    }
    Ok(forward)
}

fn differentiated(
    mut forward: ModelProto,
    metadata: &Metadata,
    rule: Rule,
) -> Result<ModelProto, ModelError> {
    metadata.write(&mut forward);
    let Differentiated { model, .. } =
        differentiate_by(forward, rule).map_err(|e| ModelError::compile("the gradients", &e))?;
    Ok(model)
}
