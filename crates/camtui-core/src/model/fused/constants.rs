//! What can be read off the runtime's graph: constants, and which values are pictures.

use std::sync::Arc;

use camtui_conv::{Shape, Values};
use tract_onnx::prelude::*;

use super::kernel::Kernel;

/// The value's shape as a picture of batch 1: `[1,C,H,W]`, or one number a channel, however many axes of one hold them.
pub(super) fn picture(shape: &[usize]) -> Option<Shape> {
    if let &[1, channels, height, width] = shape {
        return Some(Shape::new(channels, height, width));
    }
    let mut longer = shape.iter().filter(|&&extent| extent != 1);
    let channels = longer.next().copied().unwrap_or(1);
    longer.next().is_none().then(|| Shape::vector(channels))
}

/// The picture of an outlet that holds f32.
pub(super) fn picture_of(model: &TypedModel, outlet: OutletId) -> Option<Shape> {
    let fact = model.outlet_fact(outlet).ok()?;
    let picture = picture(fact.shape.as_concrete()?)?;
    (fact.datum_type == f32::datum_type() && !picture.is_empty()).then_some(picture)
}

/// The constant that an outlet holds.
pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> Option<Arc<Tensor>> {
    model.outlet_fact(outlet).ok()?.konst.clone()
}

/// Its numbers, where it holds f32.
pub(super) fn floats(tensor: &Tensor) -> Option<&[f32]> {
    tensor.as_plain_ram()?.as_slice::<f32>().ok()
}

/// The shape and the numbers of a convolution's kernel, left where they are.
pub(super) fn kernel(model: &TypedModel, outlet: OutletId) -> Option<([usize; 4], Values)> {
    if let Some(Kernel { dims, numbers }) = model.node(outlet.node).op_as::<Kernel>() {
        return Some((*dims, numbers.clone()));
    }
    let tensor = constant(model, outlet)?;
    Some((tensor.shape().try_into().ok()?, shared(tensor)?))
}

/// The one number that a constant repeats.
#[expect(clippy::float_cmp, reason = "a number that is repeated is the same to the bit")]
pub(super) fn uniform(model: &TypedModel, outlet: OutletId) -> Option<f32> {
    let tensor = constant(model, outlet)?;
    let (&first, rest) = floats(&tensor)?.split_first()?;
    rest.iter().all(|&other| other == first).then_some(first)
}

/// One number a channel, for a value of this many channels: a constant of that many numbers, or of one.
pub(super) fn per_channel(model: &TypedModel, outlet: OutletId, channels: usize) -> Option<Vec<f32>> {
    let tensor = constant(model, outlet)?;
    let numbers = floats(&tensor)?;
    match (numbers, picture(tensor.shape())?) {
        (&[one], _) => Some(vec![one; channels]),
        (_, shape) if shape == Shape::vector(channels) => Some(numbers.to_vec()),
        _ => None,
    }
}

/// A tensor whose numbers a convolution may keep.
struct Held(Arc<Tensor>);

impl AsRef<[f32]> for Held {
    fn as_ref(&self) -> &[f32] {
        floats(&self.0).expect("only tensors of f32 are held")
    }
}

/// The numbers of a constant, left where they are.
pub(super) fn shared(tensor: Arc<Tensor>) -> Option<Values> {
    floats(&tensor)?;
    Some(Values::shared(Arc::new(Held(tensor))))
}
