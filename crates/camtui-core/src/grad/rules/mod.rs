//! One rule an operator: how the gradient of its output becomes the gradients of its inputs.
//!
//! In every rule `x` is the operator's input, `y` its output, and `d…` the gradient of the seeded score with respect to
//! a value. A further operator is one more file here and one more line in [`rule_for`] (and one in `shapes.rs`).

mod add;
mod average_pool;
mod batch_norm;
mod clip;
mod conv;
mod gemm;
mod global_average_pool;
mod max_pool;
mod mul;
mod relu;
mod shape;

use crate::onnx::pb::NodeProto;

use super::error::Reason;
use super::tape::Tape;

/// The gradients of a node's inputs, in their order; `None` for inputs that need none.
pub(super) type Gradients = Vec<Option<String>>;

/// Writes the gradients of `node`'s inputs, given that of its first output.
pub(super) type Rule = fn(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason>;

/// The rule for an operator of the default ONNX domain.
pub(super) fn rule_for(operator: &str) -> Option<Rule> {
    Some(match operator {
        "Add" => add::add,
        "AveragePool" => average_pool::average_pool,
        "BatchNormalization" => batch_norm::batch_norm,
        "Clip" => clip::clip,
        "Conv" => conv::conv,
        "Div" => mul::div,
        "Dropout" | "Identity" => shape::identity,
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => shape::reshape,
        "Gemm" => gemm::gemm,
        "GlobalAveragePool" => global_average_pool::global_average_pool,
        "MatMul" => gemm::mat_mul,
        "MaxPool" => max_pool::max_pool,
        "Mul" => mul::mul,
        "ReduceMean" => global_average_pool::reduce_mean,
        "Relu" => relu::relu,
        "Sub" => add::sub,
        "Transpose" => shape::transpose,
        _ => return None,
    })
}

/// Input `index` of a node, which its operator says is there.
fn input(node: &NodeProto, index: usize) -> Result<&str, Reason> {
    match node.input.get(index) {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(Reason::Form("it lacks an input")),
    }
}

/// Refuses a node whose inputs after the first depend on the picture: its rule takes them for constants.
fn only_first_active(tape: &Tape, node: &NodeProto) -> Result<(), Reason> {
    if node.input.iter().skip(1).any(|i| tape.is_active(i)) {
        return Err(Reason::Form("its parameters depend on the picture"));
    }
    Ok(())
}
