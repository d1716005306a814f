//! How this process keeps freed memory. It lives here because it is a call into the C library, and this crate may make one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

/// Tensors of this many bytes and more go back to the system when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 4 << 20;

/// Keeps the heap from holding on to what many threads have freed: one heap for all of them, and large tensors apart from it.
///
/// Left to itself the C library gives each thread a heap of its own, and raises the size from which memory is given back as far as
/// 32 MiB: two threads that run a network forward and back then hold a third more than they use (integrated gradients on
/// ResNet-18: 310 MB, and 235 so). To be called before any thread is started.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_little() {
    // SAFETY: numbers for the allocator; nothing is allocated or freed meanwhile.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Other systems' allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_little() {}

/// The system's allocator, which gets memory that is to be aligned more than its own is by asking for a little more of it.
///
/// The C library (glibc before 2.38) finds such memory by looking for a place that is larger than what it gives, so that it never gives
/// the same place twice for the same size: with tensors, which are aligned to lines of memory, the heap grows by a third.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

/// What the system aligns to by itself.
const ALIGNED: usize = align_of::<u128>();

/// With room for the alignment, and the place that the system gave before it; none where that is too large.
fn roomy(layout: Layout) -> Option<Layout> {
    Layout::from_size_align(layout.size().checked_add(layout.align())?, ALIGNED).ok()
}

/// Where the system's place is noted, before an aligned one.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "only places that are aligned to more than the system aligns to"
)]
fn noted(place: *mut u8) -> *mut *mut u8 {
    place.cast::<*mut u8>().wrapping_sub(1)
}

/// The aligned place in memory of a [`roomy`] layout at `start`.
///
/// # Safety
/// `start` is what the system gave for it, or null.
unsafe fn within(start: *mut u8, align: usize) -> *mut u8 {
    if start.is_null() {
        return start;
    }
    // Between one place and the next aligned one there are at least `ALIGNED` bytes, since `start` is aligned to as many.
    let place = start.map_addr(|address| (address + align) & !(align - 1));
    // SAFETY: those bytes are inside, before what is given out.
    unsafe { noted(place).write(start) };
    place
}

// SAFETY: memory is the system's. What is given out lies inside of it with all its bytes, and where the system's begins is noted just
// before, which is how it is found again.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNED {
            // SAFETY: the caller's.
            return unsafe { System.alloc(layout) };
        }
        let Some(roomy) = roomy(layout) else { return ptr::null_mut() };
        // SAFETY: it has a size.
        unsafe { within(System.alloc(roomy), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNED {
            // SAFETY: the caller's.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let Some(roomy) = roomy(layout) else { return ptr::null_mut() };
        // SAFETY: it has a size.
        unsafe { within(System.alloc_zeroed(roomy), layout.align()) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if layout.align() <= ALIGNED {
            // SAFETY: the caller's.
            return unsafe { System.dealloc(place, layout) };
        }
        let roomy = roomy(layout).expect("as it was when it was allocated");
        // SAFETY: `alloc` gave the place and noted the system's before it.
        unsafe { System.dealloc(noted(place).read(), roomy) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= ALIGNED {
            // SAFETY: the caller's.
            return unsafe { System.realloc(place, layout, size) };
        }
        let Ok(larger) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        // SAFETY: the size is not zero; both places have as many bytes as are copied.
        unsafe {
            let new = self.alloc(larger);
            if !new.is_null() {
                ptr::copy_nonoverlapping(place, new, layout.size().min(size));
                self.dealloc(place, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_keeps_what_is_written() {
        for align in [1, 16, 32, 64, 4096] {
            for size in [1, 7, 64, 5000, 5 << 20] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: no size is zero; places are written and read within their sizes, and given back once.
                unsafe {
                    let place = Heap.alloc_zeroed(layout);
                    assert!(place.addr().is_multiple_of(align));
                    let bytes = std::slice::from_raw_parts_mut(place, size);
                    assert!(bytes.iter().all(|&byte| byte == 0));
                    bytes.iter_mut().zip((0..=255).cycle()).for_each(|(byte, number)| *byte = number);
                    let larger = Heap.realloc(place, layout, size * 2);
                    assert!(larger.addr().is_multiple_of(align));
                    let bytes = std::slice::from_raw_parts(larger, size);
                    assert!(bytes.iter().copied().eq((0..=255).cycle().take(size)));
                    Heap.dealloc(larger, Layout::from_size_align(size * 2, align).unwrap());
                    let other = Heap.alloc(layout);
                    assert!(!other.is_null() && other.addr().is_multiple_of(align));
                    Heap.dealloc(other, layout);
                }
            }
        }
    }

    #[test]
    fn more_than_there_can_be_is_refused() {
        let layout = Layout::from_size_align(isize::MAX as usize - 63, 64).unwrap();
        // SAFETY: the size is not zero.
        assert!(unsafe { Heap.alloc(layout) }.is_null());
    }
}
