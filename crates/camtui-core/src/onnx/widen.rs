//! Models in half precision, widened to single when they are read.
//!
//! Gradients of a logit are often below what half precision tells from zero, and a CPU computes in single precision
//! anyway. So weights, declared types and casts of 16 bits become those of 32; the values are the file's, exactly.

use half::{bf16, f16};

use super::pb::{GraphProto, TensorProto, TypeProto, tensor_proto::DataType, type_proto};

const SINGLE: i32 = DataType::Float as i32;

fn half_precision(data_type: i32) -> bool {
    data_type == DataType::Float16 as i32 || data_type == DataType::Bfloat16 as i32
}

/// Widens all of `graph`; gives whether there was anything in half precision.
pub(super) fn widen(graph: &mut GraphProto) -> bool {
    let mut found = false;
    let infos = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
    for info in infos {
        found |= info.r#type.as_mut().is_some_and(declared);
    }
    for tensor in &mut graph.initializer {
        found |= values(tensor);
    }
    for node in &mut graph.node {
        for attribute in &mut node.attribute {
            found |= attribute.t.as_mut().is_some_and(values);
            // The element type that a Cast gives, or a generator of values.
            let names_type = matches!(attribute.name.as_str(), "to" | "dtype");
            if names_type && i32::try_from(attribute.i).is_ok_and(half_precision) {
                attribute.i = SINGLE.into();
                found = true;
            }
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                found |= widen(inner);
            }
        }
    }
    found
}

fn declared(r#type: &mut TypeProto) -> bool {
    match &mut r#type.value {
        Some(type_proto::Value::TensorType(tensor)) if half_precision(tensor.elem_type) => {
            tensor.elem_type = SINGLE;
            true
        }
        _ => false,
    }
}

fn values(tensor: &mut TensorProto) -> bool {
    if !half_precision(tensor.data_type) {
        return false;
    }
    let short = tensor.data_type == DataType::Float16 as i32;
    let wide = |bits: u16| if short { f16::from_bits(bits).to_f32() } else { bf16::from_bits(bits).to_f32() };
    let raw = tensor.raw_data.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b));
    let typed = tensor.int32_data.iter().map(|&bits| bits as u16);
    tensor.raw_data = raw.chain(typed).flat_map(|bits| wide(bits).to_le_bytes()).collect();
    tensor.int32_data = Vec::new();
    tensor.data_type = SINGLE;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::build::{GraphBuilder, batched, int};

    #[test]
    fn half_precision_becomes_single() {
        let mut graph = GraphBuilder::new("halves");
        graph.input("x", &batched(&[2]));
        graph.node("Cast", &["x"], "y", vec![int("to", DataType::Float16 as i64)]);
        graph.output("y", &batched(&[2]));
        let mut graph = graph.into_graph();
        assert!(widen(&mut graph), "the cast is one");
        assert!(!widen(&mut graph), "nothing is left");
        let tensor = |data_type: DataType, raw_data: Vec<u8>, int32_data: Vec<i32>| TensorProto {
            dims: vec![2],
            data_type: data_type as i32,
            raw_data,
            int32_data,
            ..TensorProto::default()
        };
        let bits = |v: f32| f16::from_f32(v).to_bits();
        let raw = [bits(1.5), bits(-6.0e-8)].iter().flat_map(|b| b.to_le_bytes()).collect();
        graph.initializer = vec![
            tensor(DataType::Float16, raw, vec![]),
            tensor(DataType::Float16, vec![], vec![bits(0.25).into(), bits(3.0).into()]),
            tensor(DataType::Bfloat16, bf16::from_f32(2.0).to_le_bytes().repeat(2), vec![]),
        ];
        assert!(widen(&mut graph));
        let read = |n: usize| -> Vec<f32> {
            let raw = &graph.initializer[n].raw_data;
            raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
        };
        assert_eq!(read(0), [1.5, f16::from_f32(-6.0e-8).to_f32()]);
        assert_eq!(read(1), [0.25, 3.0]);
        assert_eq!(read(2), [2.0, 2.0]);
    }
}
