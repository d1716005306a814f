//! How this process keeps freed memory. It lives here because it is a call into the C library, and this crate may make one.

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
