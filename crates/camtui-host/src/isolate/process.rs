//! One child process: started, talked to with patience, ended.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Isolation;
use super::death::Remains;
use super::habits::Habits;
use super::printed::Pipe;

/// How often a wait looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(15);
/// How long a child that has closed its line may take to be gone.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Variables that a child is given, if they are set: where programs and libraries are, in which language to speak,
/// where temporary files go, how many threads to use. Whatever else is set here may be a secret.
const PASSED: [&str; 16] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_NUMERIC",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "RUST_BACKTRACE",
    "RAYON_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MALLOC_ARENA_MAX",
];

/// A child and everything this side holds of it. Dropped, it is gone.
pub(super) struct Process {
    child: Child,
    socket: UnixStream,
    pub out: Pipe,
    pub err: Pipe,
    /// How it is between calls.
    pub habits: Option<Habits>,
    /// Most bytes of address space it was seen with.
    largest: u64,
    memory: u64,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a child for `library`; it has loaded nothing yet.
    pub fn start(isolation: &Isolation, library: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&isolation.program);
        command.args(&isolation.args).arg(library).current_dir("/").env_clear();
        command.envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let absent = || io::Error::other("a piped output is missing");
        let started = (|| {
            ours.set_nonblocking(true)?;
            Ok((Pipe::new(out.ok_or_else(absent)?)?, Pipe::new(err.ok_or_else(absent)?)?))
        })();
        let (out, err) = started.inspect_err(|_: &io::Error| {
            let _ = child.kill();
            let _ = child.wait();
        })?;
        let memory = isolation.memory;
        Ok(Self { child, socket: ours, out, err, habits: None, largest: 0, memory, ended: None })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Notes how it is between calls.
    pub fn settle(&mut self) {
        self.habits = Habits::of(self.id());
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        self.ended.is_none() && matches!(self.child.try_wait(), Ok(None))
    }

    /// Why it is gone, after its line was closed; it is ended if it is not.
    pub fn cause(&mut self) -> String {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if begun.elapsed() < LAST_MOMENT => std::thread::sleep(Duration::from_millis(1)),
                _ => break None,
            }
        };
        self.ended = status;
        self.err.drain();
        let said: Vec<String> = self.err.so_far().collect();
        self.end();
        Remains { status, said: &said, memory: (self.largest, self.memory) }.cause()
    }

    /// Ends it and whatever it has started.
    pub fn end(&mut self) {
        // It leads a group of its own as soon as it runs; until then there is no such group.
        if let Ok(Some(pid)) = i32::try_from(self.id()).map(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        if self.ended.is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    /// Looks at how much it has.
    fn measure(&mut self) {
        let largest = super::habits::most_memory(self.id());
        self.largest = self.largest.max(largest.unwrap_or_default());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why a wait was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The user does not want the answer any more.
    Cancelled,
    /// No word for too long.
    Silent,
}

/// A child as something to read from and write to that never waits in vain. Each wait ends when the child answers,
/// is gone, has been silent for too long, or is not wanted any more; what it prints is read meanwhile.
pub(super) struct Patient<'a> {
    pub process: &'a mut Process,
    pub cancel: &'a AtomicBool,
    pub silence: Duration,
    pub heard: Instant,
    pub stopped: Option<Stop>,
}

impl<'a> Patient<'a> {
    pub fn new(process: &'a mut Process, cancel: &'a AtomicBool, silence: Duration) -> Self {
        Self { process, cancel, silence, heard: Instant::now(), stopped: None }
    }

    /// An error when the answer is not wanted any more, or the child was silent for too long.
    pub fn look(&mut self) -> io::Result<()> {
        let stopped = if self.cancel.load(Ordering::Relaxed) {
            Some(Stop::Cancelled)
        } else if self.heard.elapsed() > self.silence {
            Some(Stop::Silent)
        } else {
            None
        };
        if stopped.is_some() {
            self.stopped = stopped;
            return Err(io::Error::other("given up"));
        }
        Ok(())
    }

    /// Waits for the socket, for a moment; an error when waiting is to end.
    fn wait(&mut self, socket: PollFlags) -> io::Result<()> {
        self.look()?;
        let tick = Timespec::try_from(TICK).map_err(io::Error::other)?;
        let ready = {
            let Process { socket: line, out, err, .. } = &*self.process;
            let mut fds = vec![PollFd::from_borrowed_fd(line.as_fd(), socket)];
            fds.extend(
                [out, err]
                    .iter()
                    .filter_map(|pipe| pipe.fd())
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
            );
            match poll(&mut fds, Some(&tick)) {
                Ok(ready) => ready,
                Err(rustix::io::Errno::INTR) => 0,
                Err(error) => return Err(error.into()),
            }
        };
        self.process.out.drain();
        self.process.err.drain();
        if ready == 0 {
            self.process.measure();
        }
        Ok(())
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.process.socket.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::IN)?,
                done => return done,
            }
        }
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        loop {
            match self.process.socket.write(from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts a process from a thread that lives as long as the program: a child is told of its parent's end when the
/// *thread* that started it ends, and workers come and go.
fn spawn(command: Command) -> io::Result<Child> {
    type Wish = (Command, SyncSender<io::Result<Child>>);
    static STARTER: OnceLock<Option<Sender<Wish>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (wishes, wished) = channel::<Wish>();
        let run = move || {
            for (mut command, answer) in wished {
                // Who asked may be gone; the child then is, too.
                let _ = answer.send(command.spawn());
            }
        };
        std::thread::Builder::new().name("plugin starter".into()).spawn(run).ok().map(|_| wishes)
    });
    let lost = || io::Error::other("the thread that starts plugins is gone");
    let (answer, answered) = sync_channel(1);
    let starter = starter.as_ref().ok_or_else(lost)?;
    starter.send((command, answer)).map_err(|_| lost())?;
    answered.recv().map_err(|_| lost())?
}
