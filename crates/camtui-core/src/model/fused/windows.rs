//! Convolutions and poolings of the runtime's graph, as steps.

use camtui_conv::{Activation, Convolution, Padding, Shape, Values, Weights, Window};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::constants::{constant, floats, kernel, picture_of};
use super::kernel::turned;
use super::step::Step;
use crate::onnx::turn::Order;

/// `Conv` with constant weights.
pub(super) fn convolution(model: &TypedModel, node: &TypedNode, op: &Conv) -> Option<Step> {
    if op.kernel_fmt != KernelFormat::OIHW || op.q_params.is_some() {
        return None;
    }
    let (from, to) = (picture_of(model, node.inputs[0])?, picture_of(model, node.id.into())?);
    let (dims, numbers) = kernel(model, node.inputs[1])?;
    let weights = Weights::new(dims, numbers, bias(model, node.inputs[2], to.channels)?).ok()?;
    let convolution = walk(&op.pool_spec, op.group, weights, from, to)?;
    Some(Step::Convolve { convolution, activation: Activation::Linear })
}

/// `ConvTranspose` with constant weights: the gradient of a convolution that leads from its output to its input.
pub(super) fn transposed(model: &TypedModel, node: &TypedNode, op: &Deconv) -> Option<Step> {
    if op.kernel_format != KernelFormat::OIHW {
        return None;
    }
    let (from, to) = (picture_of(model, node.inputs[0])?, picture_of(model, node.id.into())?);
    let (dims, numbers) = kernel(model, node.inputs[1])?;
    let (dims, numbers) = exchanged(dims, numbers, op.group)?;
    let weights = Weights::new(dims, numbers, bias(model, node.inputs[2], to.channels)?).ok()?;
    let convolution = walk(&op.pool_spec, op.group, weights, to, from)?;
    Some(Step::Transposed { convolution, output: to, activation: Activation::Linear })
}

/// `MaxPool` of the values alone.
pub(super) fn max_pool(model: &TypedModel, node: &TypedNode, op: &MaxPool) -> Option<Step> {
    let (from, to) = (picture_of(model, node.inputs[0])?, picture_of(model, node.id.into())?);
    let window = window(&op.pool_spec, from, to)?;
    op.with_index_outputs.is_none().then_some(Step::MaxPool(window))
}

/// `AveragePool`. What lies beyond the stated padding counts for nothing, as in ONNX.
pub(super) fn average_pool(model: &TypedModel, node: &TypedNode, op: &SumPool) -> Option<Step> {
    let (from, to) = (picture_of(model, node.inputs[0])?, picture_of(model, node.id.into())?);
    let window = window(&op.pool_spec, from, to)?;
    let overhangs = match &op.pool_spec.padding {
        PaddingSpec::ExplicitOnnxPool(_, after, true) => {
            window.padding.bottom > after[0] || window.padding.right > after[1]
        }
        _ => false,
    };
    let taken = op.normalize && !(op.count_include_pad && overhangs);
    taken.then_some(Step::AveragePool(Window { count_include_pad: op.count_include_pad, ..window }))
}

/// The bias of a convolution; `Some(None)` for none.
#[expect(clippy::option_option, reason = "there is none, or it cannot be taken")]
fn bias(model: &TypedModel, outlet: OutletId, channels: usize) -> Option<Option<Vec<f32>>> {
    let tensor = constant(model, outlet)?;
    match floats(&tensor)? {
        [0.0] => Some(None),
        [one] => Some(Some(vec![*one; channels])),
        numbers => (numbers.len() == channels).then(|| Some(numbers.to_vec())),
    }
}

/// `[out, in / groups, …]` of a transposed convolution, as the convolution that it is the gradient of has it:
/// `[in, out / groups, …]`.
fn exchanged(
    [out, ins, height, width]: [usize; 4],
    numbers: Values,
    groups: usize,
) -> Option<([usize; 4], Values)> {
    if groups == 0 || out % groups != 0 {
        return None;
    }
    let (outs, taps) = (out / groups, height * width);
    let axes = [(groups, outs * ins * taps), (ins, taps), (outs, ins * taps), (taps, 1)];
    let axes = axes.map(|(extent, stride)| (extent, stride as isize)).to_vec();
    Some(([groups * ins, outs, height, width], turned(numbers, Order { first: 0, axes })?))
}

/// How a convolution goes over pictures of shape `from` to make those of shape `to`.
fn walk(spec: &PoolSpec, groups: usize, weights: Weights, from: Shape, to: Shape) -> Option<Convolution> {
    let [stride, dilation] = [two(&spec.strides())?, two(&spec.dilations())?];
    let padding = padding(spec, stride, dilation, from, to)?;
    Some(Convolution { weights, stride, dilation, padding, groups })
}

fn window(spec: &PoolSpec, from: Shape, to: Shape) -> Option<Window> {
    let (kernel, stride) = (two(&spec.kernel_shape)?, two(&spec.strides())?);
    if two(&spec.dilations())? != [1, 1] {
        return None;
    }
    let padding = padding(spec, stride, [1, 1], from, to)?;
    Some(Window { kernel, stride, padding, count_include_pad: false })
}

/// The padding, at the far sides as much as the last window reaches.
fn padding(
    spec: &PoolSpec,
    stride: [usize; 2],
    dilation: [usize; 2],
    from: Shape,
    to: Shape,
) -> Option<Padding> {
    if spec.data_format != DataFormat::NCHW {
        return None;
    }
    let kernel = two(&spec.kernel_shape)?;
    let (from, to) = ([from.height, from.width], [to.height, to.width]);
    let computed = spec.computed_padding(&from);
    let before = [computed[0].pad_before, computed[1].pad_before];
    let after = |axis: usize| {
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        ((to[axis] - 1) * stride[axis] + reach).saturating_sub(from[axis] + before[axis])
    };
    Some(Padding { top: before[0], left: before[1], bottom: after(0), right: after(1) })
}

fn two(numbers: &[usize]) -> Option<[usize; 2]> {
    numbers.try_into().ok()
}
