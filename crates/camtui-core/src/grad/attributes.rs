//! Reading the attributes of ONNX nodes, so that a rule says `int(node, "group")` and no more.

use crate::onnx::pb::{AttributeProto, NodeProto};

/// An attribute of any kind.
pub(super) fn find<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|a| a.name == name)
}

/// An integer attribute.
pub(super) fn int(node: &NodeProto, name: &str) -> Option<i64> {
    find(node, name).map(|a| a.i)
}

/// A list of integers.
pub(super) fn ints<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [i64]> {
    find(node, name).map(|a| a.ints.as_slice())
}

/// A float attribute.
pub(super) fn float(node: &NodeProto, name: &str) -> Option<f32> {
    find(node, name).map(|a| a.f)
}

/// A string attribute; text that is no UTF-8 reads as absent.
pub(super) fn string<'a>(node: &'a NodeProto, name: &str) -> Option<&'a str> {
    find(node, name).and_then(|a| std::str::from_utf8(&a.s).ok())
}
