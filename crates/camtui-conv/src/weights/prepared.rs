//! A kernel's numbers as some instruction set wants them.

use std::sync::Arc;

use crate::memory::Block;

/// The numbers of a form, which nobody writes any more. A clone is the same numbers.
#[derive(Clone)]
pub(crate) struct Prepared(Arc<Block>);

impl Prepared {
    pub(super) fn new(block: Block) -> Self {
        Prepared(Arc::new(block))
    }

    /// The numbers, aligned to 64 bytes.
    pub(super) fn numbers(&self) -> &[f32] {
        // SAFETY: as many are allocated and initialised, and who has a form only reads it.
        unsafe { std::slice::from_raw_parts(self.start(), self.0.len()) }
    }

    /// The first number.
    pub(crate) fn start(&self) -> *const f32 {
        self.0.start().cast_const()
    }
}
