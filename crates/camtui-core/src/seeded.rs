//! Weights that anyone can make again: the same names, shapes and seed give the same bits here and in
//! `tests/goldens/seeded.py`, so tests of whole networks need no weight file.
//!
//! Each tensor has a stream of its own: splitmix64 started at the FNV-1a hash of its name, exclusive-or the seed. A
//! draw's upper 24 bits are an f32 in 0…1, exactly. Ranges are chosen so that activations keep their size through the
//! network: convolutions as He et al. initialise them, batch norms near the identity.

use crate::{Tensor, arch::Architecture, checkpoint::StateDict};

/// A generator of uniform numbers for one tensor.
struct Stream(u64);

impl Stream {
    fn new(name: &str, seed: u64) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(hash ^ seed)
    }

    /// Uniform in 0…1, a multiple of 2⁻²⁴.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / 16_777_216.0
    }
}

/// Uniform numbers in `low…high`, row-major, from the stream of `name`: inputs and seeds as well as weights.
pub fn uniform(name: &str, shape: &[usize], seed: u64, low: f32, high: f32) -> Tensor {
    let mut stream = Stream::new(name, seed);
    let count = shape.iter().product();
    let data = (0..count).map(|_| low + (high - low) * stream.next()).collect();
    Tensor::new(shape, data).expect("as many values as the shape holds")
}

/// The tensor that a checkpoint calls `name`, in the range that fits its part in the network.
pub fn weight(name: &str, shape: &[usize], seed: u64) -> Tensor {
    let (low, high) = match (shape.len(), name.rsplit('.').next().unwrap_or(name)) {
        (4, _) => {
            let fan_in: usize = shape[1..].iter().product();
            let bound = (6.0 / fan_in as f64).sqrt() as f32;
            (-bound, bound)
        }
        (2, _) => {
            let bound = (3.0 / shape[1] as f64).sqrt() as f32;
            (-bound, bound)
        }
        // EfficientNet's names begin with `_`. Its activations may be larger, so that ReLU6 meets its upper bound, but
        // not much: then the network would magnify rounding.
        (_, "running_var") if name.starts_with('_') => (0.75, 2.0),
        (_, "running_var") => (1.0, 3.0),
        (_, "weight") => (0.5, 1.5),
        _ => (-0.25, 0.25),
    };
    uniform(name, shape, seed, low, high)
}

/// All weights of `architecture` for `classes` classes.
pub fn state(architecture: Architecture, classes: usize, seed: u64) -> StateDict {
    let tensors = architecture.parameters(classes).into_iter().map(|(name, shape)| {
        let tensor = weight(&name, &shape, seed);
        (name, tensor)
    });
    StateDict::new(tensors, "")
}
