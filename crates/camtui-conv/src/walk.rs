//! How a convolution walks over its input, as the kernels see it: taps with a displacement each.
//!
//! A convolution is one walk. A transposed convolution of stride s is s² walks: the results whose position modulo s
//! is the same are an ordinary convolution, of stride 1, with some of the kernel's taps ("sub-pixel phases"), so no
//! zeros are inserted and none multiplied.

use std::collections::BTreeSet;

use crate::view::{Border, View};
use crate::{Convolution, Shape};

/// One place of the kernel, and where it looks from the pixel that a result begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tap {
    /// Row and column in the kernel.
    pub kernel: [usize; 2],
    /// Rows down and pixels to the right of the result's pixel; negative is up and left.
    pub shift: [isize; 2],
}

/// A displacement that several walks share, and the place in the kernel that each has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    pub shift: [isize; 2],
    pub kernels: Vec<Option<[usize; 2]>>,
}

/// Taps, the step from one result to the next in the input, and which results they make.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub taps: Vec<Tap>,
    pub step: [usize; 2],
    /// The first result, and the distance of results, in the output.
    pub first: [usize; 2],
    pub spacing: [usize; 2],
    /// How many rows and columns of results.
    pub results: [usize; 2],
}

impl Walk {
    /// A convolution's, to a result of shape `to`.
    pub fn of(c: &Convolution, to: Shape) -> Walk {
        let [.., kh, kw] = c.weights.dims();
        let shift = |axis: usize, k: usize, before: usize| (k * c.dilation[axis]) as isize - before as isize;
        let taps = (0..kh)
            .flat_map(|ky| (0..kw).map(move |kx| [ky, kx]))
            .map(|kernel| Tap {
                kernel,
                shift: [shift(0, kernel[0], c.padding.top), shift(1, kernel[1], c.padding.left)],
            })
            .collect();
        Walk { taps, step: c.stride, first: [0, 0], spacing: [1, 1], results: [to.height, to.width] }
    }

    /// A transposed convolution's, to a result of shape `to`.
    pub fn transposed(c: &Convolution, to: Shape) -> Vec<Walk> {
        let [.., kh, kw] = c.weights.dims();
        let size = [to.height, to.width];
        let before = [c.padding.top, c.padding.left];
        // Input pixel i spreads tap k over result i·stride + k·dilation − before.
        let along = |axis: usize, phase: usize, taps: usize| -> Vec<(usize, isize)> {
            let stride = c.stride[axis] as isize;
            (0..taps)
                .rev()
                .map(|k| (k, phase as isize + before[axis] as isize - (k * c.dilation[axis]) as isize))
                .filter(|(_, distance)| distance.rem_euclid(stride) == 0)
                .map(|(k, distance)| (k, distance.div_euclid(stride)))
                .collect()
        };
        let phases =
            (0..c.stride[0].min(to.height)).flat_map(|y| (0..c.stride[1].min(to.width)).map(move |x| [y, x]));
        phases
            .map(|first| {
                let columns = along(1, first[1], kw);
                let taps = along(0, first[0], kh)
                    .into_iter()
                    .flat_map(|(ky, dy)| {
                        columns.iter().map(move |&(kx, dx)| Tap { kernel: [ky, kx], shift: [dy, dx] })
                    })
                    .collect();
                let results = std::array::from_fn(|axis| (size[axis] - first[axis]).div_ceil(c.stride[axis]));
                Walk { taps, step: [1, 1], first, spacing: c.stride, results }
            })
            .collect()
    }

    /// The displacements that the taps of all `walks` have, and of each the tap of each walk, where the walks make as many results
    /// each, so that one walk can make those of all side by side.
    pub fn side_by_side(walks: &[Walk]) -> Option<Vec<Shared>> {
        let (first, others) = walks.split_first()?;
        if others.is_empty() || others.iter().any(|walk| walk.results != first.results) {
            return None;
        }
        let shifts: BTreeSet<[isize; 2]> =
            walks.iter().flat_map(|walk| &walk.taps).map(|tap| tap.shift).collect();
        let kernel =
            |walk: &Walk, shift| walk.taps.iter().find(|tap| tap.shift == shift).map(|tap| tap.kernel);
        let shared =
            |shift| Shared { shift, kernels: walks.iter().map(|walk| kernel(walk, shift)).collect() };
        Some(shifts.into_iter().map(shared).collect())
    }

    /// Where the nine taps of a dense 3×3 kernel at step 1 begin, if that is what this is.
    pub fn three_by_three(&self) -> Option<[isize; 2]> {
        let first = self.taps.first()?.shift;
        let dense = self.taps.len() == 9
            && self.step == [1, 1]
            && self.spacing == [1, 1]
            && (0..9)
                .all(|i| self.taps[i].shift == [first[0] + (i / 3) as isize, first[1] + (i % 3) as isize]);
        dense.then_some(first)
    }

    /// The zeros that the walk reads around a picture of shape `from`.
    pub fn border(&self, from: Shape) -> Border {
        let mut border = Border::default();
        for Tap { shift: [dy, dx], .. } in &self.taps {
            let last = |axis: usize, d: isize, size: usize| {
                ((self.results[axis] - 1) * self.step[axis]) as isize + d + 1 - size as isize
            };
            border = border.with(Border {
                top: (-dy).max(0) as usize,
                left: (-dx).max(0) as usize,
                bottom: last(0, *dy, from.height).max(0) as usize,
                right: last(1, *dx, from.width).max(0) as usize,
            });
        }
        border
    }

    /// The results' places in the output.
    pub fn within(&self, out: View) -> View {
        View {
            origin: out.at(self.first[0], self.first[1]),
            row: out.row * self.spacing[0],
            pixel: out.pixel * self.spacing[1],
            shape: Shape { height: self.results[0], width: self.results[1], ..out.shape },
            ..out
        }
    }
}
