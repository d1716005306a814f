//! The thread that reads the terminal. It reads only what is there, for two reasons: whoever asks the terminal something must
//! be able to read the answer itself, and the end of a terminal that has gone would be read for ever. SIGHUP does not tell
//! of every such end: it comes only to the session that the terminal controls, and not if it is ignored (`nohup`).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossterm::event::{self, Event};

/// The reading thread.
pub struct Input {
    /// Held by who reads.
    gate: Arc<Mutex<()>>,
}

impl Input {
    /// Starts to read. `report` is given every event, or why there will be no more; it says whether anyone still listens.
    pub fn start(report: impl Fn(io::Result<Event>) -> bool + Send + 'static) -> io::Result<Self> {
        let gate = Arc::new(Mutex::new(()));
        let shared = Arc::clone(&gate);
        thread::Builder::new().name("camtui-input".to_owned()).spawn(move || {
            loop {
                let events = wait().and_then(|()| {
                    let _reading = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting_events()
                });
                match events {
                    Ok(events) => {
                        if !events.into_iter().all(|event| report(Ok(event))) {
                            return;
                        }
                    }
                    Err(error) => {
                        report(Err(error));
                        return;
                    }
                }
            }
        })?;
        Ok(Self { gate })
    }

    /// Nothing is read while this is done.
    pub fn pause<T>(&self, work: impl FnOnce() -> T) -> T {
        let _held = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }
}

/// Waits until there is something to read.
#[cfg(unix)]
fn wait() -> io::Result<()> {
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

/// All events that are there.
#[cfg(unix)]
fn waiting_events() -> io::Result<Vec<Event>> {
    // With no time at all crossterm does not look.
    const MOMENT: std::time::Duration = std::time::Duration::from_millis(1);
    let mut events = Vec::new();
    while event::poll(MOMENT)? {
        events.push(event::read()?);
    }
    Ok(events)
}

/// Elsewhere the reading waits, and nobody else reads.
#[cfg(not(unix))]
fn wait() -> io::Result<()> {
    Ok(())
}

/// One event.
#[cfg(not(unix))]
fn waiting_events() -> io::Result<Vec<Event>> {
    Ok(vec![event::read()?])
}
