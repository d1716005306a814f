//! A region as one operator of the runtime.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use camtui_conv::{Isa, Program, Settings, Shape, Team};
use tract_linalg::multithread::{Executor, current_tract_executor};
use tract_onnx::prelude::*;
#[allow(clippy::wildcard_imports, reason = "the macros that make an operator need names of it")]
use tract_onnx::tract_core::internal::*;

use super::step::Recipe;

/// A region's values are read and given as the runtime has them, `[1,C,H,W]`.
#[derive(Clone)]
pub(super) struct Region {
    pub recipe: Recipe,
    /// The runtime's shape of each output.
    pub shapes: Vec<TVec<usize>>,
}

/// Some of a region's outputs.
#[derive(Clone)]
pub(super) struct Fused {
    region: Arc<Region>,
    /// Which of the region's inputs these outputs depend on.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    exact: bool,
    program: Arc<OnceLock<Program>>,
}

impl Fused {
    /// All outputs of a region, computed exactly.
    pub fn new(region: Region) -> Self {
        let outputs = (0..region.shapes.len()).collect();
        let inputs = (0..region.recipe.inputs.len()).collect();
        Self { region: Arc::new(region), inputs, outputs, exact: true, program: Arc::default() }
    }

    /// The operator that gives fewer outputs, by their places, and the places of the inputs that it reads. It is ready
    /// to run; whatever it has in common with others is held once.
    pub fn only(&self, outputs: &[usize], exact: bool) -> TractResult<(Self, Vec<usize>)> {
        let outputs: Vec<usize> = outputs.iter().map(|&at| self.outputs[at]).collect();
        let inputs = self.region.recipe.inputs_of(&outputs);
        let places = (0..self.inputs.len()).filter(|&at| inputs.contains(&self.inputs[at])).collect();
        let region = Arc::clone(&self.region);
        let fused = Self { region, inputs, outputs, exact, program: Arc::default() };
        fused.program()?;
        Ok((fused, places))
    }

    /// Whether it gives just these of its outputs, computed so, and is ready.
    pub fn is(&self, outputs: &[usize], exact: bool) -> bool {
        self.outputs.len() == outputs.len() && self.exact == exact && self.program.get().is_some()
    }

    fn program(&self) -> TractResult<&Program> {
        if let Some(program) = self.program.get() {
            return Ok(program);
        }
        let settings = Settings { exact: self.exact, isa: Isa::Auto };
        let program = self.region.recipe.program(&self.outputs, settings)?;
        Ok(self.program.get_or_init(|| program))
    }
}

impl fmt::Debug for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fused({} steps, outputs {:?})", self.region.recipe.lines.len(), self.outputs)
    }
}

impl PartialEq for Fused {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.region, &other.region) && self.outputs == other.outputs && self.exact == other.exact
    }
}

impl Eq for Fused {}

impl Hash for Fused {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        Arc::as_ptr(&self.region).hash(hasher);
        self.outputs.hash(hasher);
    }
}

impl Op for Fused {
    fn name(&self) -> StaticName {
        "Fused".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Fused {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let given = inputs
            .iter()
            .map(|value| value.try_as_plain_ram()?.as_slice::<f32>())
            .collect::<TractResult<Vec<&[f32]>>>()?;
        let mut made = self
            .outputs
            .iter()
            .map(|&output| Tensor::zero::<f32>(&self.region.shapes[output]))
            .collect::<TractResult<Vec<Tensor>>>()?;
        let mut views = made.iter_mut().map(Tensor::try_as_plain_ram_mut).collect::<TractResult<Vec<_>>>()?;
        let mut slices = views
            .iter_mut()
            .map(|view| view.as_slice_mut::<f32>())
            .collect::<TractResult<Vec<&mut [f32]>>>()?;
        match current_tract_executor() {
            Executor::MultiThread(pool) => self.program()?.run(&given, &mut slices, Team::Pool(&pool))?,
            _ => self.program()?.run(&given, &mut slices, Team::Alone)?,
        }
        drop(slices);
        drop(views);
        Ok(made.into_iter().map(IntoTValue::into_tvalue).collect())
    }
}

impl TypedOp for Fused {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        for (&input, fact) in self.inputs.iter().zip(inputs) {
            let shape: Shape = self.region.recipe.inputs[input];
            let found = fact.shape.as_concrete().map(|extents| extents.iter().product::<usize>());
            ensure!(found == Some(shape.len()), "a region is given {fact:?} for {shape}");
        }
        Ok(self.outputs.iter().map(|&output| f32::fact(&self.region.shapes[output])).collect())
    }
}
