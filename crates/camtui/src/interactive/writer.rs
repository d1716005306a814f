//! The thread that writes to the terminal, so that a slow one holds up nobody else.
//!
//! It holds one frame at a time and says when it is done with it. While it is busy the session paints nothing; what the
//! session shows next is the newest state, and no frame is ever queued behind another. [`Writer::stop`] cuts a frame off
//! that does not get through, for the terminal must be given back even when it takes nothing.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use camtui_term::output::Output;

/// Bytes of a frame: its own, or those of a picture, which may be sent again.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Written once.
    Own(Vec<u8>),
    /// Kept by the picture.
    Shared(Arc<Vec<u8>>),
}

impl Piece {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What the writer has to tell.
#[derive(Debug)]
pub enum Report {
    /// The frame is written; there is room for the next.
    Ready,
    /// The terminal has gone: nothing more can be written.
    Lost(io::Error),
}

/// How long the thread waits for the terminal before it looks whether the frame is still wanted.
const GLANCE: Duration = Duration::from_millis(100);
/// The most that is written before others get a chance to stop it.
const PIECE: usize = 1 << 16;

#[derive(Debug, Default)]
struct Now {
    /// To be written next.
    frame: Option<Vec<Piece>>,
    /// Whether a frame is being written, or waits to be.
    busy: bool,
    /// Raised when what is being written is no longer wanted.
    cut: u64,
    /// Whether frames are refused.
    stopped: bool,
    /// Whether the thread is to end.
    closed: bool,
}

/// The session's side of the thread. It is shared with whoever gives the terminal back.
#[derive(Debug)]
pub struct Writer {
    /// The terminal.
    output: Output,
    now: Mutex<Now>,
    changed: Condvar,
}

impl Writer {
    /// Starts the thread. It tells `report` about each frame, on its own thread.
    pub fn start(output: Output, report: impl Fn(Report) + Send + 'static) -> io::Result<Arc<Self>> {
        let writer = Arc::new(Self { output, now: Mutex::default(), changed: Condvar::new() });
        let own = Arc::clone(&writer);
        thread::Builder::new().name("camtui-write".to_owned()).spawn(move || own.run(&report))?;
        Ok(writer)
    }

    /// Whether a frame would be taken.
    pub fn ready(&self) -> bool {
        let now = self.lock();
        !now.busy && !now.stopped
    }

    /// Hands a frame over; whether it was taken.
    pub fn hand_over(&self, frame: Vec<Piece>) -> bool {
        let mut now = self.lock();
        if now.busy || now.stopped {
            return false;
        }
        now.frame = Some(frame);
        now.busy = true;
        self.changed.notify_all();
        true
    }

    /// Writes now, past the thread, which must be idle or stopped.
    pub fn write_within(&self, bytes: &[u8], most: Duration) -> io::Result<()> {
        self.output.write_within(bytes, most)
    }

    /// Lets the frame that is being written get through for at most so long, then cuts it off. Afterwards the thread
    /// writes nothing until [`Writer::go_on`]. Returns whether a frame was cut off.
    pub fn stop(&self, most: Duration) -> bool {
        let deadline = Instant::now() + most;
        let Some(mut now) = self.lock_before(deadline) else { return true };
        now.stopped = true;
        while now.busy {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            now = self.changed.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let was_busy = now.busy;
        now.cut += 1;
        now.frame = None;
        now.busy = false;
        was_busy
    }

    /// Takes frames again.
    pub fn go_on(&self) {
        self.lock().stopped = false;
    }

    /// Ends the thread when it has written what it has.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Nothing that could panic is done while the lock is held.
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock is held during a write, which can take long where the terminal could not be opened anew.
    fn lock_before(&self, deadline: Instant) -> Option<MutexGuard<'_, Now>> {
        loop {
            match self.now.try_lock() {
                Ok(now) => return Some(now),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn run(&self, report: &impl Fn(Report)) {
        while let Some((frame, cut)) = self.next() {
            let result = frame.iter().try_for_each(|piece| self.write(piece.bytes(), cut));
            let mut now = self.lock();
            if now.cut == cut {
                now.busy = false;
            }
            drop(now);
            self.changed.notify_all();
            match result {
                Ok(()) => report(Report::Ready),
                Err(Ended::Cut) => {}
                Err(Ended::Lost(error)) => {
                    // Whoever is told has every reason to end the session; frames are refused from here on.
                    self.lock().stopped = true;
                    report(Report::Lost(error));
                    return;
                }
            }
        }
    }

    /// Waits for a frame; nothing when there will be none.
    fn next(&self) -> Option<(Vec<Piece>, u64)> {
        let mut now = self.lock();
        loop {
            if let Some(frame) = now.frame.take() {
                return Some((frame, now.cut));
            }
            if now.closed {
                return None;
            }
            now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write(&self, mut bytes: &[u8], cut: u64) -> Result<(), Ended> {
        while !bytes.is_empty() {
            let written = {
                // Under the lock, so that after a cut not one byte more goes out.
                let now = self.lock();
                if now.cut != cut {
                    return Err(Ended::Cut);
                }
                self.output.write_some(&bytes[..bytes.len().min(PIECE)]).map_err(Ended::Lost)?
            };
            bytes = &bytes[written..];
            if written == 0 {
                self.output.wait(GLANCE).map_err(Ended::Lost)?;
            }
        }
        Ok(())
    }
}

/// Why a frame did not get through.
enum Ended {
    Cut,
    Lost(io::Error),
}
