//! The weights of a network's convolutions, each held once, however many plans use it.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use camtui_conv::{Shelf, Weights};

/// How many numbers tell weights apart at a glance.
const SAMPLES: usize = 8;

/// What is held. Weights that are equal number by number are one.
#[derive(Default)]
pub(in crate::model) struct Parameters {
    held: Mutex<HashMap<u64, Vec<Weights>>>,
    shelf: Option<Arc<Shelf>>,
}

impl Parameters {
    /// None yet; in the forms that programs want they are kept on this shelf.
    pub fn on(shelf: Option<Arc<Shelf>>) -> Self {
        Self { shelf, ..Self::default() }
    }

    /// The weights that are held already, if these are equal to some, else these.
    pub fn share(&self, weights: Weights) -> Weights {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = held.entry(glance(&weights)).or_default();
        if let Some(known) = alike.iter().find(|known| equal(known, &weights)) {
            return known.clone();
        }
        if let Some(shelf) = &self.shelf {
            weights.keep_on(shelf);
        }
        alike.push(weights.clone());
        weights
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameters")
    }
}

/// By the numbers' name, so that nothing is read of those that have one.
fn glance(weights: &Weights) -> u64 {
    let mut hasher = DefaultHasher::new();
    weights.dims().hash(&mut hasher);
    match weights.name() {
        Some(name) => name.hash(&mut hasher),
        None => weights.sample(SAMPLES).iter().for_each(|number| number.to_bits().hash(&mut hasher)),
    }
    hasher.finish()
}

fn equal(a: &Weights, b: &Weights) -> bool {
    let same =
        |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    a.dims() == b.dims()
        && same(a.bias().unwrap_or_default(), b.bias().unwrap_or_default())
        && match (a.name(), b.name()) {
            (Some(a), Some(b)) => a == b,
            _ => same(a.numbers().as_slice(), b.numbers().as_slice()),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(last: f32, bias: Option<f32>) -> Weights {
        let mut numbers = vec![1.0; 1000];
        numbers[999] = last;
        Weights::new([1, 1000, 1, 1], numbers, bias.map(|b| vec![b])).unwrap()
    }

    #[test]
    fn equal_weights_are_held_once_and_others_apart() {
        let parameters = Parameters::default();
        let first = parameters.share(weights(1.0, None));
        let again = parameters.share(weights(1.0, None));
        assert_eq!(first.numbers().as_slice().as_ptr(), again.numbers().as_slice().as_ptr());
        // The last number is not among those looked at first.
        assert!((parameters.share(weights(2.0, None)).numbers().as_slice()[999] - 1.0).abs() > 0.5);
        assert_eq!(parameters.share(weights(1.0, Some(0.5))).bias(), Some(&[0.5][..]));
    }
}
