//! Numbers of the model itself that explainers ask for: the linear head's weights, a layer's bias.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::Tensor;
use crate::onnx::external::{self, is_external};
use crate::onnx::metadata::{LinearHead, Metadata};
use crate::onnx::pb::{ModelProto, NodeProto, TensorProto, tensor_proto::DataType};

/// The linear head's numbers: what CAM multiplies activations with.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name of the layer that is pooled.
    pub layer: String,
    /// `[classes, channels]`.
    pub weight: Arc<Tensor>,
    /// `[classes]`.
    pub bias: Option<Arc<Tensor>>,
}

/// Where the numbers of a [`Head`] are, noted while the graph is at hand: few explainers ask for them.
#[derive(Debug)]
pub(super) struct HeadPlace {
    layer: String,
    weight: TensorProto,
    bias: Option<TensorProto>,
}

impl HeadPlace {
    /// The head that the metadata names.
    pub fn of(metadata: &Metadata, model: &ModelProto, head: &LinearHead) -> Option<Self> {
        let find =
            |name: &str| initializer(model, name).filter(|t| t.data_type == DataType::Float as i32).cloned();
        let layer = metadata.layers.iter().rev().find(|l| l.value == head.pooled)?;
        let bias = head.bias.as_deref().and_then(find);
        Some(Self { layer: layer.name.clone(), weight: find(&head.weight)?, bias })
    }

    /// Its numbers; what is not in the graph is read from `folder`.
    pub fn read(&self, folder: Option<&Path>) -> Option<Head> {
        let bias = self.bias.as_ref().and_then(|bias| read_f32(bias, folder));
        Some(Head {
            layer: self.layer.clone(),
            weight: Arc::new(read_f32(&self.weight, folder)?),
            bias: bias.map(Arc::new),
        })
    }
}

/// The bias that each layer adds, by the layer's name; layers that add none are left out. Of layers that end in the same value (a
/// module and the last one inside it) the first, the inner one, is whose bias it is, so that no bias counts twice.
pub(super) fn biases(
    metadata: &Metadata,
    model: &ModelProto,
    folder: Option<&Path>,
) -> HashMap<String, Arc<Tensor>> {
    let nodes = model.graph.as_ref().map(|g| g.node.as_slice()).unwrap_or_default();
    let producer = |value: &str| nodes.iter().find(|n| n.output.first().is_some_and(|o| o == value));
    let find = |name: &str| initializer(model, name).and_then(|t| read_f32(t, folder));
    let of = |value: &str| bias(producer(value)?, find);
    let mut seen = HashSet::new();
    metadata
        .layers
        .iter()
        .filter(|layer| seen.insert(layer.value.as_str()))
        .filter_map(|layer| Some((layer.name.clone(), Arc::new(of(&layer.value)?))))
        .collect()
}

/// What `node` adds to each channel of its output, whatever its input.
fn bias(node: &NodeProto, find: impl Fn(&str) -> Option<Tensor>) -> Option<Tensor> {
    let input = |n: usize| node.input.get(n).filter(|name| !name.is_empty()).and_then(|name| find(name));
    match node.op_type.as_str() {
        "Conv" | "Gemm" => input(2),
        "BatchNormalization" => {
            let epsilon = node.attribute.iter().find(|a| a.name == "epsilon").map_or(1e-5, |a| a.f);
            let (gamma, beta, mean, variance) = (input(1)?, input(2)?, input(3)?, input(4)?);
            let terms = beta.data().iter().zip(gamma.data()).zip(mean.data()).zip(variance.data());
            let values = terms.map(|(((b, g), m), v)| b - g * m / (v + epsilon).sqrt()).collect();
            Tensor::new(beta.shape(), values).ok()
        }
        _ => None,
    }
}

fn initializer<'m>(model: &'m ModelProto, name: &str) -> Option<&'m TensorProto> {
    model.graph.as_ref()?.initializer.iter().find(|t| t.name == name)
}

pub(super) fn read_f32(proto: &TensorProto, folder: Option<&Path>) -> Option<Tensor> {
    if proto.data_type != DataType::Float as i32 {
        return None;
    }
    let shape: Vec<usize> = proto.dims.iter().map(|&d| d as usize).collect();
    let floats = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let data = match folder {
        Some(folder) if is_external(proto) => floats(&external::read(proto, folder).ok()?),
        _ if proto.raw_data.is_empty() => proto.float_data.clone(),
        _ => floats(&proto.raw_data),
    };
    Tensor::new(shape, data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::metadata::Layer;
    use crate::onnx::pb::GraphProto;

    #[test]
    fn a_module_and_the_last_one_inside_it_add_one_bias() {
        let bias = TensorProto {
            name: "b".into(),
            dims: vec![2],
            data_type: DataType::Float as i32,
            float_data: vec![1.0, 2.0],
            ..TensorProto::default()
        };
        let convolution = NodeProto {
            op_type: "Conv".into(),
            input: ["x", "w", "b"].map(str::to_owned).to_vec(),
            output: vec!["y".into()],
            ..NodeProto::default()
        };
        let graph = GraphProto { node: vec![convolution], initializer: vec![bias], ..GraphProto::default() };
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        let layer = |name: &str| Layer {
            name: name.into(),
            value: "y".into(),
            shape: vec![2, 4, 4],
            ..Layer::default()
        };
        let layers = vec![layer("downsample.0"), layer("downsample")];
        let found = biases(&Metadata { layers, ..Metadata::default() }, &model, None);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["downsample.0"]);
        assert_eq!(found["downsample.0"].data(), [1.0, 2.0]);
    }
}
