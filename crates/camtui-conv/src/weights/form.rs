//! The forms in which kernels want a convolution's numbers.

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

    /// The first channel of the product that channel `made` of it sees, and the kernel between the two (in units of
    /// kernels). It sees [`read`](Self::read) channels, whose kernels are [`step`](Self::step) apart.
    pub fn source(&self, product: usize, made: usize) -> (usize, usize) {
        let group = made / self.made;
        let made = made % self.made;
        let whole = product * self.together + group;
        let kernel = if self.turned {
            whole * self.read * self.made + made
        } else {
            (whole * self.made + made) * self.read
        };
        (group * self.read, kernel)
    }

    /// From the kernel of one channel read to the next one's.
    pub fn step(&self) -> usize {
        if self.turned { self.made } else { 1 }
    }
}

/// A form of a kernel's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// `[product][panel][tap][channel read][2·lanes]`, see [`crate::kernel::tile`]; the last panel has one vector
    /// where that is enough.
    Panels { channels: Channels, taps: Vec<[usize; 2]>, lanes: usize },
    /// The same of one product for several phases: of each tap the kernel's place for each of them, or zeros where a phase has no
    /// such tap. Its channels are those of the phases, one after the other.
    Phases { channels: Channels, taps: Vec<Vec<Option<[usize; 2]>>>, lanes: usize },
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
    /// How many numbers the form of a kernel of `dims` has; none if that is more than there can be.
    pub fn len(&self, dims: [usize; 4]) -> Option<usize> {
        let product = |factors: &[usize]| factors.iter().try_fold(1usize, |n, &f| n.checked_mul(f));
        match self {
            Form::Panels { channels, taps, lanes } => {
                let [read, made] = channels.sizes();
                product(&[channels.products(), taps.len(), read, made.next_multiple_of(*lanes)])
            }
            Form::Phases { channels, taps, lanes } => {
                let made = taps.first().map_or(0, Vec::len) * channels.made;
                product(&[taps.len(), channels.read, made.next_multiple_of(*lanes)])
            }
            Form::Winograd { channels, out, lanes, .. } => {
                let [read, made] = channels.sizes();
                product(&[out + 2, out + 2, read, made.next_multiple_of(*lanes)])
            }
            Form::Depthwise { taps } => product(&[taps.len(), dims[0].next_multiple_of(WIDEST)]),
        }
    }
}
