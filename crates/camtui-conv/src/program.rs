//! A program that is ready to run, and how a run is asked for.

use std::sync::Arc;

use crate::graph::Graph;
use crate::reference;
use crate::{ConvError, Shape};

/// How a program is to be built.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// No Winograd convolutions: every product of a convolution is computed and summed as written.
    pub exact: bool,
    /// The instructions to use.
    pub isa: Isa,
}

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isa {
    /// The widest that this machine has.
    #[default]
    Auto,
    /// AVX-512F: sixteen numbers.
    Avx512,
    /// AVX2 with FMA: eight numbers.
    Avx2,
    /// Whatever the compiler makes of loops over eight numbers.
    Portable,
}

/// Who does a run's work. The result is the same to the bit.
#[derive(Clone, Copy)]
pub enum Team<'a> {
    /// The calling thread.
    Alone,
    /// The calling thread and those of a pool; if the caller is one of the pool's threads, no others.
    Pool(&'a rayon::ThreadPool),
}

/// Steps that are ready to run, any number of times and from several threads at once. A clone is the same program.
#[derive(Clone)]
pub struct Program(Arc<Graph>);

impl Program {
    pub(crate) fn new(graph: Graph, _settings: Settings) -> Result<Self, ConvError> {
        Ok(Program(Arc::new(graph)))
    }

    /// The shapes of what a run is given.
    pub fn inputs(&self) -> Vec<Shape> {
        self.0.inputs.iter().map(|v| self.0.nodes[v.0].shape).collect()
    }

    /// The shapes of what a run gives back.
    pub fn outputs(&self) -> Vec<Shape> {
        self.0.outputs.iter().map(|v| self.0.nodes[v.0].shape).collect()
    }

    /// Runs all steps on `inputs`, planes of the shapes that [`inputs`](Self::inputs) gives, and writes `outputs`
    /// likewise.
    pub fn run(
        &self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        _team: Team<'_>,
    ) -> Result<(), ConvError> {
        same_lengths("inputs", &self.inputs(), inputs.iter().map(|s| s.len()))?;
        same_lengths("outputs", &self.outputs(), outputs.iter().map(|s| s.len()))?;
        for (output, result) in outputs.iter_mut().zip(reference::evaluate(&self.0, inputs)) {
            for (to, from) in output.iter_mut().zip(result) {
                *to = from as f32;
            }
        }
        Ok(())
    }
}

fn same_lengths(
    what: &str,
    shapes: &[Shape],
    lengths: impl ExactSizeIterator<Item = usize>,
) -> Result<(), ConvError> {
    if shapes.len() != lengths.len() {
        return Err(ConvError::Slices(format!("{} {what} given, {} needed", lengths.len(), shapes.len())));
    }
    for (i, (shape, length)) in shapes.iter().zip(lengths).enumerate() {
        if shape.len() != length {
            return Err(ConvError::Slices(format!(
                "{what}: number {i} has {length} numbers, its shape is {shape}"
            )));
        }
    }
    Ok(())
}
