//! A terminal that answers by script, on a real pty.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::run::{Ended, LIMIT, Run, drain, wait};

/// What the screen of a terminal holds.
pub use vt100::Screen;

/// What a terminal answers to each request that it knows, and how fast.
#[derive(Clone, Copy)]
pub struct Script {
    answers: &'static [(&'static str, &'static str)],
    delay: Duration,
}

/// The question for kitty graphics, up to where its number may differ.
const KITTY_QUESTION: &str = "a=q,t=d,f=24;AAAA\x1b\\";

/// Knows kitty graphics.
pub const KITTY: Script = Script {
    answers: &[
        (KITTY_QUESTION, "\x1b_Gi=31;OK\x1b\\"),
        ("\x1b[16t", "\x1b[6;20;10t"),
        ("\x1b[c", "\x1b[?62;c"),
    ],
    delay: Duration::ZERO,
};

/// The same after 200 ms a reply.
pub const SLOW: Script = Script { delay: Duration::from_millis(200), ..KITTY };

/// Knows sixel.
pub const SIXEL: Script = Script {
    answers: &[("\x1b[14t", "\x1b[4;480;800t"), ("\x1b[c", "\x1b[?62;4;22c")],
    delay: Duration::ZERO,
};

/// Knows letters and colours.
pub const PLAIN: Script = Script { answers: &[("\x1b[c", "\x1b[?1;2c")], delay: Duration::ZERO };

/// Answers nothing.
pub const SILENT: Script = Script { answers: &[], delay: Duration::ZERO };

/// Requests, none of which may be made when there is nothing to find out.
pub const REQUESTS: [&str; 5] = ["a=q", "\x1b[c", "\x1b[16t", "\x1b[>q", "\x1b]11;?"];

/// The terminal's size in cells.
const SIZE: (u16, u16) = (80, 24);

/// All that a terminal was sent, and the screen it makes.
struct Seen {
    now: Mutex<(Vec<u8>, vt100::Parser)>,
    more: Condvar,
}

/// A program on a terminal of 80×24 cells.
pub struct Session {
    child: Child,
    master: File,
    slave: OwnedFd,
    before: String,
    seen: Arc<Seen>,
    player: JoinHandle<()>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    begun: Instant,
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

impl Session {
    /// Starts `run` on a terminal that plays `script`.
    pub fn start(run: Run, script: Script, streams: Streams) -> Self {
        let mut command = run.command;
        let (master, slave) = pty();
        let before = attributes(&slave);
        let end = || Stdio::from(slave.try_clone().unwrap());
        match streams {
            Streams::InOut => command.stdin(end()).stdout(end()).stderr(Stdio::piped()),
            Streams::All => command.stdin(end()).stdout(end()).stderr(end()),
            Streams::Error => command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(end()),
        };
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        // The command keeps its copies of our end until it is dropped.
        drop(command);
        let stderr = child.stderr.take().map(drain);
        let parser = vt100::Parser::new(SIZE.1, SIZE.0, 0);
        let seen = Arc::new(Seen { now: Mutex::new((Vec::new(), parser)), more: Condvar::new() });
        let player = play(master.try_clone().unwrap(), script, Arc::clone(&seen));
        Self { child, master, slave, before, seen, player, stderr, begun }
    }

    /// Types.
    pub fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen is as wanted; says what it looks like if it never is.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + LIMIT / 4;
        let mut now = self.seen.now.lock().unwrap();
        while !wanted(now.1.screen()) {
            assert!(Instant::now() < deadline, "never {what}:\n{}", now.1.screen().contents());
            now = self.seen.more.wait_timeout(now, Duration::from_millis(50)).unwrap().0;
        }
    }

    /// Waits until these words are on the screen.
    pub fn wait_for(&self, words: &str) {
        self.wait_until(words, |screen| screen.contents().contains(words));
    }

    /// Waits until these bytes have come: escapes make no words.
    pub fn wait_for_bytes(&self, wanted: &str) {
        let deadline = Instant::now() + LIMIT / 4;
        while find(&self.seen.now.lock().unwrap().0, wanted.as_bytes()).is_none() {
            assert!(Instant::now() < deadline, "{wanted:?} never came");
            thread::sleep(Duration::from_millis(20));
        }
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
        self.seen.now.lock().unwrap().1.screen_mut().set_size(rows, cols);
        tcsetwinsize(&self.slave, Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 })
            .unwrap();
        self.signal(Signal::WINCH);
    }

    /// Waits for the end. The terminal's attributes must be what they were.
    pub fn end(mut self) -> Ended {
        let status = wait(&mut self.child, LIMIT);
        let took = self.begun.elapsed();
        assert_eq!(attributes(&self.slave), self.before, "the terminal is not as it was");
        drop(self.slave);
        self.player.join().unwrap();
        let stderr = self.stderr.map(|reader| reader.join().unwrap()).unwrap_or_default();
        let seen = std::mem::take(&mut self.seen.now.lock().unwrap().0);
        Ended::new(status, seen, String::from_utf8_lossy(&stderr).into_owned(), took)
    }
}

/// Our end of a pty and the program's.
fn pty() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
    tcsetwinsize(&slave, Winsize { ws_col: SIZE.0, ws_row: SIZE.1, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(master), slave)
}

fn attributes(slave: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(slave).unwrap())
}

/// Answers in the order of the requests until the last program has closed its end.
fn play(mut master: File, script: Script, seen: Arc<Seen>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut unanswered = Vec::new();
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = master.read(&mut buffer) {
            let mut now = seen.now.lock().unwrap();
            now.0.extend_from_slice(&buffer[..length]);
            now.1.process(&buffer[..length]);
            drop(now);
            seen.more.notify_all();
            if script.answers.is_empty() {
                continue;
            }
            unanswered.extend_from_slice(&buffer[..length]);
            let next = |bytes: &[u8]| {
                let found = script.answers.iter().filter_map(|(request, reply)| {
                    Some((find(bytes, request.as_bytes())?, request.len(), *reply))
                });
                found.min()
            };
            while let Some((at, length, reply)) = next(&unanswered) {
                thread::sleep(script.delay);
                if master.write_all(reply.as_bytes()).is_err() {
                    return;
                }
                unanswered.drain(..at + length);
            }
            // A request may come in two reads; no request is longer than this.
            let kept = unanswered.len().min(64);
            unanswered.drain(..unanswered.len() - kept);
        }
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
