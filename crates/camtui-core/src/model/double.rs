//! A graph in double precision.
//!
//! A rectifier passes the gradient of a unit or stops it, by its sign, and max pooling passes it to the largest of several. Units within
//! rounding of their edge fall to one side in one implementation and to the other in the next, and each such unit moves a
//! gradient near the picture by up to a few hundredths (docs/accuracy.md). In double precision rounding is so much finer that
//! next to none are left.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::transform::ModelTransform as _;

/// Functions of one number that the runtime knows in single precision only. They are smooth, or keep the sign.
const SINGLE: [&str; 7] =
    ["Sigmoid", "Silu", "HardSwish", "LeakyRelu", "Erf", "GeluApproximate", "GeluExact"];

/// Makes everything double that is single: what it is given, its weights, what it gives. What the runtime has made of weights already
/// (a batch norm's factor) stays rounded as it is.
pub(crate) fn widen(model: &mut TypedModel) -> TractResult<()> {
    let known = |node: &TypedNode| {
        let function = node.op_as::<ElementWiseOp>().map(|op| op.0.name());
        function.is_none_or(|name| !SINGLE.contains(&name.as_str()))
    };
    FloatPrecisionTranslator::with_filter(f32::datum_type(), f64::datum_type(), known).transform(model)
}

/// A value as a graph takes it: double where that is in double precision.
pub(super) fn fit(value: &TValue, takes: DatumType) -> TractResult<TValue> {
    if value.datum_type() != f32::datum_type() || takes != f64::datum_type() {
        return Ok(value.clone());
    }
    Ok(value.cast_to_dt(takes)?.into_owned().into_tvalue())
}
