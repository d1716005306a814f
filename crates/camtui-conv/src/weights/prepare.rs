//! The forms in which kernels want a convolution's numbers.

use super::Weights;
use crate::kernel::transform::{self, Four, Two, Winograd};
use crate::memory::Block;
use crate::simd::WIDEST;

/// How the channels of a kernel fall into products. Groups that are smaller than a vector are taken together, with
/// zeros where one group does not see another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Channels {
    /// Whether the kernel is used from its outputs to its inputs (a transposed convolution).
    pub turned: bool,
    /// Groups of the convolution.
    pub groups: usize,
    /// How many groups one product takes together; a divisor of `groups`.
    pub together: usize,
    /// Channels that one group reads, and that it makes.
    pub read: usize,
    pub made: usize,
}

impl Channels {
    /// Of a kernel of `dims`.
    pub fn of(dims: [usize; 4], groups: usize, turned: bool) -> Channels {
        let (read, made) = if turned { (dims[0] / groups, dims[1]) } else { (dims[1], dims[0] / groups) };
        // Products must begin at whole vectors.
        let together = (1..=groups).find(|m| groups.is_multiple_of(*m) && (m * made).is_multiple_of(WIDEST));
        Channels { turned, groups, together: together.unwrap_or(groups), read, made }
    }

    /// How many products there are.
    pub fn products(&self) -> usize {
        self.groups / self.together
    }

    /// Channels that one product reads, and that it makes.
    pub fn sizes(&self) -> [usize; 2] {
        [self.together * self.read, self.together * self.made]
    }

    /// Where the kernel of one pair of channels of a product begins (in units of kernels); none where they belong to
    /// different groups.
    fn pair(&self, product: usize, read: usize, made: usize) -> Option<usize> {
        let (from, to) = (read / self.read, made / self.made);
        (from == to).then(|| {
            let group = product * self.together + to;
            let (read, made) = (read % self.read, made % self.made);
            if self.turned {
                (group * self.read + read) * self.made + made
            } else {
                (group * self.made + made) * self.read + read
            }
        })
    }
}

/// A form of a kernel's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// `[product][panel][tap][channel read][2·lanes]`, see [`crate::kernel::tile`]; the last panel has one vector
    /// where that is enough.
    Panels { channels: Channels, taps: Vec<[usize; 2]>, lanes: usize },
    /// Transformed 3×3 kernels: `[position][panel][channel read][2·lanes]`.
    Winograd { channels: Channels, taps: Vec<[usize; 2]>, out: usize, lanes: usize },
    /// `[tap][channel]`, channels padded to whole vectors.
    Depthwise { taps: Vec<[usize; 2]> },
}

/// The panels that `made` channels take: the first vector of each, and how many vectors.
pub(crate) fn panels(made: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let vectors = made.div_ceil(lanes);
    (0..vectors).step_by(2).map(move |first| (first, (vectors - first).min(2)))
}

impl Form {
    /// How many numbers the form has.
    pub fn len(&self) -> usize {
        match self {
            Form::Panels { channels, taps, lanes } => {
                let [read, made] = channels.sizes();
                channels.products() * taps.len() * read * made.next_multiple_of(*lanes)
            }
            Form::Winograd { channels, out, lanes, .. } => {
                let [read, made] = channels.sizes();
                (out + 2) * (out + 2) * read * made.next_multiple_of(*lanes)
            }
            Form::Depthwise { .. } => unreachable!("depends on the kernel"),
        }
    }

    pub(super) fn prepare(&self, weights: &Weights) -> Block {
        let [.., kh, kw] = weights.dims();
        let numbers = weights.numbers();
        match self {
            Form::Panels { channels, taps, lanes } => {
                let mut block = Block::zeros(self.len());
                let [read, made] = channels.sizes();
                let k = taps.len() * read;
                let size = k * made.next_multiple_of(*lanes);
                for (product, to) in block.as_mut_slice().chunks_mut(size.max(1)).enumerate() {
                    each_lane(made, *lanes, |channel, panel, lane, columns| {
                        for (t, [ky, kx]) in taps.iter().enumerate() {
                            for c in 0..read {
                                if let Some(pair) = channels.pair(product, c, channel) {
                                    to[panel * k + (t * read + c) * columns + lane] =
                                        numbers[(pair * kh + ky) * kw + kx];
                                }
                            }
                        }
                    });
                }
                block
            }
            Form::Winograd { channels, taps, out: 2, lanes } => {
                self.winograd::<Two>(channels, taps, *lanes, numbers)
            }
            Form::Winograd { channels, taps, lanes, .. } => {
                self.winograd::<Four>(channels, taps, *lanes, numbers)
            }
            Form::Depthwise { taps } => {
                let count = weights.dims()[0];
                let padded = count.next_multiple_of(WIDEST);
                let mut block = Block::zeros(taps.len() * padded);
                for ([ky, kx], to) in taps.iter().zip(block.as_mut_slice().chunks_mut(padded)) {
                    for (c, to) in to[..count].iter_mut().enumerate() {
                        *to = numbers[(c * kh + ky) * kw + kx];
                    }
                }
                block
            }
        }
    }

    fn winograd<W: Winograd>(
        &self,
        channels: &Channels,
        taps: &[[usize; 2]],
        lanes: usize,
        numbers: &[f32],
    ) -> Block {
        let mut block = Block::zeros(self.len());
        let [read, made] = channels.sizes();
        let size = read * made.next_multiple_of(lanes);
        let to = block.as_mut_slice();
        each_lane(made, lanes, |channel, panel, lane, columns| {
            for c in 0..read {
                let Some(pair) = channels.pair(0, c, channel) else { continue };
                let g = std::array::from_fn(|i| numbers[pair * 9 + taps[i][0] * 3 + taps[i][1]]);
                transform::kernel::<W>(&g, |position, number| {
                    to[position * size + panel * read + c * columns + lane] = number;
                });
            }
        });
        block
    }
}

/// For each channel made: the channel, its panel's first column, its lane in the panel and the panel's columns.
fn each_lane(made: usize, lanes: usize, mut each: impl FnMut(usize, usize, usize, usize)) {
    for (vector, vectors) in panels(made, lanes) {
        for lane in 0..(vectors * lanes).min(made - vector * lanes) {
            each(vector * lanes + lane, vector * lanes, lane, vectors * lanes);
        }
    }
}
