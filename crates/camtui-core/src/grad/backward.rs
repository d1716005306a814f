//! The backward pass: from the seed at the logits, through the nodes from last to first, to the picture.

use std::collections::{HashMap, HashSet};

use crate::onnx::pb::{GraphProto, NodeProto};

use super::error::{Blocked, Reason};
use super::interface::SEED;
use super::rules::rule_for;
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

/// Writes the backward pass of `graph` from `logits` down to `tape`.
///
/// A value read by several nodes gets the sum of what they pass back. A value read by a node that passes nothing
/// back (no rule) has no gradient, nor has what lies before it: a part of a sum would be wrong, not approximate.
pub(super) fn run(tape: &mut Tape, graph: &GraphProto, logits: &str) -> Backward {
    let mut gradients = HashMap::from([(logits.to_owned(), SEED.to_owned())]);
    let mut blocked = Vec::new();
    let mut partial: HashSet<&str> = HashSet::new();
    for node in graph.node.iter().rev() {
        let Some(output) = node.output.first() else { continue };
        if !tape.is_active(output) {
            continue;
        }
        let reading = node.input.iter().filter(|i| tape.is_active(i)).map(String::as_str).collect::<Vec<_>>();
        if node.output.iter().any(|o| partial.contains(o.as_str())) {
            partial.extend(reading);
            continue;
        }
        let further = node.output.iter().skip(1).any(|o| gradients.contains_key(o));
        let Some(dy) = gradients.get(output).cloned() else {
            if further {
                blocked.push(block(node, Reason::Form("its second output is used")));
                partial.extend(reading);
            }
            continue;
        };
        let passed = match rule_for(&node.op_type) {
            _ if further => Err(Reason::Form("its second output is used")),
            Some(rule) if default_domain(node) => rule(tape, node, &dy),
            _ => Err(Reason::NoRule),
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
                partial.extend(reading);
            }
        }
    }
    gradients.retain(|value, _| !partial.contains(value.as_str()));
    Backward { gradients, blocked }
}

fn default_domain(node: &NodeProto) -> bool {
    node.domain.is_empty() || node.domain == "ai.onnx"
}

fn block(node: &NodeProto, reason: Reason) -> Blocked {
    let name = if node.name.is_empty() {
        node.output.first().cloned().unwrap_or_default()
    } else {
        node.name.clone()
    };
    Blocked { operator: node.op_type.clone(), node: name, reason }
}
