//! A kernel's numbers in a form, and how they are kept in a file: a tag that says the form, and the numbers as they are.

use std::sync::Arc;

use super::{Channels, Form, Values};
use crate::ConvError;
use crate::memory::Block;

/// A kernel's numbers as some instruction set wants them. A clone is the same numbers.
///
/// To keep them, write [`tag`](Self::tag) and, from a multiple of 64 bytes on, [`numbers`](Self::numbers), in this
/// machine's byte order; [`Weights::with_prepared`](crate::Weights::with_prepared) takes them back.
#[derive(Clone)]
pub struct Prepared(Arc<Numbers>);

struct Numbers {
    form: Form,
    /// `len` numbers that `_owner` keeps where they are, and nobody writes.
    start: *const f32,
    len: usize,
    _owner: Owner,
}

/// Held, never looked at.
#[expect(dead_code, reason = "dropped with the numbers")]
enum Owner {
    Made(Block),
    Shared(Values),
}

// SAFETY: the numbers are only read, and both owners may be dropped by any thread.
unsafe impl Send for Numbers {}
// SAFETY: as above.
unsafe impl Sync for Numbers {}

/// The first word of a tag; another number when what a form means changes.
const VERSION: u32 = 0xca11_0001;

impl Prepared {
    pub(super) fn made(form: Form, block: Block) -> Self {
        let (start, len) = (block.start().cast_const(), block.len());
        Prepared(Arc::new(Numbers { form, start, len, _owner: Owner::Made(block) }))
    }

    /// Numbers that somebody else owns, if they can be the form of a kernel of `dims`.
    pub(super) fn shared(form: Form, dims: [usize; 4], numbers: Values) -> Result<Self, ConvError> {
        // Asked once: an owner may show other numbers the next time, but these stay as long as it lives.
        let slice = numbers.as_slice();
        let (start, len) = (slice.as_ptr(), slice.len());
        if form.len(dims) != Some(len) {
            return Err(ConvError::Weights(format!("{len} prepared numbers for {form:?} of {dims:?}")));
        }
        if !start.addr().is_multiple_of(64) {
            return Err(ConvError::Weights("prepared numbers do not begin at a multiple of 64 bytes".into()));
        }
        Ok(Prepared(Arc::new(Numbers { form, start, len, _owner: Owner::Shared(numbers) })))
    }

    /// Which form this is, and of which version of this crate: some bytes, the same for the same form.
    pub fn tag(&self) -> Vec<u8> {
        self.0.form.words().into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// The numbers, aligned to 64 bytes.
    pub fn numbers(&self) -> &[f32] {
        // SAFETY: the owner keeps them as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.0.start, self.0.len) }
    }

    pub(super) fn form(&self) -> &Form {
        &self.0.form
    }

    /// The first number.
    pub(crate) fn start(&self) -> *const f32 {
        self.0.start
    }
}

impl Form {
    /// `[version, kind, turned, groups, lanes, out, taps…]`; what else a form has follows from the kernel.
    fn words(&self) -> Vec<u32> {
        let (kind, channels, lanes, out, taps) = match self {
            Form::Panels { channels, taps, lanes } => (0, Some(channels), *lanes, 0, taps),
            Form::Winograd { channels, taps, out, lanes } => (1, Some(channels), *lanes, *out, taps),
            Form::Depthwise { taps } => (2, None, 0, 0, taps),
        };
        let [turned, groups] = channels.map_or([0, 0], |c| [usize::from(c.turned), c.groups]);
        let head = [turned, groups, lanes, out].into_iter().chain(taps.iter().flatten().copied());
        let number = |n| u32::try_from(n).expect("kernels and groups are smaller than 2³²");
        [VERSION, kind].into_iter().chain(head.map(number)).collect()
    }

    /// The form that a tag says, if a kernel of `dims` can have it.
    pub(super) fn of_tag(tag: &[u8], dims: [usize; 4]) -> Result<Form, ConvError> {
        let refused = |why: &str| ConvError::Weights(format!("a prepared form's tag: {why}"));
        let (words, rest) = tag.as_chunks::<4>();
        let words: Vec<usize> = words.iter().map(|w| u32::from_le_bytes(*w) as usize).collect();
        let [version, kind, turned, groups, lanes, out, taps @ ..] = &words[..] else {
            return Err(refused("too short"));
        };
        if *version != VERSION as usize || !rest.is_empty() {
            return Err(refused("of another version"));
        }
        let (taps, odd) = taps.as_chunks::<2>();
        if !odd.is_empty() || taps.iter().any(|[y, x]| *y >= dims[2] || *x >= dims[3]) {
            return Err(refused("taps outside of the kernel"));
        }
        let taps = taps.to_vec();
        if *kind == 2 {
            return Ok(Form::Depthwise { taps });
        }
        if ![8, 16].contains(lanes) || *turned > 1 || *groups == 0 || !dims[0].is_multiple_of(*groups) {
            return Err(refused("lanes or groups that cannot be"));
        }
        let channels = Channels::of(dims, *groups, *turned == 1);
        match (kind, out) {
            (0, 0) => Ok(Form::Panels { channels, taps, lanes: *lanes }),
            (1, 2 | 4) if dims[2..] == [3, 3] && taps.len() == 9 && *groups == 1 => {
                Ok(Form::Winograd { channels, taps, out: *out, lanes: *lanes })
            }
            _ => Err(refused("of no known form")),
        }
    }
}
