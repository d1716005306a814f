//! The number that a map explains: the logits contracted with the seed. For a class it is its logit, for a contrast the
//! difference of two.
#![forbid(unsafe_code)]

use camtui_plugin::{Error, Session, View};

/// The seed `[classes]` of a session, applied to any logits.
pub struct Score(Vec<f64>);

impl Score {
    /// Of the session's own seed.
    pub fn of(session: &Session<'_>) -> Result<Self, Error> {
        Ok(Self(session.seed()?.data().iter().map(|&s| f64::from(s)).collect()))
    }

    /// `seed · y` for logits y `[classes]`.
    pub fn at(&self, logits: &[f32]) -> f64 {
        self.0.iter().zip(logits).map(|(s, &y)| s * f64::from(y)).sum()
    }

    /// `seed · y` for each row of logits `[n, classes]`.
    pub fn of_each<'a>(&'a self, logits: &View<'a>) -> impl Iterator<Item = f64> + 'a {
        logits.data().chunks_exact(self.0.len().max(1)).map(|row| self.at(row))
    }

    /// The seed, one value a class.
    pub fn seed(&self) -> &[f64] {
        &self.0
    }
}

/// `softmax(values)`.
pub fn softmax(values: &[f64]) -> Vec<f64> {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = values.iter().map(|v| (v - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// `softmax(y)` for logits y `[classes]`.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    softmax(&logits.iter().map(|&y| f64::from(y)).collect::<Vec<f64>>())
}
