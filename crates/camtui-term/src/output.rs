//! The way to the terminal for a program that must never wait for it.
//!
//! A terminal that is stopped, or at the far end of a line that hangs, takes no more bytes, and an ordinary write then
//! waits for ever: so does the lock of standard output, which is why nothing here uses it. The terminal's device is
//! opened anew, without blocking, and each write says how much of it was taken.

use std::io;
use std::time::{Duration, Instant};

/// The terminal that standard output shows.
#[derive(Debug)]
pub struct Output {
    #[cfg(unix)]
    file: std::fs::File,
    /// Whether a write returns at once; a device that cannot be opened anew is shared with others, who expect it to block.
    #[cfg(unix)]
    at_once: bool,
}

/// The most that is written at a time where writing may block.
#[cfg(unix)]
const SMALL: usize = 256;

#[cfg(unix)]
impl Output {
    /// Opens the terminal behind standard output. Where its device has no name here, standard output itself is used.
    pub fn open() -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags};
        use std::os::fd::AsFd as _;

        let stdout = io::stdout();
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let anew = rustix::termios::ttyname(&stdout, Vec::new())
            .and_then(|path| rustix::fs::open(path.as_c_str(), flags, Mode::empty()));
        Ok(match anew {
            Ok(tty) => Self { file: tty.into(), at_once: true },
            Err(_) => Self { file: stdout.as_fd().try_clone_to_owned()?.into(), at_once: false },
        })
    }

    /// Writes as much as the terminal takes now and returns how much that was: 0 if it takes nothing.
    pub fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        use std::io::Write as _;

        if !self.at_once && !self.wait(Duration::ZERO)? {
            return Ok(0);
        }
        let most = if self.at_once { bytes.len() } else { bytes.len().min(SMALL) };
        loop {
            match (&self.file).write(&bytes[..most]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                result => return result,
            }
        }
    }

    /// Waits until the terminal takes bytes again, at most so long; whether it does. One that has gone does.
    pub fn wait(&self, most: Duration) -> io::Result<bool> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let timeout = Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], Some(&timeout)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(not(unix))]
impl Output {
    /// Standard output.
    pub fn open() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Writes the bytes, however long that takes.
    pub fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        use std::io::Write as _;

        let mut out = io::stdout().lock();
        let written = out.write(bytes)?;
        out.flush()?;
        Ok(written)
    }

    /// Writing is possible always.
    pub fn wait(&self, _most: Duration) -> io::Result<bool> {
        Ok(true)
    }
}

impl Output {
    /// Writes all of the bytes, or as many as the terminal takes until `most` has passed: then the error is `TimedOut`.
    pub fn write_within(&self, mut bytes: &[u8], most: Duration) -> io::Result<()> {
        let deadline = Instant::now() + most;
        while !bytes.is_empty() {
            let written = self.write_some(bytes)?;
            bytes = &bytes[written..];
            if written == 0 {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                self.wait(left)?;
            }
        }
        Ok(())
    }
}
