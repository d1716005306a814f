//! A kernel's numbers as some instruction set wants them.

use std::ops::Range;
use std::sync::Arc;

use crate::Mapped;
use crate::memory::Block;

/// The numbers of a form, which nobody writes any more. A clone is the same numbers.
#[derive(Clone)]
pub(crate) struct Prepared(Arc<Place>);

enum Place {
    Made(Block),
    /// In a file, from a place on that is aligned as a block is.
    Kept {
        file: Arc<Mapped>,
        range: Range<usize>,
    },
}

impl Prepared {
    pub(super) fn new(block: Block) -> Self {
        Prepared(Arc::new(Place::Made(block)))
    }

    /// Those of a file, at `range`, which begins at a multiple of 64 bytes.
    pub(super) fn kept(file: Arc<Mapped>, range: Range<usize>) -> Self {
        Prepared(Arc::new(Place::Kept { file, range }))
    }

    /// The numbers, aligned to 64 bytes.
    pub(super) fn numbers(&self) -> &[f32] {
        match &*self.0 {
            // SAFETY: as many are allocated and initialised, and who has a form only reads it.
            Place::Made(block) => unsafe { std::slice::from_raw_parts(block.start(), block.len()) },
            Place::Kept { file, range } => &(**file).as_ref()[range.clone()],
        }
    }

    /// The first number.
    pub(crate) fn start(&self) -> *const f32 {
        self.numbers().as_ptr()
    }
}
