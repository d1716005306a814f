//! A 3×3 convolution by Winograd's minimal filtering (see [`crate::kernel::transform`]): the picture is cut into
//! overlapping tiles, each tile is transformed, the transformed tiles are multiplied with the transformed kernels,
//! position by position, and the products are transformed back.
//!
//! Where a few rows of tiles fill the cache, a chunk takes some tiles through all of it. Where the weights weigh
//! more, the three parts are phases, and a chunk of the second multiplies one position of all tiles, so that each
//! weight is read once.

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
use crate::view::{BufferId, View};
use crate::weights::{Prepared, panels};

/// How the work is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    /// So many rows of tiles a chunk.
    Rows(usize),
    /// Tiles and products in buffers, three phases.
    Positions { tiles: BufferId, products: BufferId },
}

/// See the module.
pub(crate) struct Winograd<V, W> {
    pub x: View,
    /// Where the first tile begins, from pixel (0, 0).
    pub first: [isize; 2],
    pub out: View,
    pub add: Option<View>,
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

    /// Transforms the products of tile `tile` of `tiles` back, and finishes them.
    #[inline(always)]
    unsafe fn tile_out(&self, cx: &Context<'_>, tiles: &Range<usize>, tile: usize, from: *const f32) {
        let sizes = self.sizes();
        let (ty, tx) = ((tiles.start + tile) / sizes.grid[1], (tiles.start + tile) % sizes.grid[1]);
        let [y, x] = [ty * W::OUT, tx * W::OUT];
        let height = W::OUT.min(self.out.shape.height - y);
        let width = W::OUT.min(self.out.shape.width - x);
        let out = cx.view(&self.out).wrapping_add(y * self.out.row + x * self.out.pixel);
        let add = self.add.map(|add| (add, cx.view(&add).wrapping_add(y * add.row + x * add.pixel)));
        let from = from.wrapping_add(tile * sizes.products);
        for c in (0..self.out.shape.channels).step_by(V::LANES) {
            // SAFETY: the caller's; results outside of the picture are dropped.
            unsafe {
                let (low, high) = self.activation.limits::<V>();
                let bias = V::load(self.bias.start().add(c));
                let lines = transform::results::<V, W>(from.add(c * sizes.positions), V::LANES);
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

/// Tiles a chunk transforms back, where that is a phase.
const TILES_OUT: usize = 4;

impl<V: Simd, W: TileSize> Step for Winograd<V, W> {
    fn phases(&self) -> Vec<usize> {
        let sizes = self.sizes();
        match self.split {
            Split::Rows(each) => vec![sizes.grid[0].div_ceil(each)],
            Split::Positions { .. } => {
                vec![blocks::<V>(&(0..sizes.tiles())), sizes.positions, sizes.tiles().div_ceil(TILES_OUT)]
            }
        }
    }

    fn scratch(&self) -> usize {
        let sizes = self.sizes();
        match self.split {
            Split::Rows(each) => {
                let tiles = each * sizes.grid[1];
                sizes.tiles_len(tiles) + sizes.products_len(tiles)
            }
            Split::Positions { .. } => 0,
        }
    }

    unsafe fn run(&self, cx: &Context<'_>, phase: usize, chunk: usize) {
        let sizes = self.sizes();
        match self.split {
            Split::Rows(each) => {
                let rows = part(sizes.grid[0], sizes.grid[0].div_ceil(each), chunk);
                let tiles = rows.start * sizes.grid[1]..rows.end * sizes.grid[1];
                let (v, m) = (cx.scratch, cx.scratch.wrapping_add(sizes.tiles_len(tiles.len())));
                // SAFETY: the caller's; scratch has room for these tiles and their products.
                unsafe {
                    for block in 0..blocks::<V>(&tiles) {
                        V::enter(
                            #[inline(always)]
                            || self.tiles_in(cx, &tiles, block, v),
                        );
                    }
                    for position in 0..sizes.positions {
                        self.multiply(tiles.len(), position, v, m);
                    }
                    for tile in 0..tiles.len() {
                        V::enter(
                            #[inline(always)]
                            || self.tile_out(cx, &tiles, tile, m),
                        );
                    }
                }
            }
            Split::Positions { tiles: v, products: m } => {
                let tiles = 0..sizes.tiles();
                let (v, m) = (cx.buffer(v), cx.buffer(m));
                // SAFETY: the caller's; the buffers have room for all tiles and their products.
                unsafe {
                    match phase {
                        0 => V::enter(
                            #[inline(always)]
                            || self.tiles_in(cx, &tiles, chunk, v),
                        ),
                        1 => self.multiply(tiles.len(), chunk, v, m),
                        _ => {
                            for tile in part(tiles.len(), tiles.len().div_ceil(TILES_OUT), chunk) {
                                V::enter(
                                    #[inline(always)]
                                    || self.tile_out(cx, &tiles, tile, m),
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
