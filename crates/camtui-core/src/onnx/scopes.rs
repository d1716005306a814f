//! The module names that PyTorch's newer exporter writes beside a node instead of into its name.
//!
//! The older exporter calls a node `/layer1/layer1.0/relu/Relu`. The newer one calls it `node_relu_1` and writes
//! `['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']` into the node's own metadata. Such nodes get a name of the
//! older kind, so that everything behind knows one form. The runtime's protobuf types have no field for a node's metadata,
//! so the file is read a second time here, for nothing but these.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::pb::{ModelProto, StringStringEntryProto};
use crate::grad::interface::rename_node;

const KEY: &str = "pkg.torch.onnx.name_scopes";

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(message, repeated, tag = "9")]
    metadata: Vec<StringStringEntryProto>,
}

/// Names the nodes of `model`, which was decoded from `bytes`, by the modules they belong to where the file says them.
pub(super) fn give_names(model: &mut ModelProto, bytes: &[u8]) {
    let Some(graph) = &mut model.graph else { return };
    let Ok(Model { graph: Some(scopes) }) = Model::decode(bytes) else { return };
    for (node, scope) in graph.node.iter_mut().zip(scopes.nodes) {
        let list = scope.metadata.iter().find(|entry| entry.key == KEY).map(|entry| entry.value.as_str());
        // The outermost scope is the model, which has no name; the innermost is the operation.
        if let Some([_, modules @ .., operation]) = list.map(names).as_deref()
            && !modules.is_empty()
        {
            rename_node(node, format!("/{}/{operation}", modules.join("/")));
        }
    }
}

/// Gives each node of `model` a name of its own: ONNX wants that, and runtimes refuse a file without. One operation may have
/// become several nodes, and a module that is called twice may have two of one name.
pub(super) fn tell_apart(model: &mut ModelProto) {
    let Some(graph) = &mut model.graph else { return };
    let mut taken: HashSet<String> = graph.node.iter().map(|n| n.name.clone()).collect();
    let mut times: HashMap<String, usize> = HashMap::new();
    for node in graph.node.iter_mut().filter(|n| !n.name.is_empty()) {
        let times = times.entry(node.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let plain = node.name.clone();
            while !taken.insert(node.name.clone()) {
                node.name = format!("{plain}_{times}");
                *times += 1;
            }
        }
    }
}

/// The strings in a list as Python prints it.
fn names(list: &str) -> Vec<&str> {
    let inner = list.trim().trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(|name| name.trim().trim_matches(['\'', '"'])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::pb::{GraphProto, NodeProto};

    #[test]
    fn nodes_are_named_by_their_modules() {
        let entry = |value: &str| StringStringEntryProto { key: KEY.into(), value: value.into() };
        let node = |value: &str| Node { metadata: vec![entry(value)] };
        let nodes = vec![
            node("['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']"),
            node("['', 'add_20']"),
            node("['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']"),
            Node { metadata: vec![] },
            node("nothing"),
        ];
        let bytes = Model { graph: Some(Graph { nodes }) }.encode_to_vec();
        let plain = |name: &str| NodeProto { name: name.into(), ..NodeProto::default() };
        let node = ["node_relu_1", "node_add_20", "node_relu_2", "other", "odd"].map(plain).to_vec();
        let graph = GraphProto { node, ..GraphProto::default() };
        let mut model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        give_names(&mut model, &bytes);
        tell_apart(&mut model);
        let found: Vec<String> = model.graph.unwrap().node.into_iter().map(|n| n.name).collect();
        let relu = "/layer1/layer1.0/layer1.0.relu/relu_1";
        assert_eq!(found, [relu, "node_add_20", &format!("{relu}_2"), "other", "odd"]);
    }

    /// An activation that is called three times, whose second call bears the name that the first one's second node gets.
    #[test]
    fn no_two_nodes_have_one_name() {
        let node = ["/act/silu", "/act/silu", "/act/silu_2", "/act/silu_2", "", ""]
            .map(|name| NodeProto { name: name.into(), ..NodeProto::default() });
        let graph = GraphProto { node: node.to_vec(), ..GraphProto::default() };
        let mut model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        tell_apart(&mut model);
        let found: Vec<String> = model.graph.unwrap().node.into_iter().map(|n| n.name).collect();
        assert_eq!(found, ["/act/silu", "/act/silu_3", "/act/silu_2", "/act/silu_2_2", "", ""]);
    }
}
