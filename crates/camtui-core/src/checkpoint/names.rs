//! What a pickle may name, and what the instructions are called that it may not hold.
//!
//! This list is the whole of Python that a checkpoint can reach, and none of it is Python: each entry stands for
//! something that `pickle` does by itself.

use super::{Problem, element::Element};

/// The names of Python that a state dict is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    Storage(&'static str, Option<Element>),
}

impl Name {
    /// The entry for `module.name`, or the refusal that says it.
    pub fn find(module: &str, name: &str) -> Result<Self, Problem> {
        let storage = |name: &'static str, element| Ok(Self::Storage(name, element));
        match (module, name) {
            ("collections", "OrderedDict") => Ok(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor") => Ok(Self::RebuildTensor),
            ("torch._utils", "_rebuild_tensor_v2") => Ok(Self::RebuildTensorV2),
            ("torch._utils", "_rebuild_parameter") => Ok(Self::RebuildParameter),
            ("torch" | "torch.cuda", name) => match name {
                "DoubleStorage" => storage("float64", Some(Element::F64)),
                "FloatStorage" => storage("float32", Some(Element::F32)),
                "HalfStorage" => storage("float16", Some(Element::F16)),
                "BFloat16Storage" => storage("bfloat16", Some(Element::BF16)),
                "LongStorage" => storage("int64", Some(Element::I64)),
                "IntStorage" => storage("int32", Some(Element::I32)),
                "ShortStorage" => storage("int16", Some(Element::I16)),
                "CharStorage" => storage("int8", Some(Element::I8)),
                "ByteStorage" => storage("uint8", Some(Element::U8)),
                "BoolStorage" => storage("bool", Some(Element::Bool)),
                "ComplexFloatStorage" => storage("complex64", None),
                "ComplexDoubleStorage" => storage("complex128", None),
                "QInt8Storage" | "QUInt8Storage" | "QInt32Storage" | "QUInt4x2Storage"
                | "QUInt2x4Storage" => storage("quantised numbers", None),
                "UntypedStorage" => storage("bytes of no known type", None),
                _ => Err(forbidden(module, name)),
            },
            _ => Err(forbidden(module, name)),
        }
    }
}

fn forbidden(module: &str, name: &str) -> Problem {
    Problem::Forbidden(format!("{module}.{name}").escape_debug().take(120).collect())
}

/// Names for the instructions that a hostile or foreign file is likely to hold.
pub fn instruction_name(instruction: u8) -> String {
    let name = match instruction {
        b'o' => "OBJ",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'I' => "INT",
        b'L' => "LONG",
        b'F' => "FLOAT",
        b'd' => "DICT",
        b'l' => "LIST",
        b'p' => "PUT",
        b'g' => "GET",
        b'0' => "POP",
        b'2' => "DUP",
        b'P' => "PERSID",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        0x81 => "NEWOBJ",
        0x82..=0x84 => "EXT",
        0x8d => "BINUNICODE8",
        0x8f => "EMPTY_SET",
        0x92 => "NEWOBJ_EX",
        0x96 => "BYTEARRAY8",
        _ => return format!("0x{instruction:02x}"),
    };
    name.into()
}
