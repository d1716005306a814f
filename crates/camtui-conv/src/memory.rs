//! Memory that vectors like: aligned to a cache line, zero at first.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// A run of numbers, aligned to 64 bytes.
pub(crate) struct Block {
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: a block owns its memory as a `Vec` does; whoever writes through `start` keeps threads apart.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the layout's size is not zero.
        #[expect(clippy::cast_ptr_alignment, reason = "the layout asks for 64 bytes")]
        let start = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Block { start, len }
    }

    /// The first number, to be written through by whoever knows that nobody else does.
    pub fn start(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: `len` numbers were allocated and are initialised, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len.max(1) * size_of::<f32>(), 64)
            .expect("a size that fits the address space")
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated by `zeros` with this layout.
        unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) }
    }
}
