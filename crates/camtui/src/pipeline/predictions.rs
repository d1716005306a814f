//! What the model says of the picture: classes, best first.

use camtui_core::onnx::metadata::Metadata;

/// One class and what the model gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Class index.
    pub index: usize,
    /// Its label, or `class N` where labels are unknown.
    pub label: String,
    /// Softmax of the logits, 0 to 1.
    pub probability: f32,
    /// The score before softmax.
    pub logit: f32,
}

/// A class's label, or `class N`.
pub fn label(metadata: &Metadata, index: usize) -> String {
    metadata.labels.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
}

/// Softmax of the logits.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&z| f64::from(z - top).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

/// All classes, best first; equal scores in the order of the classes.
pub fn rank(logits: &[f32], metadata: &Metadata) -> Vec<Prediction> {
    let mut ranked: Vec<Prediction> = logits
        .iter()
        .zip(probabilities(logits))
        .enumerate()
        .map(|(index, (&logit, probability))| Prediction {
            index,
            label: label(metadata, index),
            probability: probability as f32,
            logit,
        })
        .collect();
    ranked.sort_by(|a, b| b.logit.total_cmp(&a.logit).then(a.index.cmp(&b.index)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_a_softmax_and_survive_large_logits() {
        let metadata = Metadata { classes: 3, labels: vec!["a".into(), "b".into()], ..Metadata::default() };
        let ranked = rank(&[1000.0, 1001.0, 999.0], &metadata);
        let order: Vec<_> = ranked.iter().map(|p| (p.index, p.label.as_str())).collect();
        assert_eq!(order, [(1, "b"), (0, "a"), (2, "class 2")]);
        let e = std::f32::consts::E;
        let expected = e / (e + 1.0 + 1.0 / e);
        assert!((ranked[0].probability - expected).abs() < 1e-6);
    }
}
