//! Weights beside the graph instead of inside it, as ONNX's external data.
//!
//! A cached model is kept this way: the graph is small and quick to read, and each weight goes from the file into the
//! runtime once, instead of through two copies of the whole file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::pb::{ModelProto, StringStringEntryProto, TensorProto};

/// Tensors smaller than this stay inside the graph.
const SMALL: usize = 1024;
/// Offsets are multiples of this, so that a reader may use the file in place.
const ALIGNMENT: usize = 64;
/// `TensorProto.data_location`: the data is in another file.
const EXTERNAL: i32 = 1;

/// Takes the large weights out of `model`, leaving references to the file called `location`; gives that file's bytes.
pub fn externalise(model: &mut ModelProto, location: &str) -> Vec<u8> {
    let mut weights = Vec::new();
    for tensor in model.graph.iter_mut().flat_map(|g| &mut g.initializer) {
        if tensor.raw_data.len() < SMALL {
            continue;
        }
        weights.resize(weights.len().next_multiple_of(ALIGNMENT), 0);
        let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
        tensor.external_data = vec![
            entry("location", location.to_owned()),
            entry("offset", weights.len().to_string()),
            entry("length", tensor.raw_data.len().to_string()),
        ];
        tensor.data_location = Some(EXTERNAL);
        weights.append(&mut tensor.raw_data);
        tensor.raw_data = Vec::new();
    }
    weights
}

/// Whether the tensor's data is in another file.
pub fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(EXTERNAL)
}

/// Brings the weights back into `model` from the bytes that [`externalise`] gave.
pub fn restore(model: &mut ModelProto, weights: &[u8]) {
    for tensor in model.graph.iter_mut().flat_map(|g| &mut g.initializer).filter(|t| is_external(t)) {
        if let Some((_, offset, length)) = place(tensor)
            && let Some(data) = weights.get(offset as usize..(offset + length) as usize)
        {
            tensor.raw_data = data.to_vec();
            tensor.external_data.clear();
            tensor.data_location = None;
        }
    }
}

/// File, offset and length of a tensor's data.
pub fn place(tensor: &TensorProto) -> Option<(&str, u64, u64)> {
    let find = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    Some((find("location")?, find("offset")?.parse().ok()?, find("length")?.parse().ok()?))
}

/// Brings the weights back into `model` from the files in `folder`.
pub fn internalise(model: &mut ModelProto, folder: &Path) -> io::Result<()> {
    for tensor in model.graph.iter_mut().flat_map(|g| &mut g.initializer).filter(|t| is_external(t)) {
        tensor.raw_data = read(tensor, folder)?;
        tensor.external_data.clear();
        tensor.data_location = None;
    }
    Ok(())
}

/// The data of a tensor that [`externalise`] took out, from the file in `folder`.
pub fn read(tensor: &TensorProto, folder: &Path) -> io::Result<Vec<u8>> {
    let Some((location, offset, length)) = place(tensor) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a weight does not say where it is"));
    };
    let mut file = File::open(folder.join(location))?;
    // What a file says of its length is believed up to a point.
    let mut bytes = Vec::with_capacity(length.min(1 << 30) as usize);
    file.seek(SeekFrom::Start(offset))?;
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the weights end too early"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::pb::GraphProto;

    #[test]
    fn weights_go_out_and_come_back() {
        let tensor = |name: &str, bytes: usize| TensorProto {
            name: name.into(),
            raw_data: (0..bytes).map(|i| i as u8).collect(),
            ..TensorProto::default()
        };
        let graph = GraphProto {
            initializer: vec![tensor("a", 5000), tensor("small", 8), tensor("b", 4096)],
            ..GraphProto::default()
        };
        let whole = ModelProto { graph: Some(graph), ..ModelProto::default() };
        let mut model = whole.clone();
        let weights = externalise(&mut model, "w");
        assert_eq!(weights.len(), 5056 + 4096);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w"), &weights).unwrap();
        internalise(&mut model, folder.path()).unwrap();
        assert_eq!(model, whole);
        std::fs::write(folder.path().join("w"), &weights[..9000]).unwrap();
        let mut model = whole;
        externalise(&mut model, "w");
        assert!(internalise(&mut model, folder.path()).is_err());
    }
}
