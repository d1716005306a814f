//! Reading an ONNX file that anyone may have written.
//!
//! What comes out of here can be worked with without surprises: it is not larger than ONNX allows, its nodes come in
//! the order they are computed (so nothing that walks back along them goes round in circles), every value is made
//! once, and each tensor holds as many bytes as its shape says. Weights in other files are brought in ([`super::beside`]),
//! and module names that PyTorch's newer exporter keeps apart are given to the nodes ([`super::scopes`]).

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;

use super::beside::{self, BesideError};
use super::metadata::Metadata;
use super::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType};
use super::scopes;

/// Bytes of the largest model: a protobuf message can hold no more, and the runtime keeps several copies.
pub const LARGEST: u64 = (1 << 31) - 1;
/// The most nodes of a graph, inner graphs included. The largest published classifiers have a tenth of that.
pub const MOST_NODES: usize = 50_000;
/// The most nodes of a model that camtui exported: those, and what the gradients add.
const MOST_WITH_GRADIENTS: usize = 5 * MOST_NODES;
/// The most axes of a tensor.
const MOST_AXES: usize = 16;

/// The file cannot be taken for an ONNX model.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The operating system refuses.
    #[error("cannot read {}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        reason: std::io::Error,
    },
    /// More bytes than a model may have.
    #[error(
        "the model has {bytes} bytes with its weights, and models above 2 GB are not supported: \
         use a smaller variant, or keep its weights in half precision"
    )]
    TooLarge {
        /// How many.
        bytes: u64,
    },
    /// No protobuf message of that kind, or one nested too deeply.
    #[error("this is no ONNX model, or a damaged one: {0}")]
    NotOnnx(String),
    /// Too many nodes.
    #[error("the graph has {found} nodes, and {most} are the most that are worked through")]
    Nodes {
        /// How many.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// A node reads what is not there yet.
    #[error("the node `{node}` reads `{value}`, which nothing before it computes: the file is damaged")]
    Order {
        /// The node's name, or its first output's.
        node: String,
        /// What it reads.
        value: String,
    },
    /// Two nodes compute one value.
    #[error("the value `{0}` is computed twice: the file is damaged")]
    Twice(String),
    /// A tensor whose bytes are not those its shape says.
    #[error("the tensor `{name}` is damaged: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// The weights in other files.
    #[error(transparent)]
    Beside(#[from] BesideError),
}

/// A model that was read.
#[derive(Debug)]
pub struct Read {
    /// It, with all weights inside.
    pub model: ModelProto,
    /// The other files that weights came from, by the names the model gives them.
    pub beside: BTreeSet<String>,
}

/// Reads the file at `path`, and the weights that it keeps in other files of the same folder.
pub fn read(path: &Path) -> Result<Read, IntakeError> {
    let io = |reason| IntakeError::Io { path: path.to_owned(), reason };
    let bytes = fs::metadata(path).map_err(io)?.len();
    if bytes > LARGEST {
        return Err(IntakeError::TooLarge { bytes });
    }
    let read = fs::read(path).map_err(io)?;
    let mut model = parse(&read)?;
    drop(read);
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = beside::locations(&mut model);
    beside::bring_in(&mut model, folder, LARGEST - bytes)?;
    check(&model)?;
    Ok(Read { model, beside })
}

/// As [`read`], from bytes; weights must be inside.
pub fn decode(bytes: &[u8]) -> Result<ModelProto, IntakeError> {
    let model = parse(bytes)?;
    check(&model)?;
    Ok(model)
}

fn parse(bytes: &[u8]) -> Result<ModelProto, IntakeError> {
    // The decoder itself refuses messages nested more than a hundred deep.
    let not_onnx = |e: prost::DecodeError| IntakeError::NotOnnx(e.to_string());
    let mut model = ModelProto::decode(bytes).map_err(not_onnx)?;
    scopes::give_names(&mut model, bytes);
    scopes::tell_apart(&mut model);
    Ok(model)
}

fn check(model: &ModelProto) -> Result<(), IntakeError> {
    let Some(graph) = &model.graph else { return Ok(()) };
    let found = count(graph);
    if found > MOST_NODES {
        let exported = matches!(Metadata::read(model), Ok(Some(_)));
        let most = if exported { MOST_WITH_GRADIENTS } else { MOST_NODES };
        if found > most {
            return Err(IntakeError::Nodes { found, most });
        }
    }
    in_order(graph, None)?;
    tensors_are_whole(graph)
}

fn inner(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs))
}

fn count(graph: &GraphProto) -> usize {
    graph.node.iter().map(|node| 1 + inner(node).map(count).sum::<usize>()).sum()
}

/// Whether the tensors of a graph, and of those inside it, hold what they say.
fn tensors_are_whole(graph: &GraphProto) -> Result<(), IntakeError> {
    let constants = graph.node.iter().flat_map(|n| &n.attribute).filter_map(|a| a.t.as_ref());
    graph.initializer.iter().chain(constants).try_for_each(whole)?;
    graph.node.iter().flat_map(inner).try_for_each(tensors_are_whole)
}

/// The values that are there in a graph, and in those around it.
struct Scope<'a> {
    own: HashSet<&'a str>,
    around: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn has(&self, value: &str) -> bool {
        self.own.contains(value) || self.around.is_some_and(|around| around.has(value))
    }
}

/// Whether each node reads only what the inputs, the tensors, the nodes before it and the graph `around` it give.
fn in_order(graph: &GraphProto, around: Option<&Scope<'_>>) -> Result<(), IntakeError> {
    let mut own: HashSet<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    own.extend(graph.initializer.iter().map(|t| t.name.as_str()));
    let sparse = graph.sparse_initializer.iter().filter_map(|s| s.values.as_ref());
    own.extend(sparse.map(|t| t.name.as_str()));
    let mut there = Scope { own, around };
    for node in &graph.node {
        if let Some(value) = node.input.iter().find(|i| !i.is_empty() && !there.has(i)) {
            let name = [&node.name].into_iter().chain(node.output.first()).find(|n| !n.is_empty());
            let node = name.unwrap_or(&node.op_type).clone();
            return Err(IntakeError::Order { node, value: value.clone() });
        }
        inner(node).try_for_each(|graph| in_order(graph, Some(&there)))?;
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            if !there.own.insert(output) {
                return Err(IntakeError::Twice(output.clone()));
            }
        }
    }
    Ok(())
}

/// Whether a tensor holds what its shape says.
fn whole(tensor: &TensorProto) -> Result<(), IntakeError> {
    let damaged = |reason: String| Err(IntakeError::Tensor { name: tensor.name.clone(), reason });
    if tensor.dims.len() > MOST_AXES {
        return damaged(format!("it has {} axes", tensor.dims.len()));
    }
    let values = tensor.dims.iter().try_fold(1_u64, |all, &d| all.checked_mul(u64::try_from(d).ok()?));
    let Some(values) = values.filter(|&v| v <= LARGEST) else {
        return damaged(format!("its shape is {:?}", tensor.dims));
    };
    if beside::is_external(tensor) {
        return damaged("its values are in another file, where none can be read".into());
    }
    let Some(size) = bytes_of_one(tensor.data_type) else { return Ok(()) };
    let typed = tensor.float_data.len()
        + tensor.double_data.len()
        + tensor.int32_data.len()
        + tensor.int64_data.len()
        + tensor.uint64_data.len();
    let fits = if tensor.raw_data.is_empty() {
        typed as u64 == values
    } else {
        tensor.raw_data.len() as u64 == values * size
    };
    if fits {
        return Ok(());
    }
    damaged(format!(
        "its shape {:?} is not that of {} bytes and {typed} values",
        tensor.dims,
        tensor.raw_data.len()
    ))
}

/// Bytes of one value; `None` for types of which it is not said (text, complex numbers, packed halves of bytes).
pub(super) fn bytes_of_one(data_type: i32) -> Option<u64> {
    Some(match DataType::try_from(data_type).ok()? {
        DataType::Bool | DataType::Int8 | DataType::Uint8 => 1,
        DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::build::{GraphBuilder, batched};

    fn tiny() -> ModelProto {
        let mut graph = GraphBuilder::new("tiny");
        graph.input("x", &batched(&[3, 4, 4]));
        graph.f32s("w", &[2, 3, 1, 1], &[0.5; 6]);
        graph.node("Conv", &["x", "w"], "y", vec![]);
        graph.node("Relu", &["y"], "z", vec![]);
        graph.output("z", &batched(&[2, 4, 4]));
        graph.into_model()
    }

    fn says(change: impl Fn(&mut GraphProto)) -> String {
        let mut model = tiny();
        change(model.graph.as_mut().unwrap());
        decode(&model.encode_to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn a_sound_model_is_taken_as_it_is() {
        assert_eq!(decode(&tiny().encode_to_vec()).unwrap(), tiny());
    }

    #[test]
    fn what_is_out_of_order_is_refused() {
        let said = says(|g| g.node.swap(0, 1));
        assert!(said.starts_with("the node `z` reads `y`, which nothing before it computes"), "{said}");
        let said = says(|g| g.node[0].input[0] = "y".into());
        assert!(said.contains("reads `y`"), "a node that reads itself: {said}");
        let said = says(|g| g.node[1].output[0] = "y".into());
        assert!(said.starts_with("the value `y` is computed twice"), "{said}");
        let said = says(|g| {
            let relu = g.node[1].clone();
            g.node = vec![relu; MOST_NODES + 1];
        });
        assert!(said.contains("50001 nodes"), "{said}");
    }

    #[test]
    fn tensors_hold_what_their_shape_says() {
        assert!(says(|g| g.initializer[0].dims[0] = 3).contains("`w` is damaged: its shape [3, 3, 1, 1]"));
        assert!(says(|g| g.initializer[0].dims[0] = -2).contains("its shape is [-2, 3, 1, 1]"));
        assert!(says(|g| g.initializer[0].dims = vec![1 << 62, 4]).contains("its shape is"));
        assert!(says(|g| g.initializer[0].dims = vec![1; 17]).contains("17 axes"));
        assert!(says(|g| g.initializer[0].raw_data.truncate(23)).contains("23 bytes"));
        let said = says(|g| {
            let inner = GraphProto { initializer: vec![g.initializer[0].clone()], ..GraphProto::default() };
            let mut attribute = crate::onnx::pb::AttributeProto { g: Some(inner), ..Default::default() };
            attribute.g.as_mut().unwrap().initializer[0].raw_data.truncate(22);
            g.node[1].attribute.push(attribute);
        });
        assert!(said.contains("22 bytes"), "in a branch: {said}");
    }

    #[test]
    fn what_is_no_model_is_said() {
        let said = decode(b"hello").unwrap_err().to_string();
        assert!(said.starts_with("this is no ONNX model, or a damaged one"), "{said}");
        // A graph inside a node inside a graph, deeper than any exporter writes.
        let mut model = tiny();
        for _ in 0..60 {
            let attribute = crate::onnx::pb::AttributeProto { g: model.graph.take(), ..Default::default() };
            let node = NodeProto { op_type: "If".into(), attribute: vec![attribute], ..NodeProto::default() };
            model.graph = Some(GraphProto { node: vec![node], ..GraphProto::default() });
        }
        assert!(matches!(decode(&model.encode_to_vec()), Err(IntakeError::NotOnnx(_))));
    }

    #[test]
    fn a_file_above_two_gigabytes_is_refused_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.onnx");
        fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        let said = read(&path).unwrap_err().to_string();
        assert!(said.starts_with("the model has 2147483648 bytes"), "{said}");
    }
}
