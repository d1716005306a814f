//! The sink: what an explainer hands back, copied and checked before anyone looks at it.

use std::ffi::c_void;
use std::ptr::{from_ref, null};
use std::sync::{Mutex, MutexGuard, PoisonError};

use camtui_plugin::abi;

use crate::text::clean;

/// Longest side of a map.
const SIDE_LIMIT: u32 = 16_384;
/// Most values of a map.
const AREA_LIMIT: u64 = 1 << 26;
/// Most channels beside the map.
const CHANNEL_LIMIT: usize = 256;
/// Most notes.
const NOTE_LIMIT: usize = 64;
/// Longest note or error, in characters.
const TEXT_LIMIT: usize = 2_000;
/// Longest name of a channel, in characters.
const NAME_LIMIT: usize = 200;
/// What sentences call the map.
const MAP: &str = "the map";
/// What they call the terms.
const TERMS: &str = "the terms of the map";
/// What they call one that is not done yet.
const PARTIAL: &str = "a partial map";
/// Most values of all terms.
const TERMS_LIMIT: u64 = 1 << 28;

/// What an explainer found. All values are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The map, before the outermost ReLU.
    pub map: Grid,
    /// Further maps beside it.
    pub channels: Vec<Channel>,
    /// What the map is the sum of, where that was wanted.
    pub terms: Option<Terms>,
    /// Sentences that help to read the map.
    pub notes: Vec<String>,
    /// The layer the map is of; `None` for a map of the picture itself.
    pub layer: Option<String>,
    /// What the explainer did besides that it must not do, a sentence each: printed, left threads running, changed
    /// what belongs to the process. The map is good all the same.
    pub complaints: Vec<String>,
}

/// `height × width` finite values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Rows, at least 1.
    pub height: usize,
    /// Columns, at least 1.
    pub width: usize,
    /// `height · width` values.
    pub values: Vec<f32>,
}

/// What a map is the sum of: for methods that weigh activations, the weighted channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Rows of each, as of the map.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Plane by plane, `height · width` finite values each.
    pub values: Vec<f32>,
}

/// A further map.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// What it is.
    pub name: String,
    /// Its values.
    pub grid: Grid,
}

/// Something the sink did not take.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, thiserror::Error)]
pub enum SinkError {
    /// NaN or infinite values.
    #[error("{what} has {count} of {total} values that are not finite numbers")]
    NotFinite {
        /// `the map` or the channel.
        what: String,
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
    },
    /// A size that is not that of the values.
    #[error("{what} is said to be {height}×{width} but comes with {found} values")]
    WrongSize {
        /// `the map` or the channel.
        what: String,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// Values.
        found: u64,
    },
    /// No values, or more than anyone can look at.
    #[error("{what} is {height}×{width}; each side must be 1 to 16384 and the area at most 67108864")]
    OutOfBounds {
        /// `the map` or the channel.
        what: String,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// A null pointer.
    #[error("{0} has no values (a null pointer)")]
    Null(String),
    /// A second map.
    #[error("it gave two maps where one is expected")]
    TwoMaps,
    /// Terms that are no planes of one size.
    #[error("its terms are said to be {count} planes of {height}×{width} but come with {found} values")]
    BadTerms {
        /// How many planes.
        count: u32,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// Values.
        found: u64,
    },
    /// Terms a second time.
    #[error("it gave its terms twice")]
    TwoTerms,
    /// Channels without end.
    #[error("it gave more than 256 channels")]
    TooManyChannels,
    /// Channels beyond any bound.
    #[error("its channels and terms have more than 268435456 values in all")]
    TooManyValues,
    /// A layer that is none of the session's.
    #[error("it says that its map is of layer {0}, which is none of the model's")]
    NoSuchLayer(u32),
}

/// What has come in so far.
#[derive(Default)]
pub(crate) struct Collected {
    pub map: Option<Grid>,
    pub channels: Vec<Channel>,
    pub terms: Option<Terms>,
    pub notes: Vec<String>,
    pub layer: Option<u32>,
    pub error: Option<String>,
    /// The first thing that was refused.
    pub refused: Option<SinkError>,
}

/// The host's end of an [`abi::Sink`].
pub(crate) struct Collector {
    layer_count: u32,
    wants_terms: bool,
    collected: Mutex<Collected>,
}

impl Collector {
    pub fn new(layer_count: usize, wants_terms: bool) -> Self {
        Self { layer_count: layer_count as u32, wants_terms, collected: Mutex::default() }
    }

    /// The sink to hand out; it must not outlive `self`.
    pub fn sink(&self) -> abi::Sink {
        abi::Sink {
            size: size_of::<abi::Sink>() as u32,
            reserved: 0,
            host: from_ref(self).cast_mut().cast::<c_void>(),
            map: Some(map),
            channel: Some(channel),
            layer: Some(layer),
            note: Some(note),
            error: Some(error),
            get_extension: Some(get_extension),
            terms: Some(terms),
        }
    }

    pub fn finish(self) -> Collected {
        self.collected.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what `add` adds, or keeps the first refusal. None of the closures below can panic.
    fn take(&self, add: impl FnOnce(&mut Collected) -> Result<(), SinkError>) -> abi::Status {
        let mut collected: MutexGuard<'_, Collected> =
            self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        match add(&mut collected) {
            Ok(()) => abi::OK,
            Err(refused) => {
                collected.refused.get_or_insert(refused);
                abi::INVALID
            }
        }
    }
}

/// # Safety
///
/// `sink` is null or one that [`Collector::sink`] made of a collector that is still there.
unsafe fn collector<'a>(sink: *const abi::Sink) -> Option<&'a Collector> {
    // SAFETY: as the caller promises.
    unsafe { sink.as_ref().and_then(|sink| sink.host.cast::<Collector>().as_ref()) }
}

/// Copies and checks a grid.
///
/// # Safety
///
/// `values` is null or points to `count` values.
unsafe fn grid(
    what: &str,
    height: u32,
    width: u32,
    values: *const f32,
    count: u64,
) -> Result<Grid, SinkError> {
    let count = bounded(what, height, width, count)?;
    if values.is_null() {
        return Err(SinkError::Null(what.to_owned()));
    }
    // SAFETY: as the caller promises.
    finite(what, height, width, unsafe { copied(values, count) })
}

/// A copy of what may change as soon as this returns.
///
/// # Safety
///
/// `values` points to `count` values.
unsafe fn copied(values: *const f32, count: usize) -> Vec<f32> {
    let mut copy = vec![0f32; count];
    // SAFETY: as many values as the caller promises; byte by byte, because nobody promised alignment.
    unsafe { std::ptr::copy_nonoverlapping(values.cast::<u8>(), copy.as_mut_ptr().cast(), copy.len() * 4) };
    copy
}

/// The number of values, if size and number can be.
fn bounded(what: &str, height: u32, width: u32, count: u64) -> Result<usize, SinkError> {
    let what = || what.to_owned();
    let area = u64::from(height) * u64::from(width);
    if height == 0 || width == 0 || height > SIDE_LIMIT || width > SIDE_LIMIT || area > AREA_LIMIT {
        return Err(SinkError::OutOfBounds { what: what(), height, width });
    }
    if area != count {
        return Err(SinkError::WrongSize { what: what(), height, width, found: count });
    }
    Ok(count as usize)
}

/// Copies and checks what an explainer shows on its way.
///
/// # Safety
///
/// As for [`grid`].
pub(crate) unsafe fn partial(
    height: u32,
    width: u32,
    values: *const f32,
    count: u64,
) -> Result<Grid, SinkError> {
    // SAFETY: as the caller promises.
    unsafe { grid(PARTIAL, height, width, values, count) }
}

/// The same of what came from another process.
#[cfg(unix)]
pub(crate) fn partial_of(height: u32, width: u32, values: Vec<f32>) -> Result<Grid, SinkError> {
    bounded(PARTIAL, height, width, values.len() as u64)?;
    finite(PARTIAL, height, width, values)
}

/// The number of values of all terms, if there can be so many.
fn bounded_terms(count: u32, height: u32, width: u32, found: u64) -> Result<usize, SinkError> {
    bounded("a term", height, width, u64::from(height) * u64::from(width))?;
    let expected = (u64::from(height) * u64::from(width)).checked_mul(count.into());
    match expected {
        Some(expected) if expected > TERMS_LIMIT => Err(SinkError::TooManyValues),
        Some(expected) if expected == found && count > 0 => Ok(expected as usize),
        _ => Err(SinkError::BadTerms { count, height, width, found }),
    }
}

/// As many values as the size says, if all are numbers.
fn finite(what: &str, height: u32, width: u32, values: Vec<f32>) -> Result<Grid, SinkError> {
    let count = values.iter().filter(|v| !v.is_finite()).count();
    if count > 0 {
        return Err(SinkError::NotFinite { what: what.to_owned(), count, total: values.len() });
    }
    Ok(Grid { height: height as usize, width: width as usize, values })
}

/// What another process collected, through the same checks once more.
#[cfg(unix)]
impl Collector {
    pub fn give_map(&self, height: u32, width: u32, values: Vec<f32>) {
        self.take(|collected| {
            bounded(MAP, height, width, values.len() as u64)?;
            collected.add_map(finite(MAP, height, width, values))
        });
    }

    pub fn give_channel(&self, name: &str, height: u32, width: u32, values: Vec<f32>) {
        let name = clean(name, NAME_LIMIT);
        self.take(|collected| {
            let what = channel_of(&name);
            bounded(&what, height, width, values.len() as u64)?;
            collected.add_channel(name, || finite(&what, height, width, values))
        });
    }

    pub fn give_terms(&self, count: u32, height: u32, width: u32, values: Vec<f32>) {
        self.take(|collected| {
            bounded_terms(count, height, width, values.len() as u64)?;
            collected.add_terms(|| finite(TERMS, height, width, values))
        });
    }

    pub fn give_layer(&self, index: u32) {
        self.take(|collected| collected.add_layer(index, self.layer_count));
    }

    pub fn give_note(&self, text: &str) {
        self.take(|collected| {
            collected.add_note(clean(text, TEXT_LIMIT));
            Ok(())
        });
    }

    pub fn give_error(&self, text: &str) {
        self.take(|collected| {
            collected.add_error(clean(text, TEXT_LIMIT));
            Ok(())
        });
    }

    pub fn give_refused(&self, mut refused: SinkError) {
        match &mut refused {
            SinkError::NotFinite { what, .. }
            | SinkError::WrongSize { what, .. }
            | SinkError::OutOfBounds { what, .. }
            | SinkError::Null(what) => *what = clean(what, TEXT_LIMIT),
            SinkError::TwoMaps
            | SinkError::TooManyChannels
            | SinkError::TooManyValues
            | SinkError::BadTerms { .. }
            | SinkError::TwoTerms
            | SinkError::NoSuchLayer(_) => {}
        }
        self.take(|_| Err(refused));
    }
}

impl Collected {
    fn add_map(&mut self, map: Result<Grid, SinkError>) -> Result<(), SinkError> {
        if self.map.is_some() {
            return Err(SinkError::TwoMaps);
        }
        self.map = Some(map?);
        Ok(())
    }

    fn add_channel(
        &mut self,
        name: String,
        grid: impl FnOnce() -> Result<Grid, SinkError>,
    ) -> Result<(), SinkError> {
        if self.channels.len() == CHANNEL_LIMIT {
            return Err(SinkError::TooManyChannels);
        }
        self.channels.push(Channel { name, grid: grid()? });
        Ok(())
    }

    fn add_terms(&mut self, values: impl FnOnce() -> Result<Grid, SinkError>) -> Result<(), SinkError> {
        if self.terms.is_some() {
            return Err(SinkError::TwoTerms);
        }
        let Grid { height, width, values } = values()?;
        self.terms = Some(Terms { height, width, values });
        Ok(())
    }

    fn add_layer(&mut self, index: u32, count: u32) -> Result<(), SinkError> {
        if index >= count && index != abi::IMAGE {
            return Err(SinkError::NoSuchLayer(index));
        }
        self.layer = Some(index);
        Ok(())
    }

    fn add_note(&mut self, text: String) {
        if self.notes.len() < NOTE_LIMIT {
            self.notes.push(text);
        }
    }

    fn add_error(&mut self, text: String) {
        self.error.get_or_insert(text);
    }
}

fn channel_of(name: &str) -> String {
    format!("the channel `{name}`")
}

unsafe extern "C" fn map(
    sink: *const abi::Sink,
    height: u32,
    width: u32,
    values: *const f32,
    count: u64,
) -> abi::Status {
    // SAFETY: the header obliges the plugin to pass the sink it was given.
    let Some(collector) = (unsafe { collector(sink) }) else { return abi::INVALID };
    collector.take(|collected| {
        if collected.map.is_some() {
            return Err(SinkError::TwoMaps);
        }
        // SAFETY: the header obliges the plugin to `count` values.
        collected.add_map(unsafe { grid(MAP, height, width, values, count) })
    })
}

unsafe extern "C" fn channel(
    sink: *const abi::Sink,
    name: abi::Text,
    height: u32,
    width: u32,
    values: *const f32,
    count: u64,
) -> abi::Status {
    // SAFETY: as in `map`.
    let Some(collector) = (unsafe { collector(sink) }) else { return abi::INVALID };
    // SAFETY: the header obliges the plugin to a readable text.
    let name = clean(&String::from_utf8_lossy(unsafe { name.bytes() }), NAME_LIMIT);
    collector.take(|collected| {
        let what = channel_of(&name);
        // SAFETY: as in `map`.
        collected.add_channel(name, || unsafe { grid(&what, height, width, values, count) })
    })
}

unsafe extern "C" fn terms(
    sink: *const abi::Sink,
    count: u32,
    height: u32,
    width: u32,
    values: *const f32,
    total: u64,
) -> abi::Status {
    // SAFETY: as in `map`.
    let Some(collector) = (unsafe { collector(sink) }) else { return abi::INVALID };
    if !collector.wants_terms {
        return abi::OK;
    }
    collector.take(|collected| {
        let total = bounded_terms(count, height, width, total)?;
        if values.is_null() {
            return Err(SinkError::Null(TERMS.to_owned()));
        }
        collected.add_terms(|| {
            // SAFETY: the header obliges the plugin to so many values.
            finite(TERMS, height, width, unsafe { copied(values, total) })
        })
    })
}

unsafe extern "C" fn layer(sink: *const abi::Sink, index: u32) -> abi::Status {
    // SAFETY: as in `map`.
    let Some(collector) = (unsafe { collector(sink) }) else { return abi::INVALID };
    collector.take(|collected| collected.add_layer(index, collector.layer_count))
}

unsafe extern "C" fn note(sink: *const abi::Sink, text: abi::Text) -> abi::Status {
    // SAFETY: as in `map`.
    let Some(collector) = (unsafe { collector(sink) }) else { return abi::INVALID };
    // SAFETY: the header obliges the plugin to a readable text.
    let text = clean(&String::from_utf8_lossy(unsafe { text.bytes() }), TEXT_LIMIT);
    collector.take(|collected| {
        collected.add_note(text);
        Ok(())
    })
}

unsafe extern "C" fn error(sink: *const abi::Sink, text: abi::Text) -> abi::Status {
    // SAFETY: as in `map`.
    let Some(collector) = (unsafe { collector(sink) }) else { return abi::INVALID };
    // SAFETY: the header obliges the plugin to a readable text.
    let text = clean(&String::from_utf8_lossy(unsafe { text.bytes() }), TEXT_LIMIT);
    collector.take(|collected| {
        collected.add_error(text);
        Ok(())
    })
}

unsafe extern "C" fn get_extension(_sink: *const abi::Sink, _name: abi::Text) -> *const c_void {
    null()
}
