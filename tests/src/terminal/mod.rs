//! A terminal that answers by script, on a real pty, with a program in it.
//!
//! `script` says what it answers and how fast it reads, `player` carries the bytes, [`crate::emulator`] makes a screen of
//! them, `process` watches the program from outside. Waiting is always for something to be seen, never for time to pass.

mod player;
pub mod process;
pub mod script;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::tcgetattr;

use crate::emulator::Emulator;
use crate::run::{Ended, LIMIT, Run, drain, wait};
use player::{Arrived, Player, Shared};
use process::Process;
use script::find;

/// What the screen of a terminal holds.
pub use vt100::Screen;

pub use script::{FAR, KITTY, KITTY_FILES, Look, PLAIN, REQUESTS, SILENT, SIXEL, SLOW, Script};

/// How long something is waited for that must come.
const PATIENCE: Duration = Duration::from_secs(LIMIT.as_secs() / 4);

/// A terminal before anything runs in it.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    script: Script,
    look: Look,
    tells_pixels: bool,
    controlling: bool,
}

/// Which streams are the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// Input and output; standard error is a pipe.
    InOut,
    /// All three.
    All,
    /// Standard error alone; output is thrown away.
    Error,
}

/// What a mouse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The left button goes down.
    Press,
    /// It goes up.
    Release,
    /// The mouse moves with the left button down.
    Drag,
    /// The mouse moves with no button down.
    Move,
    /// The wheel turns away from the user.
    ScrollUp,
    /// The wheel turns towards the user.
    ScrollDown,
}

impl Mouse {
    /// The report in SGR form, for a cell counted from 0.
    fn report(self, (col, row): (u16, u16)) -> String {
        let (code, end) = match self {
            Self::Press => (0, 'M'),
            Self::Release => (0, 'm'),
            Self::Drag => (32, 'M'),
            Self::Move => (35, 'M'),
            Self::ScrollUp => (64, 'M'),
            Self::ScrollDown => (65, 'M'),
        };
        format!("\x1b[<{code};{};{}{end}", col + 1, row + 1)
    }
}

/// A place in what the terminal was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

impl Terminal {
    /// 80×24 cells of 10×20 pixels, black.
    pub fn new(script: Script) -> Self {
        let look = Look { size: (80, 24), cell: (10, 20), background: [0; 3] };
        Self { script, look, tells_pixels: false, controlling: false }
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(mut self, cols: u16, rows: u16) -> Self {
        self.look.size = (cols, rows);
        self
    }

    /// A cell's width and height in pixels, which the system is told as well.
    #[must_use]
    pub fn cell(mut self, width: u16, height: u16) -> Self {
        self.look.cell = (width, height);
        self.tells_pixels = true;
        self
    }

    /// The background's colour.
    #[must_use]
    pub fn background(mut self, colour: [u8; 3]) -> Self {
        self.look.background = colour;
        self
    }

    /// Makes the program the leader of a session that this terminal controls, as a login does: then a terminal that
    /// disappears sends SIGHUP. Needs `setsid` of util-linux.
    #[must_use]
    pub fn controlling(mut self) -> Self {
        self.controlling = true;
        self
    }

    /// Starts a program in it.
    pub fn start(self, command: impl Into<Command>, streams: Streams) -> Session {
        let mut command: Command = command.into();
        if self.controlling {
            command = led_by_setsid(&command);
        }
        let (master, slave) = player::pty();
        player::set_size(&slave, self.look.size, self.tells_pixels.then_some(self.look.cell));
        let before = attributes(&slave);
        let end = || Stdio::from(slave.try_clone().unwrap());
        match streams {
            Streams::InOut => command.stdin(end()).stdout(end()).stderr(Stdio::piped()),
            Streams::All => command.stdin(end()).stdout(end()).stderr(end()),
            Streams::Error => command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(end()),
        };
        let begun = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // The command keeps its copies of our end until it is dropped.
        drop(command);
        let stderr = child.stderr.take().map(drain);
        let shared = Arc::new(Shared {
            arrived: Mutex::new(Arrived::default()),
            emulator: Mutex::new(Emulator::new(self.look.size, self.look.cell)),
            more: Condvar::new(),
            look: Mutex::new(self.look),
        });
        let player = Player::start(&master, self.script, &shared);
        Session {
            child,
            wire: Some(Wire { master, slave, player }),
            before,
            tells_pixels: self.tells_pixels,
            shared,
            stderr,
            begun,
        }
    }
}

/// The same command as the leader of a session of its own. `setsid` becomes the program, so its number is the program's.
fn led_by_setsid(command: &Command) -> Command {
    let mut led = Command::new("setsid");
    led.arg("--ctty").arg(command.get_program()).args(command.get_args());
    // What the command does not name, it was made not to inherit.
    led.env_clear();
    led.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        led.current_dir(folder);
    }
    led
}

/// What ties the program to the terminal.
struct Wire {
    master: File,
    slave: OwnedFd,
    player: Player,
}

/// A program in a terminal. Dropping it kills what still runs.
pub struct Session {
    child: Child,
    wire: Option<Wire>,
    before: String,
    tells_pixels: bool,
    shared: Arc<Shared>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    begun: Instant,
}

impl Session {
    /// Starts `run` on a terminal of 80×24 cells that plays `script`.
    pub fn start(run: Run, script: Script, streams: Streams) -> Self {
        Terminal::new(script).start(run, streams)
    }

    /// When the program was started.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// The program as the system sees it.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Types.
    pub fn types(&mut self, keys: &str) {
        let wire = self.wire.as_mut().expect("the terminal is still there");
        wire.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Uses the mouse at a column and row, counted from 0.
    pub fn mouse(&mut self, what: Mouse, at: (u16, u16)) {
        self.types(&what.report(at));
    }

    /// Presses the left button there and releases it.
    pub fn clicks(&mut self, at: (u16, u16)) {
        self.mouse(Mouse::Press, at);
        self.mouse(Mouse::Release, at);
    }

    /// Presses the left button at one place and releases it at another one.
    pub fn drags(&mut self, from: (u16, u16), to: (u16, u16)) {
        self.mouse(Mouse::Press, from);
        self.mouse(Mouse::Drag, to);
        self.mouse(Mouse::Release, to);
    }

    /// What the terminal holds and shows.
    pub fn emulator(&self) -> MutexGuard<'_, Emulator> {
        self.shared.emulator.lock().unwrap()
    }

    /// Waits until the terminal shows, in a whole frame, what is wanted, and says when the bytes came that made it so.
    /// Otherwise says what it shows.
    pub fn reaches(
        &self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Emulator) -> bool,
    ) -> Result<Instant, String> {
        let deadline = Instant::now() + limit;
        let mut emulator = self.emulator();
        while emulator.in_frame() || !wanted(&emulator) {
            if Instant::now() >= deadline {
                return Err(format!("never {what} in {limit:?}: {}", emulator.described()));
            }
            emulator = self.shared.more.wait_timeout(emulator, Duration::from_millis(50)).unwrap().0;
        }
        let taken = emulator.taken();
        drop(emulator);
        Ok(self.shared.arrived.lock().unwrap().when(taken).unwrap_or_else(Instant::now))
    }

    /// Waits until the terminal holds and shows what is wanted; fails if it never does.
    pub fn wait_until_it(&self, what: &str, wanted: impl Fn(&Emulator) -> bool) {
        if let Err(never) = self.reaches(what, PATIENCE, wanted) {
            panic!("{never}");
        }
    }

    /// Waits until the screen is as wanted; fails if it never is.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&Screen) -> bool) {
        self.wait_until_it(what, |emulator| wanted(emulator.screen()));
    }

    /// Waits until these words are on the screen.
    pub fn wait_for(&self, words: &str) {
        self.wait_until(&format!("{words:?}"), |screen| screen.contents().contains(words));
    }

    /// Waits until these bytes have come: escapes make no words.
    pub fn wait_for_bytes(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        while find(&self.shared.arrived.lock().unwrap().bytes, wanted.as_bytes()).is_none() {
            assert!(Instant::now() < deadline, "{wanted:?} never came");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until nothing has come for so long; says when the last bytes came. Fails if there is no end of it.
    pub fn wait_for_rest(&self, rest: Duration) -> Instant {
        let deadline = Instant::now() + PATIENCE + rest;
        loop {
            let last = self.shared.arrived.lock().unwrap().last().unwrap_or(self.begun);
            if last.elapsed() >= rest {
                return last;
            }
            assert!(Instant::now() < deadline, "it never comes to rest");
            thread::sleep(rest.saturating_sub(last.elapsed()).max(Duration::from_millis(1)));
        }
    }

    /// Now, as a place in what the terminal was sent.
    pub fn mark(&self) -> Mark {
        Mark(self.shared.arrived.lock().unwrap().count())
    }

    /// What came since then.
    pub fn since(&self, mark: Mark) -> Vec<u8> {
        let arrived = self.shared.arrived.lock().unwrap();
        arrived.bytes[mark.0.saturating_sub(arrived.forgotten)..].to_vec()
    }

    /// How many bytes came since then.
    pub fn count_since(&self, mark: Mark) -> usize {
        self.shared.arrived.lock().unwrap().count() - mark.0
    }

    /// Forgets the bytes that have come, which a long session has no room for. The screen stays.
    pub fn forget(&self) {
        self.shared.arrived.lock().unwrap().forget();
    }

    /// Whether the program is still there.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Another size, as when a window is dragged.
    pub fn resize(&self, cols: u16, rows: u16) {
        let wire = self.wire.as_ref().expect("the terminal is still there");
        let mut look = self.shared.look.lock().unwrap();
        look.size = (cols, rows);
        let cell = self.tells_pixels.then_some(look.cell);
        drop(look);
        self.emulator().resize((cols, rows));
        player::set_size(&wire.slave, (cols, rows), cell);
        self.signal(Signal::WINCH);
    }

    /// The terminal is gone, as when a connection breaks: the program can neither read nor write, and gets SIGHUP where
    /// the terminal controls its session.
    pub fn disappear(&mut self) {
        let wire = self.wire.take().expect("a terminal disappears once");
        drop((wire.master, wire.slave));
        wire.player.stop();
    }

    /// Waits for the end without a terminal. Says how it ended and how much processor time it had then used.
    pub fn vanishes_within(mut self, limit: Duration) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let mut cpu = self.process().cpu();
        loop {
            // A process that has ended, but was not waited for, still says what it used.
            cpu = self.process().cpu().or(cpu);
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, cpu.unwrap_or_default());
            }
            assert!(
                begun.elapsed() < limit,
                "still there {limit:?} after the terminal has gone; processor time {cpu:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end. The terminal's attributes must be what they were.
    pub fn end(self) -> Ended {
        self.end_with(|_| ())
    }

    /// The same, with a look at what the terminal then still holds.
    pub fn end_with(mut self, look: impl FnOnce(&Emulator)) -> Ended {
        let status = wait(&mut self.child, LIMIT);
        let took = self.begun.elapsed();
        let wire = self.wire.take().expect("the terminal is still there");
        assert_eq!(attributes(&wire.slave), self.before, "the terminal is not as it was");
        drop(wire.slave);
        wire.player.join();
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap()).unwrap_or_default();
        look(&self.emulator());
        let seen = std::mem::take(&mut self.shared.arrived.lock().unwrap().bytes);
        Ended::new(status, seen, String::from_utf8_lossy(&stderr).into_owned(), took)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A test that failed leaves no program behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn attributes(slave: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(slave).unwrap())
}
