//! One rule an operator: how the gradient of its output becomes the gradients of its inputs.
//!
//! In every rule `x` is the operator's input, `y` its output, and `d…` the gradient of the seeded score with respect to
//! a value. A further operator is one more file here and one more line in [`rule_for`] (and one in `shapes`).
#![allow(clippy::unnecessary_wraps, reason = "rules have one signature, whether they can refuse or not")]

mod add;
mod average_pool;
mod batch_norm;
mod clip;
mod concat;
mod conv;
mod conv_transpose;
mod cumulative;
mod einsum;
mod elementary;
mod elu;
mod expand;
mod extremum;
mod gather;
mod gelu;
mod gemm;
mod global_average_pool;
mod global_max_pool;
mod hard_swish;
mod leaky_relu;
mod lrn;
mod max_pool;
mod mish;
mod mul;
mod normalise;
mod pad;
mod pow;
mod reduce;
mod relu;
mod resize;
mod shape;
mod sigmoid;
mod softmax;
mod space;
mod tile;

pub(super) use average_pool::sum_along;

use crate::onnx::pb::NodeProto;

use super::error::Reason;
use super::tape::Tape;

/// The gradients of a node's inputs, in their order; `None` for inputs that need none. Inputs after the last one given
/// need none either.
pub(super) type Gradients = Vec<Option<String>>;

/// Writes the gradients of a node's inputs, given that of its first output, the only one that is used.
pub(super) type OfOne = fn(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason>;

/// The same given those of its outputs, at least one of which is used.
pub(super) type OfSeveral =
    fn(tape: &mut Tape, node: &NodeProto, dys: &[Option<String>]) -> Result<Gradients, Reason>;

/// How an operator's gradients are written.
pub(super) enum Rule {
    Single(OfOne),
    Several(OfSeveral),
}

/// The rule for an operator of the default ONNX domain.
pub(super) fn rule_for(operator: &str) -> Option<Rule> {
    Some(Rule::Single(match operator {
        "Abs" => elementary::abs,
        "Add" | "Sum" => add::add,
        "Atan" => elementary::atan,
        "AveragePool" => average_pool::average_pool,
        "BatchNormalization" => batch_norm::batch_norm,
        "Cast" => shape::cast,
        "Celu" => elu::celu,
        "Clip" => clip::clip,
        "Concat" => concat::concat,
        "Conv" => conv::conv,
        "ConvTranspose" => conv_transpose::conv_transpose,
        "Cos" => elementary::cos,
        "CumSum" => cumulative::cumulative_sum,
        "DepthToSpace" => space::depth_to_space,
        "Div" => mul::div,
        "Dropout" | "Identity" => shape::identity,
        "Einsum" => einsum::einsum,
        "Elu" => elu::elu,
        "Erf" => elementary::erf,
        "Exp" => elementary::exp,
        "Expand" => expand::expand,
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => shape::reshape,
        "Gather" => gather::gather,
        "GatherND" => gather::gather_nd,
        "Gelu" => gelu::gelu,
        "Gemm" => gemm::gemm,
        "GlobalAveragePool" => global_average_pool::global_average_pool,
        "GlobalMaxPool" => global_max_pool::global_max_pool,
        "GroupNormalization" => normalise::group,
        "HardSigmoid" => sigmoid::hard_sigmoid,
        "HardSwish" => hard_swish::hard_swish,
        "InstanceNormalization" => normalise::instance,
        "LRN" => lrn::lrn,
        "LayerNormalization" => normalise::layer,
        "LeakyRelu" => leaky_relu::leaky_relu,
        "Log" => elementary::log,
        "LogSoftmax" => softmax::log_softmax,
        "MatMul" => gemm::mat_mul,
        "Max" | "Min" => extremum::extremum,
        "MaxPool" => max_pool::max_pool,
        "Mean" => add::mean,
        "Mish" => mish::mish,
        "Mul" => mul::mul,
        "Neg" => elementary::neg,
        "PRelu" => leaky_relu::p_relu,
        "Pad" => pad::pad,
        "Pow" => pow::pow,
        "Reciprocal" => elementary::reciprocal,
        "ReduceL1" => reduce::l1,
        "ReduceL2" => reduce::l2,
        "ReduceLogSum" => reduce::log_sum,
        "ReduceLogSumExp" => reduce::log_sum_exp,
        "ReduceMax" | "ReduceMin" => reduce::extremum,
        "ReduceMean" => reduce::mean,
        "ReduceSum" => reduce::sum,
        "ReduceSumSquare" => reduce::sum_square,
        "Relu" => relu::relu,
        "Resize" => resize::resize,
        "Selu" => elu::selu,
        "Sigmoid" => sigmoid::sigmoid,
        "Sin" => elementary::sin,
        "Slice" => gather::slice,
        "Softmax" => softmax::softmax,
        "Softplus" => sigmoid::softplus,
        "Softsign" => sigmoid::softsign,
        "SpaceToDepth" => space::space_to_depth,
        "Split" => return Some(Rule::Several(concat::split)),
        "Sqrt" => elementary::sqrt,
        "Sub" => add::sub,
        "Tanh" => sigmoid::tanh,
        "ThresholdedRelu" => leaky_relu::thresholded_relu,
        "Tile" => tile::tile,
        "Transpose" => shape::transpose,
        "Trilu" => cumulative::triangle,
        "Where" => expand::choose,
        _ => return None,
    }))
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

/// The axis that an attribute names.
fn axis_of(node: &NodeProto, name: &str, default: i64, rank: usize) -> Result<usize, Reason> {
    let named = super::attributes::int(node, name).unwrap_or(default);
    super::shapes::axis(named, rank).ok_or(Reason::Form("it names an axis that its input does not have"))
}
