//! The gradient of max pooling as one operator.
//!
//! In a file it is written with ordinary operators, nine times a slice, a comparison, a product and a difference for a window
//! of 3×3, so that every runtime executes it. A note at the last of them says what they are, and here one pass over the
//! windows takes their place.

use rayon::prelude::*;
use tract_linalg::multithread::{Executor, current_tract_executor};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
#[allow(clippy::wildcard_imports, reason = "the macros that make an operator need names of it")]
use tract_onnx::tract_core::internal::*;
#[allow(clippy::wildcard_imports, reason = "the macros that make an operator need names of it")]
use tract_onnx::tract_hir::internal::*;

use crate::grad::notes::MaxPoolGradient as Note;
use crate::onnx::build::ints;
use crate::onnx::pb::ModelProto;

/// The operator's name in the graph that the runtime reads.
const OPERATOR: &str = "CamtuiMaxPoolGradient";
/// What the extents of a window stay below.
const MOST: usize = 1 << 11;

/// Replaces the notes in a graph by the operator. What only the noted operators read is then read by nobody.
pub(in crate::model) fn shorten(model: &mut ModelProto) {
    for node in model.graph.iter_mut().flat_map(|graph| &mut graph.node) {
        let Some(note) = Note::of(node) else { continue };
        let whole = |numbers: &[usize]| numbers.iter().map(|&n| n as i64).collect::<Vec<_>>();
        *node = NodeProto {
            op_type: OPERATOR.into(),
            name: node.name.clone(),
            output: node.output.clone(),
            attribute: vec![
                ints("kernel", &whole(&note.kernel)),
                ints("strides", &whole(&note.stride)),
                ints("dilations", &whole(&note.dilation)),
                ints("begin", &whole(&note.begin)),
            ],
            input: vec![note.x, note.y, note.dy],
            ..NodeProto::default()
        };
    }
}

/// Makes the runtime know the operator.
pub(in crate::model) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert(OPERATOR, parse);
}

fn parse(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let two = |name: &str| -> TractResult<[usize; 2]> {
        let found = node.attribute.iter().find(|a| a.name == name).map(|a| a.ints.as_slice());
        match found {
            Some(&[height, width]) => Ok([usize::try_from(height)?, usize::try_from(width)?]),
            _ => bail!("{OPERATOR} without {name}"),
        }
    };
    let [kernel, stride, dilation, begin] =
        [two("kernel")?, two("strides")?, two("dilations")?, two("begin")?];
    // A file can say anything.
    let sensible = |least: usize, numbers: [usize; 2]| numbers.iter().all(|n| (least..MOST).contains(n));
    ensure!(
        sensible(1, kernel) && sensible(1, stride) && sensible(1, dilation) && sensible(0, begin),
        "{OPERATOR} over windows {kernel:?}, {stride:?} apart, dilated by {dilation:?}, from {begin:?}"
    );
    Ok((expand(MaxPoolGradient { kernel, stride, dilation, begin }), vec![]))
}

/// Of `x` `[1,C,H,W]`, what was pooled of it, and the gradient of that: the gradient of `x`. Each window's goes to its
/// first maximum in scan order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct MaxPoolGradient {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// What is padded above and to the left.
    begin: [usize; 2],
}

impl Expansion for MaxPoolGradient {
    fn name(&self) -> StaticName {
        OPERATOR.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 3)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for MaxPoolGradient {
    fn name(&self) -> StaticName {
        OPERATOR.into()
    }

    op_as_typed_op!();
}

impl TypedOp for MaxPoolGradient {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let float = inputs.iter().all(|fact| fact.datum_type == f32::datum_type());
        let fits = inputs[0].rank() == 4 && inputs[1].shape == inputs[2].shape && inputs[1].rank() == 4;
        let channels = fits && inputs[0].shape[..2] == inputs[1].shape[..2];
        ensure!(float && channels, "{OPERATOR} of {inputs:?}");
        Ok(tvec!(f32::fact(&*inputs[0].shape)))
    }
}

impl EvalOp for MaxPoolGradient {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let &[_, _, height, width] = inputs[0].shape() else { bail!("{OPERATOR} of no picture") };
        let &[_, _, rows, columns] = inputs[1].shape() else { bail!("{OPERATOR} of no picture") };
        let mut dx = Tensor::zero::<f32>(inputs[0].shape())?;
        let numbers = |at: usize| inputs[at].try_as_plain_ram()?.as_slice::<f32>();
        let (x, y, dy) = (numbers(0)?, numbers(1)?, numbers(2)?);
        let (from, to) = (height * width, rows * columns);
        if from > 0 && to > 0 {
            let mut view = dx.try_as_plain_ram_mut()?;
            let dx = view.as_slice_mut::<f32>()?;
            let plane = |(at, dx): (usize, &mut [f32])| {
                let (x, of) = (&x[at * from..][..from], at * to..(at + 1) * to);
                self.plane([height, width], [rows, columns], [x, &y[of.clone()], &dy[of]], dx);
            };
            match current_tract_executor() {
                Executor::MultiThread(pool) => {
                    pool.install(|| dx.par_chunks_mut(from).enumerate().for_each(plane));
                }
                _ => dx.chunks_mut(from).enumerate().for_each(plane),
            }
        }
        Ok(tvec!(dx.into_tvalue()))
    }
}

impl MaxPoolGradient {
    #[expect(clippy::float_cmp, reason = "the greatest of a window is one of its numbers, to the bit")]
    fn plane(
        &self,
        [height, width]: [usize; 2],
        [rows, columns]: [usize; 2],
        [x, y, dy]: [&[f32]; 3],
        dx: &mut [f32],
    ) {
        let [down, across] = self.dilation;
        let places: Vec<Seen> = (0..columns).map(|column| self.seen(1, column, width)).collect();
        for row in 0..rows {
            let lines = self.seen(0, row, height);
            let first_line = lines.first * width;
            for (column, places) in places.iter().enumerate() {
                let at = row * columns + column;
                let greatest = y[at];
                // From the last to the first without a branch: where the greatest lies cannot be foreseen.
                let mut found = usize::MAX;
                for line in (0..lines.count).rev() {
                    let first = first_line + line * down * width + places.first;
                    for place in (0..places.count).rev() {
                        let place = first + place * across;
                        found = if x[place] == greatest { place } else { found };
                    }
                }
                if let Some(dx) = dx.get_mut(found) {
                    *dx += dy[at];
                }
            }
        }
    }

    /// Where a window looks along an axis, as far as there is anything.
    fn seen(&self, axis: usize, window: usize, extent: usize) -> Seen {
        let (begin, start, apart) = (self.begin[axis], window * self.stride[axis], self.dilation[axis]);
        let before = begin.saturating_sub(start).div_ceil(apart).min(self.kernel[axis]);
        let first = start + before * apart;
        let behind = (begin + extent).saturating_sub(first).div_ceil(apart);
        Seen { first: first.saturating_sub(begin), count: behind.min(self.kernel[axis] - before) }
    }
}

/// Some places along an axis, as far apart as a window is dilated.
struct Seen {
    first: usize,
    count: usize,
}
