//! The steps of a program that is ready: what each does with its part of the work.

pub(crate) mod border;
pub(crate) mod depthwise;
pub(crate) mod direct;
pub(crate) mod pixelwise;
pub(crate) mod planes;
pub(crate) mod pool;
pub(crate) mod reduce;
pub(crate) mod scatter;
pub(crate) mod winograd;

use std::cell::Cell;

use crate::simd::Simd;
use crate::view::{BufferId, View};

/// Where a run's numbers are.
pub(crate) struct Context<'a> {
    /// All buffers, and where each begins.
    pub arena: *mut f32,
    pub buffers: &'a [usize],
    pub scratch: Scratch,
    /// What the run was given and is to give back, as planes.
    pub inputs: &'a [*const f32],
    pub outputs: &'a [*mut f32],
}

/// Numbers of a thread's own: as many as the hungriest step asks for.
pub(crate) struct Scratch {
    start: *mut f32,
    /// The step, and the part of its work, whose preparation lies there.
    holds: Cell<Option<(usize, usize)>>,
}

impl Scratch {
    /// Nothing lies there yet.
    pub fn new(start: *mut f32) -> Scratch {
        Scratch { start, holds: Cell::new(None) }
    }

    /// For whatever is needed.
    pub fn anew(&self) -> *mut f32 {
        self.holds.set(None);
        self.start
    }

    /// For what several chunks of a step share, and whether it is still to be made: each thread makes it for itself, once as
    /// long as it stays with that part of that step. That takes less time than having it from another thread.
    pub fn shared<S>(&self, step: &S, part: usize) -> (*mut f32, bool) {
        let wanted = Some((std::ptr::from_ref(step).addr(), part));
        (self.start, self.holds.replace(wanted) != wanted)
    }
}

impl Context<'_> {
    /// The first number of a buffer.
    pub fn buffer(&self, buffer: BufferId) -> *mut f32 {
        self.arena.wrapping_add(self.buffers[buffer])
    }

    /// Pixel (0, 0) of a view.
    pub fn view(&self, view: &View) -> *mut f32 {
        self.buffer(view.buffer).wrapping_add(view.origin)
    }
}

/// A step's work, in chunks that do not depend on each other. Any thread may do any chunk, and the result is the same to the
/// bit.
pub(crate) trait Step: Send + Sync {
    /// How many chunks there are.
    fn chunks(&self) -> usize;

    /// The numbers of scratch that a chunk needs.
    fn scratch(&self) -> usize {
        0
    }

    /// Does one chunk.
    ///
    /// # Safety
    /// The machine has the instructions the step was made for. The buffers that the step's views name lie in the
    /// arena, as large as the views say; the buffers it reads were written before, and those it writes are touched by
    /// nobody else. Each chunk is done once in a run, after all chunks of the steps before.
    unsafe fn run(&self, cx: &Context<'_>, chunk: usize);
}

/// A step that makes the rows of its result one by one.
pub(crate) trait ByRows: Send + Sync {
    /// What it calculates with.
    type Vector: Simd;

    /// Its result.
    fn out(&self) -> &View;

    /// Makes row `y`.
    ///
    /// # Safety
    /// As [`Step::run`], and inside `enter`.
    unsafe fn row(&self, cx: &Context<'_>, y: usize);
}

impl<S: ByRows> Step for S {
    fn chunks(&self) -> usize {
        self.out().shape.height.div_ceil(rows_a_chunk(self.out().shape))
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        for y in part(self.out().shape.height, self.chunks(), chunk) {
            // SAFETY: the caller's.
            unsafe {
                S::Vector::enter(
                    #[inline(always)]
                    || self.row(cx, y),
                );
            };
        }
    }
}

/// Steps that do not depend on each other, done side by side.
pub(crate) struct Together(pub Vec<Box<dyn Step>>);

impl Step for Together {
    fn chunks(&self) -> usize {
        self.0.iter().map(|step| step.chunks()).sum()
    }

    fn scratch(&self) -> usize {
        self.0.iter().map(|step| step.scratch()).max().unwrap_or(0)
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        let mut chunk = chunk;
        for step in &self.0 {
            let chunks = step.chunks();
            if chunk < chunks {
                // SAFETY: the caller's.
                return unsafe { step.run(cx, chunk) };
            }
            chunk -= chunks;
        }
    }
}

/// The `index`th of `parts` nearly equal parts of `0..total`.
pub(crate) fn part(total: usize, parts: usize, index: usize) -> std::ops::Range<usize> {
    total * index / parts..total * (index + 1) / parts
}

/// Rows of a picture that are worth a chunk of their own: about 16,000 numbers.
pub(crate) fn rows_a_chunk(shape: crate::Shape) -> usize {
    (16_384 / (shape.width * shape.channels)).max(1)
}
