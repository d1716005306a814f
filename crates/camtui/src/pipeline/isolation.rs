//! Where libraries run: in processes of their own, which are this program started anew, or in this one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use camtui_host::{Asked, Isolation, Library, LoadError};

use crate::config::Config;

/// First word of the command line with which the program starts itself to run a library. It is no command of the
/// user's, so it is looked for before the command line is read, and no help mentions it.
const CHILD: &str = "run-plugin-apart";

/// The library, where this process is there to run one.
pub fn child() -> Option<PathBuf> {
    let mut args = std::env::args_os().skip(1);
    let first = args.next()?;
    let library = args.next()?;
    (first == OsStr::new(CHILD) && args.next().is_none()).then(|| library.into())
}

/// Where libraries run.
#[derive(Clone, Debug)]
pub enum Runs {
    /// In processes of their own.
    Apart(Arc<Isolation>),
    /// In this one: for who looks for a mistake with a debugger.
    Here,
}

impl Runs {
    /// As the configuration bounds them; `in_process` is the flag.
    pub fn new(in_process: bool, config: &Config) -> Self {
        if in_process {
            return Self::Here;
        }
        let mut isolation = Isolation::new(program(), vec![CHILD.into()]);
        isolation.memory = u64::from(config.plugin_memory) << 20;
        isolation.silence = Duration::from_secs(config.plugin_timeout.into());
        Self::Apart(Arc::new(isolation))
    }

    /// The library at `path`, and what is to be told of it.
    pub fn load(&self, path: &Path, asked: Asked) -> Result<(Library, Option<String>), LoadError> {
        match self {
            Self::Apart(isolation) => Library::isolated(path, asked, isolation),
            Self::Here => Library::load(path, asked),
        }
    }
}

/// This program's own file, also when another has taken its name since it was started.
pub fn program() -> PathBuf {
    let own = Path::new("/proc/self/exe");
    if own.exists() { own.to_owned() } else { std::env::current_exe().unwrap_or_else(|_| "camtui".into()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_bounds_what_runs_apart() {
        let config = Config { plugin_memory: 512, plugin_timeout: 7, ..Config::default() };
        let Runs::Apart(isolation) = Runs::new(false, &config) else { panic!("it would run here") };
        assert_eq!((isolation.memory, isolation.silence), (512 << 20, Duration::from_secs(7)));
        let Runs::Apart(usual) = Runs::new(false, &Config::default()) else { panic!("it would run here") };
        let built_in = Isolation::new(program(), vec![]);
        assert_eq!((usual.memory, usual.silence), (built_in.memory, built_in.silence));
        assert!(matches!(Runs::new(true, &config), Runs::Here));
    }
}
