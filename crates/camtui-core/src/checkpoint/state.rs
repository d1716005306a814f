//! A model's weights by name: what every reader of weight files yields and what [`crate::arch`] builds a network from.

use std::collections::HashMap;

use crate::Tensor;

/// Named f32 tensors in the order of the file they came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    tensors: Vec<(String, Tensor)>,
    index: HashMap<String, usize>,
    source_sha256: String,
}

impl StateDict {
    /// Takes tensors in file order. A name that comes twice keeps its first place and its last value, as in a Python
    /// dict. `source_sha256` is the hash (hex) of the file they were read from.
    pub fn new(
        tensors: impl IntoIterator<Item = (String, Tensor)>,
        source_sha256: impl Into<String>,
    ) -> Self {
        let mut state = Self { source_sha256: source_sha256.into(), ..Self::default() };
        for (name, tensor) in tensors {
            if let Some(&at) = state.index.get(&name) {
                state.tensors[at].1 = tensor;
            } else {
                state.index.insert(name.clone(), state.tensors.len());
                state.tensors.push((name, tensor));
            }
        }
        state
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.index.get(name).map(|&at| &self.tensors[at].1)
    }

    /// All tensors in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor at all.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// SHA-256 (hex) of the file the weights were read from; empty for weights that were made, not read.
    pub fn source_sha256(&self) -> &str {
        &self.source_sha256
    }
}
