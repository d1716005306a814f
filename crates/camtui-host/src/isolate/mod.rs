//! Explainers in a process of their own: what a library does there costs its map and nothing else.
//!
//! The program starts itself anew as a child ([`Isolation`] says how) and hands it one end of a socket. The child
//! ([`child`]) loads the library, describes its explainers and answers requests with the very code that serves a
//! library in this process; only its [`Backend`](crate::Backend) is a [`remote`] one, which asks here. On this side a
//! [`pool`] keeps children warm, one [`call`] takes one of them, [`answer`]s its questions and checks what it gives
//! through the same collector as ever. Nothing a child says is trusted: [`wire`] bounds every frame, texts and
//! values are checked again, and a child that breaks the rules is ended and replaced.
//!
//! How a child is started and ended is in [`process`], what it prints in [`printed`], what it leaves behind in
//! [`habits`], the words for its death in [`death`], and what is shut before its library runs in [`confine`].

#[cfg(unix)]
mod answer;
#[cfg(unix)]
mod call;
#[cfg(unix)]
mod child;
pub mod confine;
#[cfg(unix)]
pub(crate) mod death;
#[cfg(unix)]
mod habits;
#[cfg(unix)]
mod messages;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod printed;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod remote;
#[cfg(all(test, unix))]
#[allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]
mod tests;
#[cfg(unix)]
mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use crate::ExplainerInfo;
#[cfg(unix)]
use crate::library::Runner;
use crate::{Asked, Library, LoadError};

#[cfg(unix)]
pub use child::serve;

/// How children are started and bounded.
#[derive(Clone, Debug)]
pub struct Isolation {
    /// What a child is: it calls [`serve`].
    pub program: PathBuf,
    /// Its arguments; the library's path follows them.
    pub args: Vec<OsString>,
    /// Most bytes of address space a child may have; 4 GiB unless set.
    pub memory: u64,
    /// How long a child may compute without a word (a question, a step of progress) before it is ended; 60 s
    /// unless set.
    pub silence: Duration,
    /// Whether a child closes what an explainer never needs before it loads the library, where the system can.
    pub confine: bool,
    /// Most children of one library at a time; further calls wait.
    pub children: usize,
    /// The file that the library is a [copy](crate::reload) of: sentences name it, and its folder may be read.
    pub copy_of: Option<PathBuf>,
}

impl Isolation {
    /// Children are `program`, started with `args` and then the library's path; it calls [`serve`] with that.
    pub fn new(program: PathBuf, args: Vec<OsString>) -> Self {
        let children = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        Self {
            program,
            args,
            memory: 4 << 30,
            silence: Duration::from_mins(1),
            confine: true,
            children,
            copy_of: None,
        }
    }
}

impl Library {
    /// The library at `path`, described and run in a child process, if `asked` lets it pass. None of its code runs
    /// in this process. What should be told to the user although it was loaded is the second value.
    ///
    /// On systems without Unix sockets the library is loaded into this process, and the notice says so.
    #[cfg(unix)]
    pub fn isolated(
        path: &Path,
        asked: Asked,
        isolation: &Arc<Isolation>,
    ) -> Result<(Self, Option<String>), LoadError> {
        let (path, notice) = crate::load::admit(path, asked)?;
        crate::inspect::inspect(&path)
            .map_err(|reason| LoadError::Unfit { what: crate::load::show(&path), reason })?;
        let (pool, confined) = pool::Pool::open(path.clone(), Arc::clone(isolation))?;
        let explainer = |(index, info): (usize, &ExplainerInfo)| {
            let runner: Box<dyn Runner> = Box::new(call::Isolated::new(Arc::clone(&pool), index as u32));
            (info.clone(), runner)
        };
        let explainers = pool.infos().iter().enumerate().map(explainer).collect();
        let told_as = isolation.copy_of.clone().unwrap_or(path);
        Ok((Self::of(crate::Origin::File(told_as), confined, explainers), notice))
    }

    /// See above; here it is loaded into this process.
    #[cfg(not(unix))]
    pub fn isolated(
        path: &Path,
        asked: Asked,
        _isolation: &Arc<Isolation>,
    ) -> Result<(Self, Option<String>), LoadError> {
        let (library, notice) = Self::load(path, asked)?;
        let text =
            format!("{} runs inside camtui, because this system has no isolation yet", library.origin());
        Ok((library, Some(notice.map_or(text.clone(), |notice| format!("{notice}; {text}")))))
    }
}
