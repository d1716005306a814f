//! Where buffers lie in a run's memory: two share a place if they are not needed at the same time.

use std::ops::RangeInclusive;

use crate::simd::WIDEST;

/// Where each buffer of `sizes` begins, and how much memory that takes. `lives` says from which step to which a
/// buffer is needed.
pub(super) fn place(sizes: &[usize], lives: &[Option<RangeInclusive<usize>>]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&i| lives[i].is_some()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(sizes[i]));
    let mut starts = vec![0; sizes.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut end = 0;
    for buffer in order {
        let size = sizes[buffer].next_multiple_of(WIDEST);
        // The lowest gap between those that are needed at the same time.
        let mut start = 0;
        for &other in &placed {
            if overlap(lives[buffer].as_ref(), lives[other].as_ref()) {
                if start + size <= starts[other] {
                    break;
                }
                start = start.max(starts[other] + sizes[other].next_multiple_of(WIDEST));
            }
        }
        starts[buffer] = start;
        end = end.max(start + size);
        let at = placed.partition_point(|&other| starts[other] <= start);
        placed.insert(at, buffer);
    }
    (starts, end)
}

fn overlap(a: Option<&RangeInclusive<usize>>, b: Option<&RangeInclusive<usize>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.start() <= b.end() && b.start() <= a.end(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_together_lies_apart() {
        // A seeded walk over sizes and lives.
        let mut state = 1u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let sizes: Vec<usize> = (0..200).map(|_| 1 + next(5000)).collect();
        let lives: Vec<_> = (0..200)
            .map(|_| {
                let start = next(100);
                Some(start..=start + next(6))
            })
            .collect();
        let (starts, end) = place(&sizes, &lives);
        for a in 0..200 {
            assert!(starts[a] + sizes[a] <= end && starts[a].is_multiple_of(WIDEST));
            for b in 0..a {
                let apart = starts[a] + sizes[a] <= starts[b] || starts[b] + sizes[b] <= starts[a];
                assert!(apart || !overlap(lives[a].as_ref(), lives[b].as_ref()), "buffers {a} and {b}");
            }
        }
        assert!(end < sizes.iter().sum::<usize>() / 5, "nothing was shared");
    }
}
