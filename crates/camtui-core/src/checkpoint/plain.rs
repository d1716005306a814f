//! safetensors: a JSON header and raw tensors, with nothing in it that could be run.

use safetensors::{Dtype, SafeTensors};

use super::{
    Problem,
    element::{Element, View},
};
use crate::Tensor;

/// All tensors in the order their data lies in the file.
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, Problem> {
    let damaged = |error: safetensors::SafeTensorError| Problem::Damaged(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    metadata
        .offset_keys()
        .into_iter()
        .map(|name| {
            let tensor = file.tensor(&name).map_err(damaged)?;
            let element = match tensor.dtype() {
                Dtype::F64 => Element::F64,
                Dtype::F32 => Element::F32,
                Dtype::F16 => Element::F16,
                Dtype::BF16 => Element::BF16,
                Dtype::I64 => Element::I64,
                Dtype::I32 => Element::I32,
                Dtype::I16 => Element::I16,
                Dtype::I8 => Element::I8,
                Dtype::U8 => Element::U8,
                Dtype::BOOL => Element::Bool,
                other => return Err(Problem::Kind { name, kind: format!("{other:?}") }),
            };
            let shape = tensor.shape().to_vec();
            let stride = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
            let tensor = View { offset: 0, shape, stride }.take(element, tensor.data())?;
            Ok((name, tensor))
        })
        .collect()
}
