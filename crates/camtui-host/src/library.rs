//! A library of explainers that is ready to be used, wherever it came from.

use std::collections::HashSet;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::ptr::null;
use std::sync::{Arc, OnceLock};

use camtui_plugin::abi;

use crate::collect::Collector;
use crate::inspect::{Head, InspectError};
use crate::isolate::confine::Confined;
use crate::load::LoadError;
use crate::serve::{Served, level_of};
use crate::{DescribeError, ExplainerInfo, Level, ParamValue, Params, describe};

/// Most explainers of a library.
const EXPLAINER_LIMIT: u32 = 1_024;

/// Where a library came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Linked into the program, under that name.
    Bundled(&'static str),
    /// A file, by its absolute, canonical path.
    File(PathBuf),
}

impl Origin {
    /// The name that tells its explainers from others of the same id: of a file the stem without `lib`.
    pub fn name(&self) -> String {
        match self {
            Self::Bundled(name) => (*name).into(),
            Self::File(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                crate::clean(stem.strip_prefix("lib").unwrap_or(&stem), 200)
            }
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bundled(_) => f.write_str("bundled"),
            Self::File(path) => f.write_str(&crate::clean(&path.to_string_lossy(), 4_096)),
        }
    }
}

/// A library that was found in order, with all its explainers described.
#[derive(Debug)]
pub struct Library {
    origin: Arc<Origin>,
    confined: Option<Confined>,
    explainers: Vec<Arc<Explainer>>,
}

impl Library {
    /// A library that is linked into the program.
    pub fn bundled(name: &'static str, entry: &'static abi::Entry) -> Result<Self, LoadError> {
        // SAFETY: a reference is a valid pointer, and the library is as sound as the program it is part of.
        unsafe { Self::describe(Origin::Bundled(name), entry) }
    }

    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What was shut before its first line ran, where it runs in a process of its own; `None` where it runs in this
    /// one.
    pub fn confined(&self) -> Option<Confined> {
        self.confined
    }

    /// Its explainers, in its own order; no two have the same id.
    pub fn explainers(&self) -> &[Arc<Explainer>] {
        &self.explainers
    }

    /// Explainers that are described already and run in another process, for which `confined` was shut.
    #[cfg(unix)]
    pub(crate) fn of(
        origin: Origin,
        confined: Confined,
        explainers: Vec<(ExplainerInfo, Box<dyn Runner>)>,
    ) -> Self {
        let origin = Arc::new(origin);
        let explainer = |(info, runner)| Arc::new(Explainer { info, origin: Arc::clone(&origin), runner });
        let explainers = explainers.into_iter().map(explainer).collect();
        Self { origin, confined: Some(confined), explainers }
    }

    /// Checks an entry in memory and asks it for its explainers.
    ///
    /// # Safety
    ///
    /// `entry` points to as many readable bytes as it says, is as the header says where it claims our major
    /// version, and is never unloaded.
    pub(crate) unsafe fn describe(origin: Origin, entry: *const abi::Entry) -> Result<Self, LoadError> {
        let what = origin.to_string();
        if !entry.is_aligned() {
            return Err(LoadError::Unfit { what, reason: InspectError::Damaged });
        }
        // SAFETY: aligned, and the first fields are there in every version.
        let head = unsafe { entry.cast::<Head>().read() };
        head.check().map_err(|reason| LoadError::Unfit { what: what.clone(), reason })?;
        // SAFETY: aligned and as large as the struct, as just seen.
        let entry = unsafe { &*entry };
        let lacks = |function| LoadError::Incomplete { what: what.clone(), function };
        let count = entry.explainer_count.ok_or_else(|| lacks("explainer_count"))?;
        let get = entry.explainer.ok_or_else(|| lacks("explainer"))?;
        if let Some(initialise) = entry.initialise {
            // SAFETY: the library's function, called first, with a host that lives until the process ends.
            let status = unsafe { initialise(&raw const HOST.0) };
            if status != abi::OK {
                return Err(LoadError::NotInitialised { what, status });
            }
        }
        // SAFETY: the library's function, after `initialise`.
        let count = unsafe { count() };
        if count == 0 || count > EXPLAINER_LIMIT {
            return Err(LoadError::Count { what, count });
        }
        let origin = Arc::new(origin);
        let bad = |reason| LoadError::BadDescription { what: what.clone(), reason };
        let mut ids = HashSet::new();
        let mut explainers = Vec::with_capacity(count as usize);
        for index in 0..count {
            // SAFETY: the library's function with an index below its count.
            let raw = unsafe { get(index) };
            // SAFETY: null, or as the header says.
            let info = unsafe { describe::read(raw, index) }.map_err(bad)?;
            if !ids.insert(info.id.clone()) {
                return Err(bad(DescribeError::Twice { what: "the explainer", name: info.id }));
            }
            explainers.push(Arc::new(Explainer {
                info,
                origin: Arc::clone(&origin),
                runner: Box::new(InProcess { raw }),
            }));
        }
        Ok(Self { origin, confined: None, explainers })
    }
}

/// One explainer: what it says of itself, and how to call it. From [`crate::run`] it gets its session.
pub struct Explainer {
    info: ExplainerInfo,
    origin: Arc<Origin>,
    runner: Box<dyn Runner>,
}

impl Explainer {
    /// What it says of itself.
    pub fn info(&self) -> &ExplainerInfo {
        &self.info
    }

    /// The library it came with.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The file it was loaded from.
    pub fn file(&self) -> Option<&Path> {
        match &*self.origin {
            Origin::File(path) => Some(path),
            Origin::Bundled(_) => None,
        }
    }

    /// `LIBRARY:ID`, which finds it whatever else has that id.
    pub fn qualified_id(&self) -> String {
        format!("{}:{}", self.origin.name(), self.info.id)
    }

    /// Whether it runs in a process of its own.
    pub fn is_isolated(&self) -> bool {
        self.runner.is_isolated()
    }

    pub(crate) fn runner(&self) -> &dyn Runner {
        &*self.runner
    }
}

impl std::fmt::Debug for Explainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explainer")
            .field("info", &self.info)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// How an explainer is called. What runs it elsewhere serves the same session and collects the same way.
pub(crate) trait Runner: Send + Sync {
    /// Calls `explain`; what it gave is in `collector`.
    fn explain(&self, served: &Served<'_>, params: &Params, collector: &Collector)
    -> Result<Ran, Unfinished>;

    /// Whether that is in another process.
    fn is_isolated(&self) -> bool;
}

/// A call that came back.
pub(crate) struct Ran {
    pub status: abi::Status,
    /// As in [`Output`](crate::Output).
    pub complaints: Vec<String>,
}

/// Why a call did not come back; only an isolated one can.
#[cfg_attr(not(unix), allow(dead_code, reason = "nothing is isolated there"))]
pub(crate) enum Unfinished {
    /// The user does not want the answer any more.
    Cancelled,
    /// Its process is gone.
    Ended {
        /// Name and file, as a sentence has them.
        plugin: String,
        /// How, as a clause.
        what: String,
    },
}

/// Calls the library's function directly.
struct InProcess {
    /// Checked by [`describe::read`], and there until the process ends.
    raw: *const abi::Explainer,
}

// SAFETY: the header obliges descriptors to be read-only and `explain` to take calls from any thread, several
// at once.
unsafe impl Send for InProcess {}
// SAFETY: as above.
unsafe impl Sync for InProcess {}

impl Runner for InProcess {
    fn explain(
        &self,
        served: &Served<'_>,
        params: &Params,
        collector: &Collector,
    ) -> Result<Ran, Unfinished> {
        let values: Vec<abi::Value> = params.iter().map(|(_, value)| lay_out(value)).collect();
        let pointers: Vec<*const abi::Value> = values.iter().map(std::ptr::from_ref).collect();
        let values = abi::Values {
            size: size_of::<abi::Values>() as u32,
            count: pointers.len() as u32,
            values: pointers.as_ptr(),
        };
        let (session, sink) = (served.session(), collector.sink());
        // SAFETY: `describe::read` saw the whole struct and that its function is there.
        let explain = unsafe { (*self.raw).explain }.expect("a description without a function is refused");
        // SAFETY: as the header says: all four live until the function returns.
        let status = unsafe { explain(self.raw, &raw const session, &raw const values, &raw const sink) };
        Ok(Ran { status, complaints: vec![] })
    }

    fn is_isolated(&self) -> bool {
        false
    }
}

fn lay_out(value: &ParamValue) -> abi::Value {
    let empty = abi::Value {
        size: size_of::<abi::Value>() as u32,
        kind: abi::PARAM_BOOL,
        integer: 0,
        number: 0.0,
        text: abi::Text::EMPTY,
    };
    match value {
        ParamValue::Bool(on) => abi::Value { integer: i64::from(*on), ..empty },
        ParamValue::Int(n) => abi::Value { kind: abi::PARAM_INT, integer: *n, number: *n as f64, ..empty },
        ParamValue::Float(x) => abi::Value { kind: abi::PARAM_FLOAT, number: *x, ..empty },
        ParamValue::Choice(at, word) => {
            abi::Value { kind: abi::PARAM_CHOICE, integer: *at as i64, text: abi::Text::of(word), ..empty }
        }
        ParamValue::Text(text) => abi::Value { kind: abi::PARAM_STRING, text: abi::Text::of(text), ..empty },
    }
}

type LogFn = Box<dyn Fn(Level, &str) + Send + Sync>;

static LOG: OnceLock<LogFn> = OnceLock::new();

/// Where lines go that a library logs outside of a call, and what an isolated one prints, for the rest of the process; until then they are
/// dropped. The first one to ask gets them.
pub fn on_log(receive: impl Fn(Level, &str) + Send + Sync + 'static) {
    // A second receiver is ignored, as documented.
    let _ = LOG.set(Box::new(receive));
}

/// Hands on a line that is free of control characters.
pub(crate) fn log_line(level: Level, line: &str) {
    if let Some(receive) = LOG.get() {
        receive(level, line);
    }
}

unsafe extern "C" fn log(_host: *const abi::Host, level: u32, text: abi::Text) {
    // SAFETY: the header obliges the plugin to a readable text.
    let line = crate::clean(&String::from_utf8_lossy(unsafe { text.bytes() }), 2_000);
    // A panic must not cross the interface; a line that cannot be logged is lost.
    let _ = catch_unwind(AssertUnwindSafe(|| log_line(level_of(level), &line)));
}

unsafe extern "C" fn get_extension(_host: *const abi::Host, _name: abi::Text) -> *const c_void {
    null()
}

/// What `initialise` is given.
static HOST: SharedHost = SharedHost(abi::Host {
    size: size_of::<abi::Host>() as u32,
    abi_minor: abi::ABI_MINOR,
    name: abi::Text::of("camtui"),
    version: abi::Text::of(env!("CARGO_PKG_VERSION")),
    log: Some(log),
    get_extension: Some(get_extension),
});

#[repr(transparent)]
struct SharedHost(abi::Host);

// SAFETY: read-only, with texts that are constants of the program.
unsafe impl Sync for SharedHost {}
