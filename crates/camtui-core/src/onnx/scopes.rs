//! The module names that PyTorch's newer exporter writes beside a node instead of into its name.
//!
//! The older exporter calls a node `/layer1/layer1.0/relu/Relu`. The newer one calls it `node_relu_1` and writes
//! `['', 'layer1', 'layer1.0', 'layer1.0.relu', 'relu_1']` into the node's own metadata. Such nodes get a name of the
//! older kind, so that everything behind knows one form. The runtime's protobuf types have no field for a node's metadata,
//! so the file is read a second time here, for nothing but these.

use std::collections::HashMap;

use prost::Message;

use super::pb::{ModelProto, StringStringEntryProto};

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
    let mut given: HashMap<String, usize> = HashMap::new();
    for (node, scope) in graph.node.iter_mut().zip(scopes.nodes) {
        let list = scope.metadata.iter().find(|entry| entry.key == KEY).map(|entry| entry.value.as_str());
        // The outermost scope is the model, which has no name; the innermost is the operation.
        if let Some([_, modules @ .., operation]) = list.map(names).as_deref()
            && !modules.is_empty()
        {
            // One operation may have become several nodes, and ONNX wants a name for each.
            let name = format!("/{}/{operation}", modules.join("/"));
            let times = given.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
            node.name = if *times == 1 { name } else { format!("{name}_{times}") };
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
        let found: Vec<String> = model.graph.unwrap().node.into_iter().map(|n| n.name).collect();
        let relu = "/layer1/layer1.0/layer1.0.relu/relu_1";
        assert_eq!(found, [relu, "node_add_20", &format!("{relu}_2"), "other", "odd"]);
    }
}
