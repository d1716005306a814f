//! A convolution as one product of matrices: row i is what the taps of result i see, column j is channel j's kernel.
//!
//! The rows are copied ("packed") a few at a time, in the order the kernel reads them; each number is then used once
//! per output channel. Where there are many results, a chunk packs some and makes all their channels. Where there
//! are few (and the weights weigh more than the picture), each thread packs all, and a chunk makes some channels of all of
//! them, so that each weight is read once.
//!
//! A depthwise convolution that only a product reads is computed as its rows are packed, so that its results are neither
//! written nor read.

use std::ops::Range;
use std::sync::Arc;

use super::depthwise::Channelwise;
use super::{Context, Step, part};
use crate::Activation;
use crate::kernel::function;
use crate::kernel::tile::{self, DEPTH, Finish, MOST_ROWS, Tile};
use crate::memory::Block;
use crate::simd::{Simd, WIDEST};
use crate::view::View;
use crate::weights::{Prepared, panels};

/// A run of channels that lie side by side, from the pixel that a result begins at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub offset: isize,
    pub len: usize,
}

/// What the rows are packed of.
pub(crate) enum Source<V> {
    /// What the taps see, in steps.
    Taps { x: View, step: [usize; 2], segments: Vec<Segment> },
    /// The results of a depthwise convolution, one by one.
    Depthwise(Channelwise<V>),
}

impl<V> Source<V> {
    /// How many numbers a row has.
    pub fn row_len(&self) -> usize {
        match self {
            Source::Taps { segments, .. } => segments.iter().map(|segment| segment.len).sum(),
            Source::Depthwise(from) => from.x.shape.channels,
        }
    }
}

/// How the work is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    /// So many results a chunk.
    Results(usize),
    /// A chunk makes one panel of one of so many parts of the results.
    Panels { parts: usize },
}

/// A step that convolves one product's channels. See the module.
pub(crate) struct Direct<V> {
    pub source: Source<V>,
    /// The products' depth: a row's length.
    pub k: usize,
    /// How many of them are summed by themselves.
    pub run: usize,
    pub out: View,
    pub add: Option<View>,
    pub weights: Prepared,
    /// Where this product's panels begin.
    pub weights_at: usize,
    pub bias: Arc<Block>,
    pub bias_at: usize,
    pub activation: Activation,
    pub split: Split,
}

impl Split {
    /// Of many results, a chunk packs so many that they stay in the second cache, a few blocks at most. Of few, an eighth, where
    /// all weights stay there as well: each thread then reads what it wrote itself the step before. Otherwise a chunk makes a
    /// panel, so that weights are read once, or once for each part where they are not too many and the results would not stay
    /// in the second cache together.
    pub fn of<V: Simd>(results: usize, k: usize, made: usize) -> Split {
        const FEW: usize = 400;
        const ROWS: usize = 64 * 1024;
        const LIGHT: usize = 96 * 1024;
        const PART: usize = 128 * 1024;
        const HEAVY: usize = 1024 * 1024;
        if results > FEW {
            return Split::Results(V::ROWS * (ROWS / (k.max(1) * V::ROWS)).clamp(1, 4));
        }
        if k * made <= LIGHT && results >= 12 * V::ROWS {
            return Split::Results(results.div_ceil(8));
        }
        let panels = panels(made, V::LANES).count();
        let near = if k * made <= HEAVY { (results * k).div_ceil(PART) } else { 1 };
        let most = results.div_ceil(V::ROWS * 2).max(1);
        Split::Panels { parts: 8usize.div_ceil(panels).max(near).min(most) }
    }
}

/// The numbers that packed rows take.
pub(crate) fn packed_len(rows: usize, k: usize, lanes: usize) -> usize {
    rows * k.next_multiple_of(lanes)
}

impl<V: Simd> Direct<V> {
    fn results(&self) -> usize {
        self.out.shape.pixels()
    }

    /// Puts what results `rows` see into a block, `[k / LANES][rows][LANES]`; `lines` is room for as many rows.
    #[inline(always)]
    unsafe fn pack(&self, cx: &Context<'_>, rows: Range<usize>, to: *mut f32, lines: *mut f32) {
        // SAFETY: the caller's.
        unsafe {
            match &self.source {
                Source::Taps { x, step, segments } => self.copy(cx, (x, *step, segments), rows, to, lines),
                Source::Depthwise(from) => self.convolve(cx, from, rows, to),
            }
        }
    }

    /// Computes the rows by a depthwise convolution.
    #[inline(always)]
    unsafe fn convolve(&self, cx: &Context<'_>, from: &Channelwise<V>, rows: Range<usize>, to: *mut f32) {
        let width = self.out.shape.width;
        let mut row = rows.start;
        while row < rows.end {
            let (y, x) = (row / width, row % width);
            let end = rows.end.min(row - x + width);
            let to = to.wrapping_add((row - rows.start) * V::LANES);
            // SAFETY: the caller's; a block has room for all channels of its rows.
            unsafe {
                let (low, high) = from.activation.limits::<V>();
                from.sums(
                    cx,
                    y,
                    x..x + end - row,
                    #[inline(always)]
                    |at, c, sum| {
                        let to = to.add(c * rows.len() + (at - x) * V::LANES);
                        sum.at_least(low).at_most(high).store(to);
                    },
                );
            }
            row = end;
        }
        if !from.activation.is_bounds() {
            // SAFETY: as above.
            unsafe {
                function::apply::<V>(from.activation, to, packed_len(rows.len(), self.k, V::LANES));
            }
        }
    }

    /// Copies the rows together from the picture.
    #[inline(always)]
    unsafe fn copy(
        &self,
        cx: &Context<'_>,
        (view, step, segments): (&View, [usize; 2], &[Segment]),
        rows: Range<usize>,
        to: *mut f32,
        lines: *mut f32,
    ) {
        let x = cx.view(view).cast_const();
        let width = self.out.shape.width;
        let (mut oy, mut ox) = (rows.start / width, rows.start % width);
        let count = rows.len();
        let last = segments.len().saturating_sub(1);
        let whole = segments[..last].iter().all(|s| s.len.is_multiple_of(V::LANES));
        for i in 0..count {
            let pixel = x.wrapping_add(oy * step[0] * view.row + ox * step[1] * view.pixel);
            // Segments that are no whole vectors are first put together, overlapping, in a line.
            let (mut to, next) = if whole {
                (to.wrapping_add(i * V::LANES), count * V::LANES)
            } else {
                (lines.wrapping_add(i * self.line()), V::LANES)
            };
            // SAFETY: taps read the picture and its border; a block has room for `count` rows, and a line for a row
            // and a vector.
            unsafe {
                for segment in segments {
                    let from = pixel.offset(segment.offset);
                    let mut c = 0;
                    while c + V::LANES <= segment.len {
                        V::load(from.add(c)).store(to);
                        to = to.add(next);
                        c += V::LANES;
                    }
                    let rest = segment.len - c;
                    if rest > 0 {
                        V::load_first(from.add(c), rest).store(to);
                        to = to.wrapping_add(if whole { next } else { rest });
                    }
                }
            }
            ox += 1;
            if ox == width {
                (oy, ox) = (oy + 1, 0);
            }
        }
        if !whole {
            for group in 0..self.k.div_ceil(V::LANES) {
                for i in 0..count {
                    // SAFETY: as above.
                    unsafe {
                        let numbers = V::load(lines.add(i * self.line() + group * V::LANES));
                        numbers.store(to.add((group * count + i) * V::LANES));
                    }
                }
            }
        }
    }

    /// Packs the results `rows`, block by block, behind room for the rows of one.
    unsafe fn pack_all(&self, cx: &Context<'_>, rows: &Range<usize>, scratch: *mut f32) {
        let packed = scratch.wrapping_add(self.lines());
        let blocks = blocks::<V>(rows);
        for block in 0..blocks {
            let block = part(rows.len(), blocks, block);
            let to = packed.wrapping_add(packed_len(block.start, self.k, V::LANES));
            let rows = rows.start + block.start..rows.start + block.end;
            // SAFETY: the caller's.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || self.pack(cx, rows, to, scratch),
                );
            }
        }
    }

    /// One panel of the results `rows`, packed at `a`.
    unsafe fn panel(
        &self,
        cx: &Context<'_>,
        rows: Range<usize>,
        a: *const f32,
        (vector, vectors): (usize, usize),
    ) {
        let column = vector * V::LANES;
        let columns = vectors * V::LANES;
        let blocks = blocks::<V>(&rows);
        let b = self.weights.start().wrapping_add(self.weights_at + column * self.k);
        let out = cx.view(&self.out).wrapping_add(column);
        let add = self.add.map(|add| cx.view(&add).cast_const().wrapping_add(column));
        // A depth of nothing (no tap reaches these results) still has a bias.
        for k in (0..self.k.max(1)).step_by(DEPTH) {
            let depth = DEPTH.min(self.k - k);
            let complete = k + depth == self.k;
            for block in 0..blocks {
                let range = part(rows.len(), blocks, block);
                let mut at = [0; MOST_ROWS];
                let mut add_at = [0; MOST_ROWS];
                let width = self.out.shape.width;
                for (i, row) in range.clone().enumerate() {
                    let (y, x) = ((rows.start + row) / width, (rows.start + row) % width);
                    at[i] = y * self.out.row + x * self.out.pixel;
                    if let Some(add) = &self.add {
                        add_at[i] = y * add.row + x * add.pixel;
                    }
                }
                let finish = Finish {
                    bias: self.bias.start().cast_const().wrapping_add(self.bias_at + column),
                    add: add.unwrap_or(std::ptr::null()),
                    add_rows: add_at.as_ptr(),
                    activation: self.activation,
                };
                let panel = b.wrapping_add(k * columns);
                let product = Tile {
                    a: a.wrapping_add(packed_len(range.start, self.k, V::LANES) + k * range.len()),
                    b: panel,
                    k: depth,
                    run: self.run,
                    onto: k > 0,
                    c: out,
                    rows: at.as_ptr(),
                    next_vector: V::LANES,
                    // Each block asks for its share of the panel's next part.
                    ahead: panel.wrapping_add(depth * columns + block * (columns / blocks) * depth),
                    ahead_step: columns / blocks,
                    finish: complete.then_some(finish),
                };
                // SAFETY: the caller's; panels are as large as the product is deep.
                unsafe { tile::run::<V>(range.len(), vectors, &product) };
            }
        }
    }

    /// Room for one row while its segments are put together.
    fn line(&self) -> usize {
        self.k.next_multiple_of(WIDEST) + WIDEST
    }

    /// Room for the rows of a block.
    fn lines(&self) -> usize {
        V::ROWS * self.line()
    }

    fn panels(&self) -> impl Iterator<Item = (usize, usize)> {
        panels(self.out.shape.channels, V::LANES)
    }
}

/// How many blocks rows are packed in.
fn blocks<V: Simd>(rows: &Range<usize>) -> usize {
    rows.len().div_ceil(V::ROWS)
}

impl<V: Simd> Step for Direct<V> {
    fn chunks(&self) -> usize {
        match self.split {
            Split::Results(each) => self.results().div_ceil(each),
            Split::Panels { parts } => parts * self.panels().count(),
        }
    }

    fn scratch(&self) -> usize {
        let results = match self.split {
            Split::Results(each) => each,
            Split::Panels { parts } => self.results().div_ceil(parts),
        };
        self.lines() + packed_len(results, self.k, V::LANES)
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        match self.split {
            Split::Results(each) => {
                let rows = part(self.results(), self.results().div_ceil(each), chunk);
                let scratch = cx.scratch.anew();
                // SAFETY: the caller's; scratch has room for the lines and the packed rows.
                unsafe {
                    self.pack_all(cx, &rows, scratch);
                    for panel in self.panels() {
                        self.panel(cx, rows.clone(), scratch.add(self.lines()), panel);
                    }
                }
            }
            Split::Panels { parts } => {
                let panels = self.panels().count();
                let panel = self.panels().nth(chunk % panels).expect("a chunk is a panel");
                let index = chunk / panels;
                let rows = part(self.results(), parts, index);
                let (scratch, is_new) = cx.scratch.shared(self, index);
                // SAFETY: as above.
                unsafe {
                    if is_new {
                        self.pack_all(cx, &rows, scratch);
                    }
                    self.panel(cx, rows, scratch.add(self.lines()), panel);
                }
            }
        }
    }
}
