//! The backward pass: from the seed at the logits, through the nodes from last to first, to the picture.

use std::collections::{HashMap, HashSet};

use crate::onnx::intake::MOST_NODES;
use crate::onnx::pb::{GraphProto, NodeProto};

use super::active;
use super::error::{Blocked, Reason, name_of};
use super::interface::SEED;
use super::rules::{Gradients, Rule, rule_for};
use super::tape::Tape;

/// The gradients that were found.
pub(super) struct Backward {
    gradients: HashMap<String, String>,
    pub blocked: Vec<Blocked>,
}

impl Backward {
    /// The value that holds the gradient of a forward value.
    pub fn gradient(&self, value: &str) -> Option<&str> {
        self.gradients.get(value).map(String::as_str)
    }
}

/// No rule is applied once so many nodes have been added. The largest networks' take a tenth of that.
const MOST_BACKWARD: usize = 2 * MOST_NODES;

/// Writes the backward pass of `graph` from `logits` down to `tape`.
///
/// A value read by several nodes gets the sum of what they pass back. A value read by a node that passes nothing
/// back (no rule) has no gradient, nor has what lies before it: a part of a sum would be wrong, not approximate.
pub(super) fn run(tape: &mut Tape, graph: &GraphProto, logits: &str) -> Backward {
    let mut gradients = HashMap::from([(logits.to_owned(), SEED.to_owned())]);
    let mut blocked = Vec::new();
    let mut partial: HashSet<String> = HashSet::new();
    for node in graph.node.iter().rev() {
        if !node.output.iter().any(|o| tape.is_active(o)) {
            continue;
        }
        if node.output.iter().any(|o| partial.contains(o)) {
            partial.extend(reading(tape, node));
            continue;
        }
        let dys: Vec<Option<String>> = node.output.iter().map(|o| gradients.get(o).cloned()).collect();
        if dys.iter().all(Option::is_none) {
            continue;
        }
        let passed = match tape.nodes.len() {
            0..=MOST_BACKWARD => pass(tape, node, &dys),
            _ => Err(Reason::Form("the gradients take more nodes than are worked through")),
        };
        match passed {
            Ok(passed) => {
                for (input, d) in node.input.iter().zip(passed) {
                    if let Some(d) = d.filter(|_| tape.is_active(input)) {
                        let sum = match gradients.remove(input) {
                            Some(other) => tape.add(&other, &d),
                            None => d,
                        };
                        gradients.insert(input.clone(), sum);
                    }
                }
            }
            Err(reason) => {
                blocked.push(block(node, reason));
                partial.extend(reading(tape, node));
            }
        }
    }
    gradients.retain(|value, _| !partial.contains(value));
    Backward { gradients, blocked }
}

/// The values that a gradient would reach through the node.
fn reading(tape: &Tape, node: &NodeProto) -> Vec<String> {
    active::read(node).into_iter().filter(|i| tape.is_active(i)).map(str::to_owned).collect()
}

/// Applies the node's rule to the gradients of its outputs, of which there is at least one.
fn pass(tape: &mut Tape, node: &NodeProto, dys: &[Option<String>]) -> Result<Gradients, Reason> {
    match rule_for(&node.op_type).filter(|_| default_domain(node)) {
        None => Err(Reason::NoRule),
        Some(Rule::Several(rule)) => rule(tape, node, dys),
        Some(Rule::Single(rule)) => match dys {
            [Some(dy), rest @ ..] if rest.iter().all(Option::is_none) => rule(tape, node, dy),
            _ => Err(Reason::Form("its second output is used")),
        },
    }
}

pub(super) fn default_domain(node: &NodeProto) -> bool {
    node.domain.is_empty() || node.domain == "ai.onnx"
}

fn block(node: &NodeProto, reason: Reason) -> Blocked {
    Blocked { operator: node.op_type.clone(), node: name_of(node), reason }
}
