//! Reading and making the attributes of ONNX nodes, so that a rule says `int(node, "group")` and no more.

use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType};

fn find<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
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

/// Makes an integer attribute.
pub(super) fn set_int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

/// Makes a list of integers.
pub(super) fn set_ints(name: &str, values: impl Into<Vec<i64>>) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.into(),
        ..Default::default()
    }
}

/// Makes a float attribute.
pub(super) fn set_float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f: value, ..Default::default() }
}
