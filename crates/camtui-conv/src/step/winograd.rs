//! A 3×3 convolution by Winograd's minimal filtering (see [`crate::kernel::transform`]): the picture is cut into
//! overlapping tiles, each tile is transformed, the transformed tiles are multiplied with the transformed kernels,
//! position by position, and the products are transformed back.
//!
//! Where a few rows of tiles fill the cache, a chunk takes some tiles through all of it, with kernels that were
//! transformed beforehand. Where the weights weigh more, each thread transforms all tiles, and a chunk makes one panel of
//! channels of them, whose kernels it transforms as it reads them: nine numbers come from memory that is far, not
//! sixteen, and nothing but the plain form is held.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::{Context, Step, part};
use crate::Activation;
use crate::kernel::function;
use crate::kernel::tile::{self, DEPTH, MOST_ROWS, Tile};
use crate::kernel::transform::{self, Winograd as TileSize};
use crate::memory::Block;
use crate::simd::Simd;
use crate::view::View;
use crate::weights::{Prepared, panels};

/// How the work is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    /// So many rows of tiles a chunk.
    Rows(usize),
    /// A chunk makes one panel of one of so many parts of the tiles.
    Panels { parts: usize },
}

/// See the module.
pub(crate) struct Winograd<V, W> {
    pub x: View,
    /// Where the first tile begins, from pixel (0, 0).
    pub first: [isize; 2],
    pub out: View,
    pub add: Option<View>,
    /// Transformed where a chunk takes rows, plain panels where it takes a panel.
    pub weights: Prepared,
    pub bias: Arc<Block>,
    pub activation: Activation,
    pub split: Split,
    pub kinds: PhantomData<(V, W)>,
}

/// The sizes that follow from the channels and the tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Rows and columns of tiles.
    pub grid: [usize; 2],
    /// (m + 2)²
    pub positions: usize,
    /// Channels read, padded to whole vectors.
    pub read: usize,
    /// Numbers from one tile's products to the next's: all positions of all channels made, and a line more, so that
    /// tiles do not fall onto the same sets of the cache.
    pub products: usize,
}

impl Sizes {
    pub fn of(out: usize, read: usize, result: crate::Shape, lanes: usize) -> Sizes {
        let positions = (out + 2) * (out + 2);
        Sizes {
            grid: [result.height.div_ceil(out), result.width.div_ceil(out)],
            positions,
            read: read.next_multiple_of(lanes),
            products: result.channels.next_multiple_of(lanes) * positions + 16,
        }
    }

    /// Numbers from one position of `tiles` transformed tiles to the next: a line more, for the same reason.
    fn position(&self, tiles: usize) -> usize {
        tiles * self.read + 16
    }

    /// Numbers that `tiles` transformed tiles take.
    pub fn tiles_len(&self, tiles: usize) -> usize {
        self.positions * self.position(tiles)
    }

    /// Numbers that `tiles` tiles' products take.
    pub fn products_len(&self, tiles: usize) -> usize {
        tiles * self.products
    }

    /// How many rows of tiles a chunk takes so that the kernel's `rows` are filled twice; none where there are too
    /// few tiles for more than a chunk or two, or where a chunk would not stay in the second cache.
    pub fn rows_a_chunk(&self, rows: usize) -> Option<usize> {
        const NUMBERS: usize = 192 * 1024;
        let each = (2 * rows).div_ceil(self.grid[1]);
        let numbers = self.tiles_len(each * self.grid[1]) + self.products_len(each * self.grid[1]);
        (self.tiles() > 64 && numbers <= NUMBERS).then_some(each)
    }

    pub fn tiles(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Numbers from one tile's products to the next's where they are those of one panel.
    fn panel_products(&self, lanes: usize) -> usize {
        2 * lanes * self.positions + 16
    }

    /// Channels whose kernels are transformed together, so that these stay in the second cache.
    fn depth(&self, lanes: usize) -> usize {
        const NUMBERS: usize = 32 * 1024;
        (NUMBERS / (self.positions * 2 * lanes)).next_multiple_of(lanes)
    }

    /// Numbers from one position of the transformed kernels of `depth` channels to the next: a line more, as above.
    fn kernels_position(depth: usize, columns: usize) -> usize {
        depth * columns + 16
    }

    /// Numbers that the transformed kernels of so many channels of a panel take.
    fn kernels_len(&self, lanes: usize) -> usize {
        self.positions * Self::kernels_position(self.depth(lanes), 2 * lanes)
    }
}

impl<V: Simd, W: TileSize> Winograd<V, W> {
    fn sizes(&self) -> Sizes {
        Sizes::of(W::OUT, self.x.shape.channels, self.out.shape, V::LANES)
    }

    /// Transforms block `block` of the tiles `tiles` to `to`: `[position][block][k / LANES][rows][LANES]`.
    #[inline(always)]
    unsafe fn tiles_in(&self, cx: &Context<'_>, tiles: &Range<usize>, block: usize, to: *mut f32) {
        let sizes = self.sizes();
        let x = cx
            .view(&self.x)
            .cast_const()
            .wrapping_offset(self.first[0] * self.x.row as isize + self.first[1] * self.x.pixel as isize);
        let rows = part(tiles.len(), blocks::<V>(tiles), block);
        let to = to.wrapping_add(rows.start * sizes.read);
        for (i, tile) in rows.clone().enumerate() {
            let (ty, tx) = ((tiles.start + tile) / sizes.grid[1], (tiles.start + tile) % sizes.grid[1]);
            let pixels = x.wrapping_add(ty * W::OUT * self.x.row + tx * W::OUT * self.x.pixel);
            for c in (0..sizes.read).step_by(V::LANES) {
                // SAFETY: the picture's border reaches as far as the last tile.
                unsafe {
                    transform::pixels::<V, W>(
                        pixels.add(c),
                        self.x.row,
                        self.x.pixel,
                        to.add(c * rows.len() + i * V::LANES),
                        sizes.position(tiles.len()),
                    );
                }
            }
        }
    }

    /// Multiplies one position of all `tiles` with its weights: to `[tile][vector of channels][position][LANES]`.
    unsafe fn multiply(&self, tiles: usize, position: usize, from: *const f32, to: *mut f32) {
        let sizes = self.sizes();
        let (k, made) = (self.x.shape.channels, self.out.shape.channels);
        let a = from.wrapping_add(position * sizes.position(tiles));
        let weights = self.weights.start();
        let weights = weights.wrapping_add(position * k * made.next_multiple_of(V::LANES));
        let blocks = blocks::<V>(&(0..tiles));
        let at: [usize; MOST_ROWS] = std::array::from_fn(|i| i * sizes.products);
        for (vector, vectors) in panels(made, V::LANES) {
            let columns = vectors * V::LANES;
            for start in (0..k).step_by(DEPTH) {
                let depth = DEPTH.min(k - start);
                let panel = weights.wrapping_add(vector * V::LANES * k + start * columns);
                for block in 0..blocks {
                    let rows = part(tiles, blocks, block);
                    let c = rows.start * sizes.products + (vector * sizes.positions + position) * V::LANES;
                    let product = Tile {
                        a: a.wrapping_add(rows.start * sizes.read + start * rows.len()),
                        b: panel,
                        k: depth,
                        run: DEPTH,
                        onto: start > 0,
                        c: to.wrapping_add(c),
                        rows: at.as_ptr(),
                        next_vector: sizes.positions * V::LANES,
                        // Each block asks for its share of what follows the panel.
                        ahead: panel.wrapping_add(depth * columns + block * (columns / blocks) * depth),
                        ahead_step: columns / blocks,
                        finish: None,
                    };
                    // SAFETY: the caller's.
                    unsafe { tile::run::<V>(rows.len(), vectors, &product) };
                }
            }
        }
    }

    /// Makes one panel of the tiles `tiles`, transformed at `from`; `scratch` is room for kernels and products.
    unsafe fn panel(
        &self,
        cx: &Context<'_>,
        tiles: &Range<usize>,
        from: *const f32,
        (vector, vectors): (usize, usize),
        scratch: *mut f32,
    ) {
        let sizes = self.sizes();
        let (k, columns) = (self.x.shape.channels, vectors * V::LANES);
        let panel = self.weights.start().wrapping_add(vector * V::LANES * 9 * k);
        let (tap, next) = (k * columns, panel.wrapping_add(9 * k * columns));
        let products = scratch.wrapping_add(sizes.kernels_len(V::LANES));
        let each = sizes.panel_products(V::LANES);
        let at: [usize; MOST_ROWS] = std::array::from_fn(|i| i * each);
        let blocks = blocks::<V>(tiles);
        for start in (0..k).step_by(sizes.depth(V::LANES)) {
            let depth = sizes.depth(V::LANES).min(k - start);
            let next_position = Sizes::kernels_position(depth, columns);
            // SAFETY: the caller's; scratch has room for the kernels of this depth.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || {
                        for number in (0..depth * columns).step_by(V::LANES) {
                            let from = panel.add(start * columns + number);
                            transform::kernel::<V, W>(from, tap, scratch.add(number), next_position);
                        }
                    },
                );
            }
            let ahead = if start + depth < k { panel.wrapping_add((start + depth) * columns) } else { next };
            for position in 0..sizes.positions {
                for block in 0..blocks {
                    let rows = part(tiles.len(), blocks, block);
                    let product = Tile {
                        a: from.wrapping_add(
                            position * sizes.position(tiles.len())
                                + rows.start * sizes.read
                                + start * rows.len(),
                        ),
                        b: scratch.wrapping_add(position * next_position),
                        k: depth,
                        run: DEPTH,
                        onto: start > 0,
                        c: products.wrapping_add(rows.start * each + position * V::LANES),
                        rows: at.as_ptr(),
                        next_vector: sizes.positions * V::LANES,
                        // The next channels' taps, one at a position; each block asks for its share.
                        ahead: ahead.wrapping_add(position.min(8) * tap + block * (columns / blocks)),
                        ahead_step: columns,
                        finish: None,
                    };
                    // SAFETY: the caller's.
                    unsafe { tile::run::<V>(rows.len(), vectors, &product) };
                }
            }
        }
        let first = vector * V::LANES;
        for tile in 0..tiles.len() {
            let from = products.wrapping_add(tile * each);
            // SAFETY: the caller's.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || self.tile_out(cx, tiles.start + tile, first..first + columns, from),
                );
            }
        }
    }

    /// Transforms the products of some channels of a tile back, and finishes them.
    #[inline(always)]
    unsafe fn tile_out(&self, cx: &Context<'_>, tile: usize, channels: Range<usize>, from: *const f32) {
        let sizes = self.sizes();
        let (ty, tx) = (tile / sizes.grid[1], tile % sizes.grid[1]);
        let [y, x] = [ty * W::OUT, tx * W::OUT];
        let height = W::OUT.min(self.out.shape.height - y);
        let width = W::OUT.min(self.out.shape.width - x);
        let out = cx.view(&self.out).wrapping_add(y * self.out.row + x * self.out.pixel);
        let add = self.add.map(|add| (add, cx.view(&add).wrapping_add(y * add.row + x * add.pixel)));
        let first = channels.start;
        for c in channels.step_by(V::LANES) {
            // SAFETY: the caller's; results outside of the picture are dropped.
            unsafe {
                let (low, high) = self.activation.limits::<V>();
                let bias = V::load(self.bias.start().add(c));
                let lines = transform::results::<V, W>(from.add((c - first) * sizes.positions), V::LANES);
                for (y, line) in lines.into_iter().enumerate().take(height) {
                    for (x, result) in line.into_iter().enumerate().take(width) {
                        let mut sum = result + bias;
                        if let Some((view, add)) = &add {
                            sum = sum + V::load(add.add(y * view.row + x * view.pixel + c));
                        }
                        let to = out.add(y * self.out.row + x * self.out.pixel + c);
                        sum.at_least(low).at_most(high).store(to);
                        if !self.activation.is_bounds() {
                            function::apply::<V>(self.activation, to, V::LANES);
                        }
                    }
                }
            }
        }
    }
}

/// How many blocks the tiles are packed in.
fn blocks<V: Simd>(tiles: &Range<usize>) -> usize {
    tiles.len().div_ceil(V::ROWS)
}

impl<V: Simd, W: TileSize> Winograd<V, W> {
    fn panels(&self) -> impl Iterator<Item = (usize, usize)> {
        panels(self.out.shape.channels, V::LANES)
    }

    /// Transforms the tiles `tiles` to `to`, block by block.
    unsafe fn transform(&self, cx: &Context<'_>, tiles: &Range<usize>, to: *mut f32) {
        for block in 0..blocks::<V>(tiles) {
            // SAFETY: the caller's.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || self.tiles_in(cx, tiles, block, to),
                );
            }
        }
    }
}

impl<V: Simd, W: TileSize> Step for Winograd<V, W> {
    fn chunks(&self) -> usize {
        match self.split {
            Split::Rows(each) => self.sizes().grid[0].div_ceil(each),
            Split::Panels { parts } => parts * self.panels().count(),
        }
    }

    fn scratch(&self) -> usize {
        let sizes = self.sizes();
        match self.split {
            Split::Rows(each) => {
                let tiles = each * sizes.grid[1];
                sizes.tiles_len(tiles) + sizes.products_len(tiles)
            }
            Split::Panels { parts } => {
                let tiles = sizes.tiles().div_ceil(parts);
                sizes.tiles_len(tiles) + sizes.kernels_len(V::LANES) + tiles * sizes.panel_products(V::LANES)
            }
        }
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        let sizes = self.sizes();
        match self.split {
            Split::Rows(each) => {
                let rows = part(sizes.grid[0], sizes.grid[0].div_ceil(each), chunk);
                let tiles = rows.start * sizes.grid[1]..rows.end * sizes.grid[1];
                let v = cx.scratch.anew();
                let m = v.wrapping_add(sizes.tiles_len(tiles.len()));
                // SAFETY: the caller's; scratch has room for these tiles and their products.
                unsafe {
                    self.transform(cx, &tiles, v);
                    for position in 0..sizes.positions {
                        self.multiply(tiles.len(), position, v, m);
                    }
                    for (i, tile) in tiles.enumerate() {
                        let from = m.wrapping_add(i * sizes.products);
                        V::enter(
                            #[inline(always)]
                            || self.tile_out(cx, tile, 0..self.out.shape.channels, from),
                        );
                    }
                }
            }
            Split::Panels { parts } => {
                let panels = self.panels().count();
                let panel = self.panels().nth(chunk % panels).expect("a chunk is a panel");
                let index = chunk / panels;
                let tiles = part(sizes.tiles(), parts, index);
                let (v, is_new) = cx.scratch.shared(self, index);
                let rest = v.wrapping_add(sizes.tiles_len(sizes.tiles().div_ceil(parts)));
                // SAFETY: the caller's; scratch has room for a part's tiles, and for a panel's kernels and products.
                unsafe {
                    if is_new {
                        self.transform(cx, &tiles, v);
                    }
                    self.panel(cx, &tiles, v, panel, rest);
                }
            }
        }
    }
}
