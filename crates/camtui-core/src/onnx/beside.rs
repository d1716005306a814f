//! Weights that a file from elsewhere keeps in other files.
//!
//! Where they lie is the file's own word, so it is not believed: only regular files inside the model's folder are
//! read, whatever links lead there, and no more bytes than a model may have.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::intake::bytes_of_one;
use super::pb::{GraphProto, ModelProto, TensorProto};

pub use super::external::is_external;

/// Weights in other files cannot be brought in.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// The file that should hold them cannot be read.
    #[error("the weight `{tensor}` is in `{location}` beside the model, which cannot be read: {reason}")]
    Io {
        /// The weight.
        tensor: String,
        /// The file, as the model says it.
        location: String,
        /// The operating system's reason.
        reason: std::io::Error,
    },
    /// The place is outside the model's folder, or no regular file.
    #[error(
        "the weight `{tensor}` should be in `{location}`, and weights are read only from files inside the model's folder"
    )]
    Outside {
        /// The weight.
        tensor: String,
        /// The file, as the model says it.
        location: String,
    },
    /// The model does not say where, or says what cannot be.
    #[error("the weight `{tensor}` is in another file, but the model does not say properly where: {what}")]
    Where {
        /// The weight.
        tensor: String,
        /// What is wrong.
        what: &'static str,
    },
    /// All weights together are more than a model may have.
    #[error(
        "the model's weights are more than 2 GB, and such models are not supported: use a smaller variant"
    )]
    TooLarge,
}

/// Every tensor of the graph, and of those inside it, that is elsewhere.
fn tensors(graph: &mut GraphProto) -> Vec<&mut TensorProto> {
    let mut found: Vec<&mut TensorProto> = graph.initializer.iter_mut().collect();
    for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute) {
        found.extend(&mut attribute.t);
        found.extend(attribute.g.iter_mut().chain(&mut attribute.graphs).flat_map(tensors));
    }
    found.retain(|t| is_external(t));
    found
}

/// The other files that `model` names, as it names them.
pub fn locations(model: &mut ModelProto) -> BTreeSet<String> {
    let named = model.graph.iter_mut().flat_map(tensors);
    named.filter_map(|t| entry(t, "location").map(str::to_owned)).collect()
}

/// Brings the weights that lie in other files of `folder` into `model`, at most `budget` bytes of them.
pub fn bring_in(model: &mut ModelProto, folder: &Path, mut budget: u64) -> Result<(), BesideError> {
    for tensor in model.graph.iter_mut().flat_map(tensors) {
        let (offset, length) = extent(tensor)?;
        let location = entry(tensor, "location").unwrap_or_default().to_owned();
        budget = budget.checked_sub(length).ok_or(BesideError::TooLarge)?;
        let name = || tensor.name.clone();
        let path = inside(folder, &location, &tensor.name)?;
        let read = || {
            let mut file = File::open(path)?;
            let there = file.metadata()?.len();
            if offset.checked_add(length).is_none_or(|end| end > there) {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::UnexpectedEof,
                    format!("it has {there} bytes, and {length} from byte {offset} on are asked for"),
                ));
            }
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(length as usize);
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        tensor.raw_data = read().map_err(|reason| BesideError::Io {
            tensor: name(),
            location: location.clone(),
            reason,
        })?;
        tensor.external_data.clear();
        tensor.data_location = None;
    }
    Ok(())
}

fn entry<'t>(tensor: &'t TensorProto, key: &str) -> Option<&'t str> {
    tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str())
}

/// Offset and length in the other file.
fn extent(tensor: &TensorProto) -> Result<(u64, u64), BesideError> {
    let wrong = |what| BesideError::Where { tensor: tensor.name.clone(), what };
    if entry(tensor, "location").is_none_or(str::is_empty) {
        return Err(wrong("no file is named"));
    }
    let number = |key, what| match entry(tensor, key) {
        Some(text) => text.parse().map(Some).map_err(|_| wrong(what)),
        None => Ok(None),
    };
    let offset = number("offset", "its offset is no number")?.unwrap_or(0);
    let length = match number("length", "its length is no number")? {
        Some(length) => length,
        None => tensor
            .dims
            .iter()
            .try_fold(bytes_of_one(tensor.data_type).unwrap_or(0), |all, &d| {
                all.checked_mul(u64::try_from(d).ok()?)
            })
            .ok_or_else(|| wrong("its shape is too large"))?,
    };
    Ok((offset, length))
}

/// The file that `location` means, if it is a regular one inside `folder`.
fn inside(folder: &Path, location: &str, tensor: &str) -> Result<PathBuf, BesideError> {
    let outside = || BesideError::Outside { tensor: tensor.to_owned(), location: location.to_owned() };
    let relative = Path::new(location);
    if !relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let io = |reason| BesideError::Io { tensor: tensor.to_owned(), location: location.to_owned(), reason };
    let path = fs::canonicalize(folder.join(relative)).map_err(io)?;
    let folder = fs::canonicalize(folder).map_err(io)?;
    let regular = fs::metadata(&path).map_err(io)?.is_file();
    if regular && path.starts_with(&folder) { Ok(path) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::external::externalise;
    use crate::onnx::pb::StringStringEntryProto;

    /// A model whose one weight of 2048 values lies in `location`.
    fn apart(location: &str) -> (ModelProto, Vec<u8>) {
        let values: Vec<f32> = (0..2048_u16).map(f32::from).collect();
        let graph = GraphProto {
            initializer: vec![crate::onnx::build::f32_tensor("w", &[2048], &values)],
            ..GraphProto::default()
        };
        let mut model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        let weights = externalise(&mut model, location);
        (model, weights)
    }

    fn says(folder: &Path, location: &str) -> String {
        bring_in(&mut apart(location).0, folder, 1 << 20).unwrap_err().to_string()
    }

    #[test]
    fn weights_beside_the_model_come_in() {
        let folder = tempfile::tempdir().unwrap();
        let (mut model, weights) = apart("deep/w.bin");
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/w.bin"), &weights).unwrap();
        assert_eq!(locations(&mut model), BTreeSet::from(["deep/w.bin".to_owned()]));
        // Offset and length may be left out.
        let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
        tensor.external_data.retain(|e| e.key == "location");
        bring_in(&mut model, folder.path(), 1 << 20).unwrap();
        let tensor = &model.graph.unwrap().initializer[0];
        assert_eq!(tensor.raw_data, weights);
        assert!(!is_external(tensor));
    }

    #[test]
    fn weights_elsewhere_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        fs::create_dir(&model).unwrap();
        fs::write(folder.path().join("secret"), [7; 8192]).unwrap();
        for location in ["../secret", "/etc/passwd", "a/../../secret"] {
            let said = says(&model, location);
            assert!(said.contains("only from files inside the model's folder"), "{location}: {said}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("secret"), model.join("link")).unwrap();
            assert!(says(&model, "link").contains("only from files inside"));
            fs::create_dir(model.join("folder")).unwrap();
            assert!(says(&model, "folder").contains("only from files inside"));
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(says(folder.path(), "w.bin").contains("which cannot be read"));
        fs::write(folder.path().join("w.bin"), [0; 100]).unwrap();
        assert!(says(folder.path(), "w.bin").contains("it has 100 bytes, and 8192 from byte 0 on"));
        assert!(says(folder.path(), "").contains("no file is named"));
        let (mut model, weights) = apart("w.bin");
        fs::write(folder.path().join("w.bin"), &weights).unwrap();
        let said = bring_in(&mut model, folder.path(), 8191).unwrap_err();
        assert!(matches!(said, BesideError::TooLarge));
        let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
        tensor.external_data.retain(|e| e.key == "location");
        tensor.external_data.push(StringStringEntryProto { key: "offset".into(), value: "-3".into() });
        let said = bring_in(&mut model, folder.path(), 1 << 20).unwrap_err().to_string();
        assert!(said.contains("its offset is no number"), "{said}");
    }
}
