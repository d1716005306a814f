//! The one question that the terminal is asked, before anything else reads from it.
//!
//! All requests go out in one write, the one that every terminal answers (primary device attributes) last: terminals
//! answer in order, so its reply is the fence behind which nothing more comes. A terminal that says nothing costs the
//! bound and no more; one that has begun to answer gets up to [`PATIENCE`] times the bound, because what it still sends
//! would otherwise end up in the user's shell. The terminal's settings are restored on every way out.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios};

use crate::kitty;
use crate::replies::{Answers, Replies};

/// How long a silent local terminal is waited for.
pub const BOUND: Duration = Duration::from_millis(400);
/// How long a silent terminal at the other end of an SSH connection is waited for.
pub const REMOTE_BOUND: Duration = Duration::from_secs(1);
/// How many bounds a terminal gets that answers slowly.
pub const PATIENCE: u32 = 3;

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whether to ask for kitty graphics and the terminal's name, in escape strings that very few terminals print
    /// instead of ignoring them.
    pub strings: bool,
    /// Whether the terminal may be a multiplexer's, whose answer about kitty would not be the real terminal's.
    pub kitty: bool,
    /// A file with the three bytes of one pixel: whether kitty graphics may come in files, because the terminal sees
    /// this machine's.
    pub file: Option<PathBuf>,
    /// How long silence is waited for.
    pub bound: Duration,
}

impl Question {
    /// The requests as they are sent.
    fn bytes(&self) -> String {
        let mut requests = String::new();
        if self.kitty && self.strings {
            // A picture of one pixel, to be checked and not shown.
            requests.push_str("\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\");
            if let Some(path) = &self.file {
                requests.push_str(&kitty::file_question(path));
            }
        }
        if self.strings {
            requests.push_str("\x1b[>q");
        }
        // Cell size, text area size, background, device attributes.
        requests.push_str("\x1b[16t\x1b[14t\x1b]11;?\x1b\\\x1b[c");
        requests
    }

    /// What is asked, in words.
    pub fn describe(&self) -> &'static str {
        match (self.kitty && self.strings, self.strings) {
            (true, _) if self.file.is_some() => {
                "kitty graphics, also in files, name, cell size, background, device attributes"
            }
            (true, _) => "kitty graphics, name, cell size, background, device attributes",
            (false, true) => "name, cell size, background, device attributes",
            (false, false) => "cell size, background, device attributes",
        }
    }
}

/// The terminal that standard output shows, opened anew so that reading without blocking is our affair alone.
#[derive(Debug)]
pub struct Terminal(File);

/// Why there is no terminal to ask.
#[derive(Debug, thiserror::Error)]
pub enum NoTerminal {
    /// The terminal's device could not be opened.
    #[error("the terminal could not be opened: {0}")]
    Open(io::Error),
    /// Another job has the terminal; asking would stop this one.
    #[error("this job runs in the background")]
    Background,
}

impl Terminal {
    /// Opens the terminal behind `output`, or the controlling terminal where its device has no name here.
    pub fn open(output: impl AsFd) -> Result<Self, NoTerminal> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let named = termios::ttyname(output, Vec::new())
            .and_then(|path| rustix::fs::open(path.as_c_str(), flags, Mode::empty()));
        let tty = named
            .or_else(|_| rustix::fs::open(c"/dev/tty", flags, Mode::empty()))
            .map_err(|errno| NoTerminal::Open(errno.into()))?;
        // Without job control (no controlling terminal) there is no foreground either, and nothing to fear.
        if termios::tcgetpgrp(&tty).is_ok_and(|foreground| foreground != rustix::process::getpgrp()) {
            return Err(NoTerminal::Background);
        }
        Ok(Self(File::from(tty)))
    }

    /// Asks and waits for the answers. Keys typed meanwhile are lost.
    pub fn ask(&mut self, question: &Question) -> io::Result<Answers> {
        let Self(file) = self;
        let tty = file.try_clone()?;
        let quiet = Quiet::new(tty.as_fd())?;
        let mut replies = Replies::default();
        let mut deadline = Instant::now() + question.bound;
        let last = Instant::now() + question.bound * PATIENCE;

        if !ready(file, PollFlags::OUT, deadline)? {
            return Ok(Answers::default());
        }
        file.write_all(question.bytes().as_bytes())?;
        let mut buffer = [0; 512];
        loop {
            let answers = replies.answers();
            if answers.attributes.is_some() || answers.interrupted {
                break;
            }
            if !ready(file, PollFlags::IN, deadline)? {
                break;
            }
            let came = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => &buffer[..length],
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            let before = replies.answers().count();
            if replies.feed(came).count() > before {
                deadline = (Instant::now() + question.bound).min(last);
            }
        }
        if replies.answers().attributes.is_none() {
            quiet.discard_input();
        }
        Ok(replies.answers().clone())
    }

    /// Throws away what has come in and nobody has read: replies that were too late for [`Terminal::ask`].
    pub fn discard_input(&self) {
        // There is nothing to do about a terminal that has gone.
        let _ = termios::tcflush(&self.0, QueueSelector::IFlush);
    }

    /// Keeps what the terminal sends off the screen until the guard is dropped.
    pub fn quiet(&self) -> io::Result<Quiet<'_>> {
        Quiet::new(self.0.as_fd())
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits until the file can be read or written, or the deadline has passed. A hang-up counts as ready.
fn ready(file: &File, what: PollFlags, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(file, what)], Some(&timeout)) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A terminal that neither shows nor interprets what comes in. Dropping it puts the settings back.
#[derive(Debug)]
pub struct Quiet<'a> {
    tty: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(tty: BorrowedFd<'a>) -> io::Result<Self> {
        let before = termios::tcgetattr(tty)?;
        let mut during = before.clone();
        // Signals off as well: Ctrl-C must not end the program between here and the restoring.
        during.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        during.special_codes[SpecialCodeIndex::VMIN] = 1;
        during.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(tty, OptionalActions::Now, &during)?;
        Ok(Self { tty, before })
    }

    fn discard_input(&self) {
        let _ = termios::tcflush(self.tty, QueueSelector::IFlush);
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Not the variants that wait for output to drain: a stopped terminal would hold us for ever.
        let _ = termios::tcsetattr(self.tty, OptionalActions::Now, &self.before);
    }
}
