//! From a list of [`Explainer`]s to the entry that a host finds: the [`export!`](crate::export) macro and
//! what stands behind it.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::ptr::null;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::describe::Leaked;
use crate::map::Grid;
use crate::panics::guarded;
use crate::{Error, Explainer, Map, Params, Session, abi};

/// Makes a library of explainers out of values that implement [`Explainer`].
///
/// - `export!(A, B);` is what a plugin needs: the symbol that camtui looks for, and the function below.
/// - `export!(fn entry: A, B);` makes only `pub fn entry() -> &'static abi::Entry`, for explainers that are only ever linked
///   into a program. (One library with the symbol may be linked in; two would both define it.)
/// - `export!(symbol: A, B);` makes only the symbol.
#[macro_export]
macro_rules! export {
    (fn entry: $($explainer:expr),+ $(,)?) => {
        /// The explainers of this library, for a program that links them in.
        pub fn entry() -> &'static $crate::abi::Entry {
            $crate::export!(@list $($explainer),+);
            static ENTRY: $crate::abi::Entry = $crate::entry_of::<List>();
            &ENTRY
        }
    };
    (symbol: $($explainer:expr),+ $(,)?) => {
        // The name is the interface; that nobody else in the program defines it is all that is unsafe here.
        #[doc(hidden)]
        #[allow(unsafe_code, non_upper_case_globals, missing_docs)]
        #[unsafe(no_mangle)]
        pub static camtui_plugin_entry: $crate::abi::Entry = {
            $crate::export!(@list $($explainer),+);
            $crate::entry_of::<List>()
        };
    };
    (@list $($explainer:expr),+) => {
        struct List;
        impl $crate::Bundle for List {
            fn cell() -> &'static ::std::sync::OnceLock<::std::vec::Vec<$crate::Registered>> {
                static CELL: ::std::sync::OnceLock<::std::vec::Vec<$crate::Registered>> =
                    ::std::sync::OnceLock::new();
                &CELL
            }
            fn make() -> ::std::vec::Vec<$crate::Registered> {
                // A plugin need not be built by cargo.
                let version = ::std::option_env!("CARGO_PKG_VERSION").unwrap_or("0.0.0");
                ::std::vec![$($crate::registered($explainer, version)),+]
            }
        }
    };
    ($($explainer:expr),+ $(,)?) => {
        $crate::export!(fn entry: $($explainer),+);
        $crate::export!(symbol: $($explainer),+);
    };
}

/// The explainers of one library; [`export!`](crate::export) implements it.
#[doc(hidden)]
pub trait Bundle: 'static {
    /// Where the described explainers are kept.
    fn cell() -> &'static OnceLock<Vec<Registered>>;
    /// Describes them.
    fn make() -> Vec<Registered>;
}

/// An explainer and its description, or null where describing panicked.
#[doc(hidden)]
pub struct Registered(*const abi::Explainer);

// SAFETY: descriptors are read-only, and the explainer behind one is `Sync`.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

/// What [`abi::Explainer::context`] points to.
struct Context {
    explainer: Box<dyn Explainer>,
    keys: OnceLock<Vec<String>>,
}

/// Describes `explainer` and keeps both until the process ends.
#[doc(hidden)]
pub fn registered<E: Explainer>(explainer: E, crate_version: &str) -> Registered {
    let described = guarded(|| {
        let context: &'static Context =
            Box::leak(Box::new(Context { explainer: Box::new(explainer), keys: OnceLock::new() }));
        let context_pointer = std::ptr::from_ref(context).cast_mut().cast::<c_void>();
        let Leaked { descriptor, keys } = E::describe().leak(crate_version, explain, context_pointer);
        context.keys.get_or_init(|| keys);
        descriptor
    });
    match described {
        Ok(descriptor) => Registered(descriptor),
        Err(panic) => {
            host_log(&format!("describing an explainer panicked: {panic}"));
            Registered(null())
        }
    }
}

/// The entry of a library.
#[doc(hidden)]
pub const fn entry_of<B: Bundle>() -> abi::Entry {
    abi::Entry {
        magic: abi::MAGIC,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        size: size_of::<abi::Entry>() as u32,
        reserved: 0,
        initialise: Some(initialise),
        explainer_count: Some(explainer_count::<B>),
        explainer: Some(explainer::<B>),
        get_extension: None,
    }
}

static HOST: AtomicPtr<abi::Host> = AtomicPtr::new(std::ptr::null_mut());

unsafe extern "C" fn initialise(host: *const abi::Host) -> abi::Status {
    HOST.store(host.cast_mut(), Ordering::Release);
    abi::OK
}

fn host_log(line: &str) {
    // SAFETY: null, or the host's, which lives until the process ends.
    if let Some(host) = unsafe { HOST.load(Ordering::Acquire).as_ref() }
        && let Some(log) = host.log
    {
        // SAFETY: the host's function with the host's pointer; the text outlives the call.
        unsafe { log(host, abi::LOG_ERROR, abi::Text::of(line)) };
    }
}

extern "C" fn explainer_count<B: Bundle>() -> u32 {
    guarded(|| B::cell().get_or_init(B::make).len() as u32).unwrap_or(0)
}

extern "C" fn explainer<B: Bundle>(index: u32) -> *const abi::Explainer {
    guarded(|| B::cell().get_or_init(B::make).get(index as usize).map_or(null(), |r| r.0)).unwrap_or(null())
}

/// The one function behind every descriptor: makes the host's pointers safe, calls the explainer, catches its
/// panic.
unsafe extern "C" fn explain(
    this: *const abi::Explainer,
    session: *const abi::Session,
    values: *const abi::Values,
    sink: *const abi::Sink,
) -> abi::Status {
    if !(covers(this) && covers(values)) {
        return abi::INVALID;
    }
    // SAFETY: the header obliges the host to pass pointers that live until this function returns, to structs as large as
    // they say.
    let known = unsafe {
        (
            this.as_ref(),
            values.as_ref(),
            known(session, offset_of!(abi::Session, input)),
            known(sink, offset_of!(abi::Sink, map)),
        )
    };
    let (Some(this), Some(values), Some(raw), Some(known_sink)) = known else {
        return abi::INVALID;
    };
    let sink = Sink { raw: &known_sink, handle: sink };
    let result = guarded(|| {
        // SAFETY: `registered` put it there and leaked it.
        let context = unsafe { &*this.context.cast::<Context>() };
        let values: &[*const abi::Value] = if values.values.is_null() {
            &[]
        } else {
            // SAFETY: the header obliges the host to `count` pointers, alive until this function returns.
            unsafe { std::slice::from_raw_parts(values.values, values.count as usize) }
        };
        let keys = context.keys.get().map(Vec::as_slice).unwrap_or_default();
        // SAFETY: as above; the host gives one value a parameter.
        let params = unsafe { Params::new(keys, values) };
        // SAFETY: as above.
        let session = unsafe { Session::new(&raw) }.of_host(session);
        context.explainer.explain(&session, &params).and_then(|map| give(&sink, &map))
    });
    let (status, sentence) = match result {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(Error::Cancelled)) => return abi::CANCELLED,
        Ok(Err(Error::NotSupported(sentence))) => (abi::NOT_SUPPORTED, sentence),
        Ok(Err(Error::Failed(sentence))) => (abi::FAILED, sentence),
        Err(panic) => (abi::FAILED, format!("it panicked: {panic}")),
    };
    if let Some(error) = sink.raw.error {
        // SAFETY: the host's function with the host's sink; the text outlives the call.
        unsafe { error(sink.handle, abi::Text::of(&sentence)) };
    }
    status
}

/// Whether the struct behind `pointer` is at least as large as we know it.
fn covers<T>(pointer: *const T) -> bool {
    // SAFETY: every struct of the interface that comes here begins with its size.
    !pointer.is_null() && unsafe { pointer.cast::<u32>().read() } as usize >= size_of::<T>()
}

/// A struct of the host's, as far as it goes: that of an older host ends sooner than we know it, and the functions it has
/// not are null here.
///
/// # Safety
///
/// `pointer` is null or a struct of the interface that is as large as its `size` says, and for which all zeros is a value.
unsafe fn known<T>(pointer: *const T, least: usize) -> Option<T> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: such a struct begins with its size.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if size < least {
        return None;
    }
    // A pointer that is cut in two is none.
    let size = size.min(size_of::<T>()) / size_of::<usize>() * size_of::<usize>();
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: both are at least that large, and the copy is complete: zeros where the host's ends.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), copy.as_mut_ptr().cast(), size);
        Some(copy.assume_init())
    }
}

/// The host's sink: what we know of it, and what its functions are called with.
struct Sink<'a> {
    raw: &'a abi::Sink,
    handle: *const abi::Sink,
}

fn give(sink: &Sink<'_>, map: &Map) -> Result<(), Error> {
    let missing = || Error::NotSupported("this camtui's sink lacks a function".into());
    let refused = |status| match status {
        abi::OK => Ok(()),
        abi::CANCELLED => Err(Error::Cancelled),
        // The host has its own sentence for what it refused.
        _ => Err(Error::Failed(String::new())),
    };
    if let Some(layer) = map.layer {
        // SAFETY: the host's function with the host's sink.
        refused(unsafe { sink.raw.layer.ok_or_else(missing)?(sink.handle, layer) })?;
    }
    for note in &map.notes {
        // SAFETY: as above; the text outlives the call.
        refused(unsafe { sink.raw.note.ok_or_else(missing)?(sink.handle, abi::Text::of(note)) })?;
    }
    let (height, width, values, count) = parts(&map.grid)?;
    // SAFETY: as above; `count` values, copied before the function returns.
    refused(unsafe { sink.raw.map.ok_or_else(missing)?(sink.handle, height, width, values, count) })?;
    // An older host has no place for them, and has not asked.
    if let (Some(terms), Some(take)) = (&map.terms, sink.raw.terms) {
        let count = terms.len().checked_div(map.grid.values.len()).unwrap_or(0) as u32;
        let (values, total) = (terms.as_ptr(), terms.len() as u64);
        // SAFETY: as above.
        refused(unsafe { take(sink.handle, count, height, width, values, total) })?;
    }
    for (name, grid) in &map.channels {
        let (height, width, values, count) = parts(grid)?;
        let name = abi::Text::of(name);
        // SAFETY: as above.
        refused(unsafe {
            sink.raw.channel.ok_or_else(missing)?(sink.handle, name, height, width, values, count)
        })?;
    }
    Ok(())
}

fn parts(grid: &Grid) -> Result<(u32, u32, *const f32, u64), Error> {
    let side = |n: usize| u32::try_from(n).map_err(|_| Error::new(format!("a map of {n} rows is too large")));
    Ok((side(grid.height)?, side(grid.width)?, grid.values.as_ptr(), grid.values.len() as u64))
}
