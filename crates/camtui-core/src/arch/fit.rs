//! Does a checkpoint fit an architecture? Which one it is for, how many classes it has, and what is wrong with it.

use std::fmt;

use super::Architecture;
use crate::checkpoint::StateDict;

/// How many tensors of a kind an error names before it only counts them.
const NAMED: usize = 8;

/// A checkpoint that no network can be built from.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArchError {
    /// The tensors' names belong to no architecture that camtui builds.
    #[error(
        "the weights are not of an architecture that camtui builds ({}): {hint}; export the network to ONNX with \
         torch.onnx.export and give the .onnx file instead",
        Architecture::ALL.map(Architecture::name).join(", ")
    )]
    Unknown {
        /// What the names look like.
        hint: String,
    },
    /// The architecture is clear, but tensors are missing, left over or of another shape.
    #[error("the weights do not fit {}: {problems}", architecture.name())]
    Misfit {
        /// The architecture that the names belong to.
        architecture: Architecture,
        /// Every tensor that is wrong.
        problems: Problems,
    },
}

/// The tensors that keep a checkpoint from fitting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Names that should be there.
    pub missing: Vec<String>,
    /// Names that should not.
    pub unexpected: Vec<String>,
    /// Name, shape found, shape needed.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshapen: Vec<_> = self
            .misshapen
            .iter()
            .map(|(name, found, needed)| format!("{name} is {found:?} and not {needed:?}"))
            .collect();
        let parts: Vec<_> = [
            ("missing", &self.missing),
            ("not expected", &self.unexpected),
            ("of the wrong shape", &misshapen),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{} {what} ({})", names.len(), list(names)))
        .collect();
        f.write_str(&parts.join("; "))
    }
}

fn list(names: &[String]) -> String {
    let text = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{text} and {} more", names.len() - NAMED) } else { text }
}

/// The architecture most of whose tensors are there by name.
pub fn recognise(state: &StateDict) -> Result<Architecture, ArchError> {
    if let Some(hint) = relative(state) {
        return Err(ArchError::Unknown { hint: hint.into() });
    }
    Architecture::ALL
        .into_iter()
        .find(|a| {
            let parameters = a.parameters(1);
            parameters.iter().filter(|(name, _)| state.get(name).is_some()).count() * 2 >= parameters.len()
        })
        .ok_or_else(|| {
            let names: Vec<_> = state.iter().map(|(name, _)| name.to_owned()).collect();
            let hint = if names.is_empty() {
                "there is no tensor at all".into()
            } else {
                format!("its tensors are {}", list(&names))
            };
            ArchError::Unknown { hint }
        })
}

/// Networks that share most names with a known one and would otherwise be called a damaged one.
fn relative(state: &StateDict) -> Option<&'static str> {
    let has = |name: &str| state.get(name).is_some();
    if has("layer1.0.conv3.weight") {
        Some("these look like a ResNet with bottleneck blocks (50, 101, 152 or wider)")
    } else if has("layer1.2.conv1.weight") {
        Some("these look like ResNet-34")
    } else if has("_blocks.0._se_reduce.weight") {
        Some("these look like an EfficientNet with squeeze-and-excitation (B0 to B8)")
    } else if has("_blocks.16._project_conv.weight") {
        Some("these look like a deeper EfficientNet-Lite (1 to 4)")
    } else {
        None
    }
}

/// The number of classes that the classifier's weight has rows for; ImageNet's where that tensor is no help (and
/// [`check`] will say so).
pub fn classes(architecture: Architecture, state: &StateDict) -> usize {
    match state.get(architecture.classifier()).map(crate::Tensor::shape) {
        Some(&[classes, _]) if classes > 0 => classes,
        _ => 1000,
    }
}

/// Compares names and shapes with what the network asks for.
pub fn check(
    architecture: Architecture,
    parameters: &[(String, Vec<usize>)],
    state: &StateDict,
) -> Result<(), ArchError> {
    let mut problems = Problems::default();
    for (name, needed) in parameters {
        match state.get(name) {
            None => problems.missing.push(name.clone()),
            Some(t) if t.shape() != needed => {
                problems.misshapen.push((name.clone(), t.shape().to_vec(), needed.clone()));
            }
            Some(_) => {}
        }
    }
    problems.unexpected = state
        .iter()
        .map(|(name, _)| name)
        .filter(|name| !name.ends_with(".num_batches_tracked") && parameters.iter().all(|(p, _)| p != name))
        .map(str::to_owned)
        .collect();
    if problems == Problems::default() { Ok(()) } else { Err(ArchError::Misfit { architecture, problems }) }
}
