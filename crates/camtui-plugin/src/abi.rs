//! The interface as it lies in memory: the Rust twin of `include/camtui_plugin.h`.
//!
//! The header is the contract and says of every function which thread may call it, who owns each pointer and
//! how long it lives; this file repeats only the layout. `tests/layout.rs` holds the two together. Plugin
//! authors use the safe types of the crate root and never see this module.
//!
//! Rules that keep a plugin loadable for years: nothing here is ever reordered, removed or given another
//! meaning within a major version; a minor version appends fields to structs and nothing else; every struct
//! but [`Text`] begins with its `size`, and a reader touches a field only if `size` covers it; numbers stand
//! for enums and `u8` for booleans, because a foreign value outside a Rust enum is undefined behaviour.

use std::ffi::{c_char, c_void};

/// First bytes of [`Entry`].
pub const MAGIC: [u8; 8] = *b"camtui\x00\x1a";
/// Both sides must have the same major version.
pub const ABI_MAJOR: u32 = 1;
/// A later minor version only appends.
pub const ABI_MINOR: u32 = 0;
/// Name of the exported data symbol, of type [`Entry`].
pub const ENTRY_SYMBOL: &str = "camtui_plugin_entry";

/// The call did what it says.
pub const OK: u32 = 0;
/// It failed; a sentence says why.
pub const FAILED: u32 = 1;
/// This host, or this model, has no such thing.
pub const NOT_SUPPORTED: u32 = 2;
/// The user does not want the answer any more.
pub const CANCELLED: u32 = 3;
/// The arguments contradict the contract.
pub const INVALID: u32 = 4;

/// A layer index that means the picture itself.
pub const IMAGE: u32 = u32::MAX;
/// A layer index that means none.
pub const NO_LAYER: u32 = u32::MAX - 1;

/// Ordinary derivative.
pub const RULE_PLAIN: u32 = 0;
/// Guided backpropagation: at each ReLU negative gradients are dropped too.
pub const RULE_GUIDED: u32 = 1;

/// The explainer reads activations.
pub const NEEDS_ACTIVATIONS: u32 = 1;
/// The explainer reads gradients.
pub const NEEDS_GRADIENTS: u32 = 2;
/// The explainer runs the model forward itself.
pub const NEEDS_FORWARD: u32 = 4;
/// The explainer reads the gradients at all layers that add a bias, and at the image.
pub const NEEDS_BIASED_GRADIENTS: u32 = 8;
/// Rounding of a few millionths of the largest value makes a difference to the explainer: it compares activations with a threshold.
pub const NEEDS_EXACT_ACTIVATIONS: u32 = 16;

/// [`Param::kind`]: on or off.
pub const PARAM_BOOL: u32 = 0;
/// [`Param::kind`]: a whole number.
pub const PARAM_INT: u32 = 1;
/// [`Param::kind`]: a number.
pub const PARAM_FLOAT: u32 = 2;
/// [`Param::kind`]: one of a few words.
pub const PARAM_CHOICE: u32 = 3;
/// [`Param::kind`]: any text.
pub const PARAM_STRING: u32 = 4;

/// Log level: for the plugin's author.
pub const LOG_DEBUG: u32 = 0;
/// Log level: for whoever asks.
pub const LOG_INFO: u32 = 1;
/// Log level: the user should know.
pub const LOG_WARNING: u32 = 2;
/// Log level: something broke.
pub const LOG_ERROR: u32 = 3;

/// Most axes a tensor has.
pub const MAX_RANK: usize = 8;

/// A status code ([`OK`] …).
pub type Status = u32;

/// UTF-8, not NUL-terminated. The one struct that has no size and never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// First byte; may be null if `len` is 0.
    pub data: *const c_char,
    /// Number of bytes.
    pub len: usize,
}

/// A dense row-major f32 tensor that somebody else owns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// `sizeof` this struct, set by whoever provides its memory.
    pub size: u32,
    /// Number of axes in `shape`.
    pub rank: u32,
    /// First value; null means there is no tensor.
    pub data: *const f32,
    /// Extent of each axis; the rest is 0.
    pub shape: [u64; MAX_RANK],
}

/// A layer that can be explained.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// `sizeof` this struct.
    pub size: u32,
    /// Number of axes in `shape`.
    pub rank: u32,
    /// Its name, as the user writes it.
    pub name: Text,
    /// Shape without the batch axis: `[K, h, w]`.
    pub shape: [u64; MAX_RANK],
    /// Whether its gradient can be asked for.
    pub has_gradient: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// A parameter's description.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// `sizeof` this struct.
    pub size: u32,
    /// [`PARAM_BOOL`] …
    pub kind: u32,
    /// What the user writes before the `=`.
    pub key: Text,
    /// One sentence.
    pub help: Text,
    /// Whether the minimum and maximum of the kind apply.
    pub bounded: u8,
    /// Default of a [`PARAM_BOOL`].
    pub bool_default: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// Least value of a [`PARAM_INT`].
    pub int_min: i64,
    /// Greatest value of a [`PARAM_INT`].
    pub int_max: i64,
    /// Default of a [`PARAM_INT`].
    pub int_default: i64,
    /// Least value of a [`PARAM_FLOAT`].
    pub float_min: f64,
    /// Greatest value of a [`PARAM_FLOAT`].
    pub float_max: f64,
    /// Default of a [`PARAM_FLOAT`].
    pub float_default: f64,
    /// Default of a [`PARAM_STRING`], or of a [`PARAM_CHOICE`]: one of `choices`.
    pub text_default: Text,
    /// The words of a [`PARAM_CHOICE`].
    pub choices: *const Text,
    /// How many.
    pub choice_count: u32,
    /// Zero.
    pub reserved2: u32,
}

/// A parameter's value, checked by the host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// `sizeof` this struct.
    pub size: u32,
    /// [`PARAM_BOOL`] …, as described.
    pub kind: u32,
    /// A bool as 0 or 1, an int, or a choice's index.
    pub integer: i64,
    /// A float, or an int as one.
    pub number: f64,
    /// A string, or the choice's word.
    pub text: Text,
}

/// All values of a call, in the order of the descriptions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// `sizeof` this struct.
    pub size: u32,
    /// Always the explainer's `param_count`.
    pub count: u32,
    /// `count` pointers.
    pub values: *const *const Value,
}

/// What an explainer is, and its one function.
#[repr(C)]
pub struct Explainer {
    /// `sizeof` this struct.
    pub size: u32,
    /// [`NEEDS_ACTIVATIONS`] …, or-ed.
    pub needs: u32,
    /// What the user types.
    pub id: Text,
    /// What the user reads.
    pub name: Text,
    /// Of this explainer; part of every result.
    pub version: Text,
    /// One line.
    pub summary: Text,
    /// The paper, as text or URL.
    pub reference: Text,
    /// Whether the host applies the outermost ReLU to the map.
    pub rectify: u8,
    /// Whether the map does not depend on the target.
    pub class_agnostic: u8,
    /// Whether the map is a sum of terms that it can give: see [`Sink::terms`].
    pub gives_terms: u8,
    /// Zero.
    pub reserved: [u8; 1],
    /// Number of parameters.
    pub param_count: u32,
    /// Their descriptions.
    pub params: *const *const Param,
    /// The plugin's own.
    pub context: *mut c_void,
    /// Computes a map.
    pub explain:
        Option<unsafe extern "C" fn(*const Explainer, *const Session, *const Values, *const Sink) -> Status>,
    /// Optional capabilities of this explainer by name.
    pub get_extension: Option<unsafe extern "C" fn(*const Explainer, Text) -> *const c_void>,
}

/// The program, as a plugin sees it from `initialise` to the end of the process.
#[repr(C)]
pub struct Host {
    /// `sizeof` this struct.
    pub size: u32,
    /// The host's minor version of the interface.
    pub abi_minor: u32,
    /// `camtui`.
    pub name: Text,
    /// Of the program.
    pub version: Text,
    /// Writes a line into the program's log.
    pub log: Option<unsafe extern "C" fn(*const Host, u32, Text)>,
    /// Optional capabilities of the program by name.
    pub get_extension: Option<unsafe extern "C" fn(*const Host, Text) -> *const c_void>,
}

/// One picture in one model, for one call of `explain`.
#[repr(C)]
pub struct Session {
    /// `sizeof` this struct.
    pub size: u32,
    /// Number of classes.
    pub classes: u32,
    /// The host's own.
    pub host: *mut c_void,
    /// The class explained, or −1 where the seed is no single class.
    pub target: i64,
    /// Seed for every random number.
    pub random_seed: u64,
    /// Number of layers.
    pub layer_count: u32,
    /// Index of the layer to explain, or [`NO_LAYER`].
    pub chosen_layer: u32,
    /// Whether the user named that layer, rather than the host.
    pub layer_was_named: u8,
    /// Whether the terms of the map are wanted beside it.
    pub wants_terms: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// `[1, C, H, W]`.
    pub input: Option<unsafe extern "C" fn(*const Session, *mut Tensor) -> Status>,
    /// `[1, classes]`.
    pub logits: Option<unsafe extern "C" fn(*const Session, *mut Tensor) -> Status>,
    /// `[1, classes]`.
    pub seed: Option<unsafe extern "C" fn(*const Session, *mut Tensor) -> Status>,
    /// Describes layer `index`.
    pub layer: Option<unsafe extern "C" fn(*const Session, u32, *mut Layer) -> Status>,
    /// `[1, K, h, w]`.
    pub activation: Option<unsafe extern "C" fn(*const Session, u32, *mut Tensor) -> Status>,
    /// Layer or image, seed or null, rule.
    pub gradient:
        Option<unsafe extern "C" fn(*const Session, u32, *const Tensor, u32, *mut Tensor) -> Status>,
    /// Inputs `[n, C, H, W]` to logits `[n, classes]`.
    pub forward: Option<unsafe extern "C" fn(*const Session, *const Tensor, *mut Tensor) -> Status>,
    /// Activations `[n, K, h, w]` of a layer to logits `[n, classes]`.
    pub forward_from: Option<unsafe extern "C" fn(*const Session, u32, *const Tensor, *mut Tensor) -> Status>,
    /// Inputs, layer or image, seeds `[n, classes]`, rule.
    pub gradient_at: Option<
        unsafe extern "C" fn(*const Session, *const Tensor, u32, *const Tensor, u32, *mut Tensor) -> Status,
    >,
    /// Layer, activations, seeds, rule.
    pub gradient_from: Option<
        unsafe extern "C" fn(*const Session, u32, *const Tensor, *const Tensor, u32, *mut Tensor) -> Status,
    >,
    /// `[K]`.
    pub layer_bias: Option<unsafe extern "C" fn(*const Session, u32, *mut Tensor) -> Status>,
    /// Pooled layer's index, weights `[classes, K]`, bias `[classes]`.
    pub linear_head:
        Option<unsafe extern "C" fn(*const Session, *mut u32, *mut Tensor, *mut Tensor) -> Status>,
    /// `[2, C]`.
    pub pixel_range: Option<unsafe extern "C" fn(*const Session, *mut Tensor) -> Status>,
    /// Why the last call on this session did not answer [`OK`].
    pub last_error: Option<unsafe extern "C" fn(*const Session) -> Text>,
    /// From 0 to 1.
    pub progress: Option<unsafe extern "C" fn(*const Session, f32)>,
    /// 1 if the user does not want the answer any more.
    pub cancelled: Option<unsafe extern "C" fn(*const Session) -> u8>,
    /// A line for the log.
    pub log: Option<unsafe extern "C" fn(*const Session, u32, Text)>,
    /// Optional capabilities of this session by name.
    pub get_extension: Option<unsafe extern "C" fn(*const Session, Text) -> *const c_void>,
    /// 1 if now is the time to show what there is of the map.
    pub wants_partial: Option<unsafe extern "C" fn(*const Session) -> u8>,
    /// The map as far as it has come: height, width, values, their number.
    pub partial: Option<unsafe extern "C" fn(*const Session, u32, u32, *const f32, u64) -> Status>,
    /// A session like this one, whose answers live until it is ended; null if there is none to be had.
    pub scope: Option<unsafe extern "C" fn(*const Session) -> *const Session>,
    /// Ends one that `scope` made.
    pub end_scope: Option<unsafe extern "C" fn(*const Session)>,
}

/// Where an explainer puts what it found.
#[repr(C)]
pub struct Sink {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The host's own.
    pub host: *mut c_void,
    /// The map: height, width, values, their number. Exactly once.
    pub map: Option<unsafe extern "C" fn(*const Sink, u32, u32, *const f32, u64) -> Status>,
    /// A further map beside it, by name.
    pub channel: Option<unsafe extern "C" fn(*const Sink, Text, u32, u32, *const f32, u64) -> Status>,
    /// The layer the map is of, where it is not the chosen one.
    pub layer: Option<unsafe extern "C" fn(*const Sink, u32) -> Status>,
    /// One sentence that helps to read the map.
    pub note: Option<unsafe extern "C" fn(*const Sink, Text) -> Status>,
    /// Why there is no map.
    pub error: Option<unsafe extern "C" fn(*const Sink, Text) -> Status>,
    /// Optional capabilities of this sink by name.
    pub get_extension: Option<unsafe extern "C" fn(*const Sink, Text) -> *const c_void>,
    /// What the map is the sum of: how many terms, height, width, values, their number.
    pub terms: Option<unsafe extern "C" fn(*const Sink, u32, u32, u32, *const f32, u64) -> Status>,
}

/// What a library exports as [`ENTRY_SYMBOL`]. Its first four fields never change, in any version.
#[repr(C)]
pub struct Entry {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`ABI_MAJOR`] the library was built for.
    pub abi_major: u32,
    /// [`ABI_MINOR`] the library was built for.
    pub abi_minor: u32,
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Called once before anything else.
    pub initialise: Option<unsafe extern "C" fn(*const Host) -> Status>,
    /// Number of explainers.
    pub explainer_count: Option<unsafe extern "C" fn() -> u32>,
    /// Explainer `index`; lives until the process ends.
    pub explainer: Option<unsafe extern "C" fn(u32) -> *const Explainer>,
    /// Optional capabilities of the library by name.
    pub get_extension: Option<unsafe extern "C" fn(Text) -> *const c_void>,
}

// SAFETY: an entry is read-only, and the header lets any thread call its functions.
unsafe impl Sync for Entry {}

impl Text {
    /// No text.
    pub const EMPTY: Self = Self { data: std::ptr::null(), len: 0 };

    /// A view of `text`, which must outlive every use of it.
    pub const fn of(text: &str) -> Self {
        Self { data: text.as_ptr().cast(), len: text.len() }
    }

    /// The bytes, which may be no UTF-8.
    ///
    /// # Safety
    ///
    /// Unless `len` is 0, `data` points to `len` readable bytes that nobody changes during `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.data.is_null() {
            return &[];
        }
        // SAFETY: as promised by the caller; not null and not empty as just seen.
        unsafe { std::slice::from_raw_parts(self.data.cast(), self.len) }
    }
}

impl Tensor {
    /// No tensor: what an out-parameter is before it is filled.
    pub const EMPTY: Self =
        Self { size: size_of::<Self>() as u32, rank: 0, data: std::ptr::null(), shape: [0; MAX_RANK] };

    /// A view of `data`, which must outlive every use of it. `None` if `shape` has too many axes or does not
    /// multiply to the number of values.
    pub fn of(shape: &[usize], data: &[f32]) -> Option<Self> {
        let count = shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))?;
        if shape.len() > MAX_RANK || count != data.len() {
            return None;
        }
        let mut extents = [0; MAX_RANK];
        for (to, &from) in extents.iter_mut().zip(shape) {
            *to = from as u64;
        }
        Some(Self { rank: shape.len() as u32, data: data.as_ptr(), shape: extents, ..Self::EMPTY })
    }

    /// Shape and values, or `None` where they cannot be: too many axes, more values than memory, a null pointer.
    ///
    /// # Safety
    ///
    /// If `data` is not null it points to as many readable values as `shape` multiplies to, and nobody changes
    /// them during `'a`.
    pub unsafe fn view<'a>(&self) -> Option<(Vec<usize>, &'a [f32])> {
        let rank = self.rank as usize;
        if rank > MAX_RANK || self.data.is_null() || !self.data.is_aligned() {
            return None;
        }
        let shape: Vec<usize> =
            self.shape[..rank].iter().map(|&n| usize::try_from(n)).collect::<Result<_, _>>().ok()?;
        let count = shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))?;
        if count.checked_mul(size_of::<f32>())? > isize::MAX as usize {
            return None;
        }
        // SAFETY: as promised by the caller; not null, aligned and no larger than an allocation as just seen.
        Some((shape, unsafe { std::slice::from_raw_parts(self.data, count) }))
    }
}

impl Layer {
    /// What an out-parameter is before it is filled.
    pub const EMPTY: Self = Self {
        size: size_of::<Self>() as u32,
        rank: 0,
        name: Text::EMPTY,
        shape: [0; MAX_RANK],
        has_gradient: 0,
        reserved: [0; 7],
    };
}
