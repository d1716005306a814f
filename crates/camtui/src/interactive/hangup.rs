//! Notices that the terminal has gone where no signal says so: SIGHUP comes only to the session that the terminal
//! controls, and not if it is ignored (`nohup`). crossterm would read nothing from it for ever, and as fast as it can.

use std::io;

/// Calls `gone` from a thread of its own when standard input has been hung up.
#[cfg(unix)]
pub fn watch(gone: impl FnOnce(io::Error) + Send + 'static) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};

    std::thread::Builder::new().name("camtui-hangup".to_owned()).spawn(move || {
        let stdin = io::stdin();
        loop {
            // Asked about nothing, it reports hang-ups and errors all the same, and sleeps until then.
            match poll(&mut [PollFd::new(&stdin, PollFlags::empty())], None) {
                Err(rustix::io::Errno::INTR) | Ok(0) => {}
                Err(errno) => return gone(errno.into()),
                Ok(_) => return gone(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal has gone")),
            }
        }
    })?;
    Ok(())
}

/// Elsewhere reading fails by itself.
#[cfg(not(unix))]
pub fn watch(_gone: impl FnOnce(io::Error) + Send + 'static) -> io::Result<()> {
    Ok(())
}
