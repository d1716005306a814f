//! Waiting for the user, without being fooled by a terminal that has gone: its end of file would be read over and over.

use std::io;

/// Waits until standard input has something to read.
///
/// The error is that the terminal behind it has gone.
#[cfg(unix)]
pub fn wait() -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};

    let stdin = io::stdin();
    loop {
        let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut watched, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let seen = watched[0].revents();
        if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal has gone"));
        }
        if seen.contains(PollFlags::IN) {
            return Ok(());
        }
    }
}

/// Where terminals are read otherwise there is nothing to wait for: the reading waits.
#[cfg(not(unix))]
pub fn wait() -> io::Result<()> {
    Ok(())
}
