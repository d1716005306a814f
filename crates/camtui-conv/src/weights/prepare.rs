//! Making a form from a kernel's numbers.
//!
//! Networks have tens of millions of numbers, and a program waits for them: so each number is moved once, and lines of
//! memory are read and written whole.

use super::form::{Channels, Form, panels};
use crate::kernel::transform::{self, Four, Two, Winograd};
use crate::memory::Block;
use crate::simd::{self, WIDEST};

/// Kernels of `size` numbers each, and the factor that each is still to be multiplied with.
pub(super) struct Kernels<'a> {
    pub numbers: &'a [f32],
    pub factors: Option<&'a [f32]>,
    pub size: usize,
}

impl Kernels<'_> {
    /// The numbers of one kernel, before they are multiplied.
    #[inline(always)]
    fn of(&self, kernel: usize) -> &[f32] {
        &self.numbers[kernel * self.size..][..self.size]
    }

    /// What its numbers are to be multiplied with.
    #[inline(always)]
    fn factor(&self, kernel: usize) -> f32 {
        self.factors.map_or(1.0, |factors| factors[kernel])
    }
}

impl Form {
    /// The form of `kernels`, which fill `dims`.
    pub(super) fn prepare(&self, dims: [usize; 4], kernels: &Kernels<'_>) -> Block {
        let len = self.len(dims).expect("a form of numbers that fit into memory does so too");
        let mut block = Block::zeros(len);
        let to = block.as_mut_slice();
        let places = |taps: &[[usize; 2]]| taps.iter().map(|[ky, kx]| ky * dims[3] + kx).collect::<Vec<_>>();
        match self {
            Form::Panels { channels, taps, lanes } => {
                pack(channels, &places(taps), *lanes, kernels, to);
            }
            Form::Phases { channels, taps, lanes } => {
                let place = |tap: &Option<[usize; 2]>| tap.map(|[ky, kx]| ky * dims[3] + kx);
                let places: Vec<Vec<_>> = taps.iter().map(|tap| tap.iter().map(place).collect()).collect();
                phases(channels, &places, *lanes, kernels, to);
            }
            Form::Winograd { channels, taps, out, lanes } => {
                let order = places(taps);
                simd::with_widest(
                    #[inline(always)]
                    || match out {
                        2 => filter::<Two>(channels, &order, *lanes, kernels, to),
                        _ => filter::<Four>(channels, &order, *lanes, kernels, to),
                    },
                );
            }
            Form::Depthwise { taps } => {
                let padded = dims[0].next_multiple_of(WIDEST);
                for (place, to) in places(taps).into_iter().zip(to.chunks_mut(padded)) {
                    for (kernel, to) in to.iter_mut().enumerate().take(dims[0] * dims[1]) {
                        *to = kernels.of(kernel)[place] * kernels.factor(kernel);
                    }
                }
            }
        }
        block
    }

    /// Whether the numbers that a kernel of `dims` has are all in the form, as they are.
    pub(super) fn holds_all(&self, dims: [usize; 4]) -> bool {
        matches!(self, Form::Panels { taps, .. } if taps.len() == dims[2] * dims[3])
    }

    /// The numbers that this form was made of, if it [holds all](Self::holds_all) of them.
    pub(super) fn restore(&self, dims: [usize; 4], form: &[f32]) -> Option<Vec<f32>> {
        let Form::Panels { channels, taps, lanes } = self else { return None };
        if !self.holds_all(dims) {
            return None;
        }
        let places: Vec<usize> = taps.iter().map(|[ky, kx]| ky * dims[3] + kx).collect();
        let mut numbers = vec![0.0; dims.iter().product()];
        unpack(channels, &places, *lanes, dims[2] * dims[3], form, &mut numbers);
        Some(numbers)
    }
}

/// Channels read that are packed together: their numbers fill lines of memory.
const TOGETHER: usize = 16;

/// Panels of the taps at `places`.
fn pack(channels: &Channels, places: &[usize], lanes: usize, kernels: &Kernels<'_>, to: &mut [f32]) {
    let [read, made] = channels.sizes();
    let k = places.len() * read;
    let product_len = k * made.next_multiple_of(lanes);
    // Numbers are put in order here, near the processor, and leave in runs: the taps' places in a panel are far apart.
    let mut near = vec![0.0; places.len() * TOGETHER * 2 * lanes];
    for (product, to) in to.chunks_mut(product_len.max(1)).enumerate() {
        for (vector, vectors) in panels(made, lanes) {
            let (first_made, columns) = (vector * lanes, vectors * lanes);
            let panel = &mut to[first_made * k..][..columns * k];
            for block in (0..read).step_by(TOGETHER) {
                let run = TOGETHER.min(read - block) * columns;
                if channels.together > 1 || columns > made - first_made {
                    near.fill(0.0);
                }
                for lane in 0..columns.min(made - first_made) {
                    let (seen, kernel) = channels.source(product, first_made + lane);
                    let end = (block + TOGETHER).min(seen + channels.read);
                    for c in block.max(seen)..end {
                        let kernel = kernel + (c - seen) * channels.step();
                        let (from, factor) = (kernels.of(kernel), kernels.factor(kernel));
                        let mut at = (c - block) * columns + lane;
                        for &place in places {
                            near[at] = from[place] * factor;
                            at += run;
                        }
                    }
                }
                for (t, near) in near.chunks(run).take(places.len()).enumerate() {
                    panel[(t * read + block) * columns..][..run].copy_from_slice(near);
                }
            }
        }
    }
}

/// Panels of a product for several phases: `places` of each tap, one a phase.
fn phases(
    channels: &Channels,
    places: &[Vec<Option<usize>>],
    lanes: usize,
    kernels: &Kernels<'_>,
    to: &mut [f32],
) {
    let Channels { read, made, .. } = *channels;
    let k = places.len() * read;
    let all = places.first().map_or(0, Vec::len) * made;
    for (vector, vectors) in panels(all, lanes) {
        let (first, columns) = (vector * lanes, vectors * lanes);
        let panel = &mut to[first * k..][..columns * k];
        for (line, to) in panel.chunks_mut(columns).enumerate() {
            let (tap, c) = (&places[line / read], line % read);
            for (to, column) in to.iter_mut().zip(first..all) {
                if let Some(place) = tap[column / made] {
                    let kernel = channels.source(0, column % made).1 + c * channels.step();
                    *to = kernels.of(kernel)[place] * kernels.factor(kernel);
                }
            }
        }
    }
}

/// What [`pack`] does, undone.
fn unpack(
    channels: &Channels,
    places: &[usize],
    lanes: usize,
    size: usize,
    from: &[f32],
    numbers: &mut [f32],
) {
    let [read, made] = channels.sizes();
    let k = places.len() * read;
    let product_len = k * made.next_multiple_of(lanes);
    let step = channels.step() * size;
    for (product, from) in from.chunks(product_len.max(1)).enumerate() {
        for (vector, vectors) in panels(made, lanes) {
            let (first_made, columns) = (vector * lanes, vectors * lanes);
            let panel = &from[first_made * k..][..columns * k];
            for block in (0..read).step_by(TOGETHER) {
                for lane in 0..columns.min(made - first_made) {
                    let (seen, kernel) = channels.source(product, first_made + lane);
                    for c in block.max(seen)..(block + TOGETHER).min(seen + channels.read).min(read) {
                        let to = &mut numbers[kernel * size + (c - seen) * step..][..size];
                        for (t, &place) in places.iter().enumerate() {
                            to[place] = panel[(t * read + c) * columns + lane];
                        }
                    }
                }
            }
        }
    }
}

/// Transformed 3×3 kernels, whose taps are in `order`.
#[inline(always)]
fn filter<W: Winograd>(
    channels: &Channels,
    order: &[usize],
    lanes: usize,
    kernels: &Kernels<'_>,
    to: &mut [f32],
) {
    const L: usize = transform::KERNELS;
    let [read, made] = channels.sizes();
    let size = read * made.next_multiple_of(lanes);
    for (vector, vectors) in panels(made, lanes) {
        let (first_made, columns) = (vector * lanes, vectors * lanes);
        for c in 0..read {
            for lane in (0..columns).step_by(L) {
                let mut g = [[0.0; L]; 9];
                for l in 0..L.min(made.saturating_sub(first_made + lane)) {
                    // There is one group: each channel made sees all that are read.
                    let kernel = channels.source(0, first_made + lane + l).1 + c * channels.step();
                    let (from, factor) = (kernels.of(kernel), kernels.factor(kernel));
                    for (g, &place) in g.iter_mut().zip(order) {
                        g[l] = from[place] * factor;
                    }
                }
                transform::kernels::<W>(&g, |position, numbers| {
                    let at = position * size + first_made * read + c * columns + lane;
                    to[at..at + L].copy_from_slice(numbers);
                });
            }
        }
    }
}
