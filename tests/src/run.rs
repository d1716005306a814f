//! One run of the program: in folders of its own, with a time limit, and everything that came of it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::program;

/// A run that takes longer hangs.
pub const LIMIT: Duration = Duration::from_mins(2);

/// A user's folders: data, state, configuration and a place to work in. The cache is shared by all tests, because
/// what is in it is made from its name's hash.
pub struct Home(TempDir);

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// Fresh folders.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path below it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and says where.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The names below a folder of it, sorted, with their folders.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let root = self.at(folder);
        let (mut names, mut open) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    names.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        names.sort();
        names
    }

    /// A run of `camtui ARGS`, which works in this folder and sees no more of the environment than it needs.
    pub fn camtui<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        self.prepared(program::camtui(), args)
    }

    /// A line for the shell, to which `camtui` is the program under test.
    pub fn shell(&self, line: &str) -> Run {
        let folder = program::camtui().parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)));
        self.prepared(Path::new("sh"), ["-c", line]).env("PATH", folders.unwrap())
    }

    /// The same with another program.
    pub fn prepared<A: AsRef<OsStr>>(&self, program: &Path, args: impl IntoIterator<Item = A>) -> Run {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.0.path());
        command.envs(["PATH", "SYSTEMROOT"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("HOME", self.0.path()).env("TERM", "xterm-256color").env("COLORTERM", "truecolor");
        for (variable, folder) in [
            ("CAMTUI_DATA_DIR", self.at("data")),
            ("CAMTUI_STATE_DIR", self.at("state")),
            ("CAMTUI_CONFIG_DIR", self.at("config")),
            ("CAMTUI_CACHE_DIR", program::scratch().join("cache")),
        ] {
            command.env(variable, folder);
        }
        command.args(args);
        Run { command, stdin: Vec::new(), limit: LIMIT }
    }

    /// `camtui --render ARGS` with the embedded model, about which there is nothing to notice.
    pub fn render<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        let first: [OsString; 3] = ["--render", "-m", "efficientnet-lite0"].map(Into::into);
        self.camtui(first.into_iter().chain(args.into_iter().map(|a| a.as_ref().to_owned())))
    }
}

/// A run that is being prepared.
pub struct Run {
    /// What will be started.
    pub command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Run {
    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments, written with spaces between them.
    #[must_use]
    pub fn args_of(mut self, words: &str) -> Self {
        self.command.args(words.split_whitespace());
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What comes on standard input; nothing otherwise.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// A bound of its own.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs with pipes instead of a terminal.
    pub fn go(mut self) -> Ended {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = std::mem::take(&mut self.stdin);
        // Whoever does not read it has closed it, which is its right.
        let feeder = thread::spawn(move || drop(stdin.write_all(&bytes)));
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        let status = wait(&mut child, self.limit);
        feeder.join().unwrap();
        let stderr = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
        Ended::new(status, stdout.join().unwrap(), stderr, begun.elapsed())
    }
}

impl From<Run> for Command {
    fn from(run: Run) -> Self {
        run.command
    }
}

/// Collects a stream to its end.
pub(crate) fn drain(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits for the end; what does not end is killed, and the test fails.
pub fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("still running after {limit:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What came of a run.
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output, or all that the terminal was sent.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Ended {
    pub(crate) fn new(status: ExitStatus, stdout: Vec<u8>, stderr: String, took: Duration) -> Self {
        let ended = Self { code: status.code(), stdout, stderr, took };
        let all = format!("{}{}", ended.text(), ended.stderr);
        for sign in ["' panicked", "RUST_BACKTRACE", "something went wrong inside camtui"] {
            assert!(!all.contains(sign), "{all}");
        }
        ended
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The code it must end with.
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.text(), self.stderr);
        self
    }

    /// Words that standard error must hold.
    pub fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "{words:?} is not in: {}", self.stderr);
        self
    }

    /// Nothing on standard error.
    pub fn quiet(self) -> Self {
        assert_eq!(self.stderr, "");
        self
    }

    /// The lines of standard output, each a JSON object.
    pub fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Every file below a folder with its bytes, to see that nothing was written.
pub fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push((path.clone(), fs::read(path).unwrap())) }
        }
    }
    found.sort();
    found
}
