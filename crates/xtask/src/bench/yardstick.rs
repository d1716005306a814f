//! How far apart two threads are at the moment: a machine that lends its processors may put two of them where they share a cache, or
//! at two ends, and move them while one measures. Work that is shared in small pieces hangs on it, whoever does it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The line's name in the tables.
pub const APART: &str = "(a number handed to another thread and back, in ns)";

const TIMES: usize = 20_000;

/// Nanoseconds for there and back, so often measured.
pub fn apart(times: usize) -> Vec<f64> {
    (0..times).map(|_| there_and_back()).collect()
}

fn there_and_back() -> f64 {
    let number = AtomicUsize::new(0);
    // Waits for each of its numbers and hands on the next.
    let play = |numbers: std::ops::Range<usize>| {
        for mine in numbers.step_by(2) {
            while number.load(Ordering::Acquire) != mine {
                std::hint::spin_loop();
            }
            number.store(mine + 1, Ordering::Release);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| play(1..2 * TIMES));
        // The other one is awake once the first has come back.
        play(0..3);
        let begun = Instant::now();
        play(4..2 * TIMES);
        begun.elapsed().as_secs_f64() * 1e9 / (TIMES - 2) as f64
    })
}
