//! Which of a file's outputs are the class scores.

use std::collections::HashMap;

use super::describe::DescribeError;
use super::pb::{GraphProto, NodeProto, ValueInfoProto, tensor_proto::DataType, type_proto};
use super::picture::{dims, extent};
use crate::grad::{interface::LOGITS, shape_of};

/// Leaves `graph` one output, the class scores: the one called `wanted`, else the only one, or the only one that may
/// be. Gives the number of classes.
pub(super) fn claim(
    graph: &mut GraphProto,
    opset: i64,
    wanted: Option<&str>,
) -> Result<usize, DescribeError> {
    let chosen = choose(graph, wanted)?.clone();
    let classes = count(graph, opset, &chosen)?;
    graph.output = vec![chosen];
    Ok(classes)
}

fn choose<'g>(graph: &'g GraphProto, wanted: Option<&str>) -> Result<&'g ValueInfoProto, DescribeError> {
    let names = || graph.output.iter().map(shown).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = wanted {
        let found = graph.output.iter().find(|o| o.name == wanted);
        return found.ok_or_else(|| DescribeError::NoSuchOutput { wanted: wanted.into(), known: names() });
    }
    if let [only] = graph.output.as_slice() {
        return Ok(only);
    }
    if let Some(logits) = graph.output.iter().find(|o| o.name == LOGITS) {
        return Ok(logits);
    }
    let mut scores = graph.output.iter().filter(|o| may_be_scores(o));
    match (scores.next(), scores.next()) {
        (Some(only), None) => Ok(only),
        (None, None) if graph.output.is_empty() => Err(DescribeError::NoGraph),
        _ => Err(DescribeError::Outputs(names())),
    }
}

fn shown(output: &ValueInfoProto) -> String {
    let axis = |d| extent(d).map_or("?".to_owned(), |d| d.to_string());
    let shape = dims(output).map(|dims| dims.iter().map(axis).collect::<Vec<_>>().join(", "));
    shape.map_or_else(|| format!("`{}`", output.name), |shape| format!("`{}` [{shape}]", output.name))
}

/// Numbers in rows, as far as the file says.
fn may_be_scores(output: &ValueInfoProto) -> bool {
    let Some(type_proto::Value::TensorType(tensor)) = output.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return false;
    };
    let rank = tensor.shape.as_ref().map(|s| s.dim.len());
    tensor.elem_type == DataType::Float as i32 && matches!(rank, None | Some(2))
}

/// The number of classes, from the output's shape, from the linear layer that makes it, or from all that comes before.
fn count(graph: &GraphProto, opset: i64, output: &ValueInfoProto) -> Result<usize, DescribeError> {
    let from_shape = match dims(output) {
        Some([_, classes]) => extent(classes),
        Some(other) => {
            let found = format!("a tensor of rank {}", other.len());
            return Err(DescribeError::NotClasses { name: output.name.clone(), found });
        }
        None => None,
    };
    let producer = producers(graph);
    let from_head = || {
        let mut node = producer.get(output.name.as_str()).copied()?;
        while matches!(node.op_type.as_str(), "Softmax" | "LogSoftmax" | "Identity") {
            node = producer.get(node.input.first()?.as_str()).copied()?;
        }
        let weight = graph.initializer.iter().find(|t| Some(&t.name) == node.input.get(1))?;
        let transposed = node.attribute.iter().find(|a| a.name == "transB").is_some_and(|a| a.i != 0);
        let axis = usize::from(node.op_type == "MatMul" || !transposed);
        weight.dims.get(axis).and_then(|&d| usize::try_from(d).ok())
    };
    let worked_out = || match shape_of(graph, opset, &output.name)?[..] {
        [_, classes] => classes,
        _ => None,
    };
    from_shape.or_else(from_head).or_else(worked_out).ok_or_else(|| DescribeError::NotClasses {
        name: output.name.clone(),
        found: "a tensor of unknown shape".into(),
    })
}

/// At which node each value is made: the order of values.
pub(crate) fn order(graph: &GraphProto) -> HashMap<&str, usize> {
    let nodes = graph.node.iter().enumerate();
    nodes.flat_map(|(at, n)| n.output.iter().map(move |o| (o.as_str(), at))).collect()
}

/// The node that computes each value.
pub(crate) fn producers(graph: &GraphProto) -> HashMap<&str, &NodeProto> {
    graph.node.iter().flat_map(|n| n.output.iter().map(move |o| (o.as_str(), n))).collect()
}
