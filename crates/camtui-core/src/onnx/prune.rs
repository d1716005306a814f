//! Leaves of a graph only what the wanted outputs need.
//!
//! A runtime such as ONNX Runtime executes every node of a file whatever is asked of it, so an exported
//! gradient graph that is to be run elsewhere should hold no more than will be used.

use std::collections::HashSet;

use tract_onnx::pb::ModelProto;

use super::metadata::{Metadata, MetadataError};
use crate::grad::interface;

/// Why a model cannot be pruned.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// There is no graph in the file.
    #[error("the ONNX model holds no graph: the file is empty or damaged")]
    NoGraph,
    /// An output was asked for that the model does not have.
    #[error("the model has no output `{asked}`: {near}")]
    UnknownOutput {
        /// What was asked for.
        asked: String,
        /// The outputs that are most like it, or all of them.
        near: String,
    },
    /// No output was asked for.
    #[error("a model without outputs computes nothing: name at least one")]
    NoOutputs,
    /// The metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// Keeps the nodes, initialisers and inputs that `outputs` need, and those outputs in the order they are named.
///
/// The metadata's layers say afterwards which gradients are left; `seed` disappears where no gradient is.
pub fn prune(mut model: ModelProto, outputs: &[String]) -> Result<ModelProto, PruneError> {
    if outputs.is_empty() {
        return Err(PruneError::NoOutputs);
    }
    let metadata = Metadata::read(&model)?;
    let graph = model.graph.as_mut().ok_or(PruneError::NoGraph)?;
    let mut kept = Vec::with_capacity(outputs.len());
    for (n, asked) in outputs.iter().enumerate() {
        let Some(output) = graph.output.iter().find(|o| o.name == *asked) else {
            let names: Vec<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
            return Err(PruneError::UnknownOutput { asked: asked.clone(), near: near(asked, &names) });
        };
        if !outputs[..n].contains(asked) {
            kept.push(output.clone());
        }
    }
    graph.output = kept;

    let mut needed: HashSet<String> = outputs.iter().cloned().collect();
    let mut nodes = Vec::new();
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|o| needed.contains(o)) {
            needed.extend(node.input.iter().cloned());
            // A branch or loop body reads values of the graph around it by name.
            let inner = node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs));
            needed.extend(inner.flat_map(|g| &g.node).flat_map(|n| &n.input).cloned());
            nodes.push(node);
        }
    }
    nodes.reverse();
    graph.node = nodes;
    graph.initializer.retain(|t| needed.contains(&t.name));
    graph.input.retain(|i| needed.contains(&i.name));
    graph.value_info.retain(|v| needed.contains(&v.name));

    if let Some(mut metadata) = metadata {
        for layer in &mut metadata.layers {
            layer.gradient &= outputs.contains(&interface::gradient(&layer.name));
        }
        metadata.write(&mut model);
    }
    Ok(model)
}

/// The names most like `asked`, in a sentence's second half.
fn near(asked: &str, names: &[&str]) -> String {
    let mut ranked: Vec<(usize, &str)> = names.iter().map(|n| (distance(asked, n), *n)).collect();
    ranked.sort_by_key(|(d, _)| *d);
    let close: Vec<&str> = ranked.iter().take_while(|(d, _)| *d <= 3).take(3).map(|(_, n)| *n).collect();
    if close.is_empty() {
        format!("it has {}", names.join(", "))
    } else {
        format!("did you mean {}?", close.join(" or "))
    }
}

/// Levenshtein's edit distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
