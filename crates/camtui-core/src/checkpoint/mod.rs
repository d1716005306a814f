//! Readers of weight files: PyTorch checkpoints and safetensors, as a [`StateDict`] of f32 tensors.

mod state;

pub use state::StateDict;
