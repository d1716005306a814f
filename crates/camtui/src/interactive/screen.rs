//! The terminal's state: taken over at the start, and given back whatever happens.
//!
//! Giving back must work from a panic hook and after any part of taking over has failed, so what has to be undone is kept
//! in statics and undone at most once.

use std::io::{self, Stdout, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use camtui_term::sanitise;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use crate::log;

/// Whether there is anything to undo.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Numbers of kitty's pictures that the terminal holds for us.
static PICTURES: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The terminal as the session uses it: raw, on its alternate screen. Dropping it gives it back.
pub struct Screen {
    /// ratatui's half of it.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over.
    pub fn take() -> io::Result<Self> {
        take_over()?;
        match Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Gives the terminal back, stops the process as Ctrl-Z does elsewhere, and takes it over again when continued.
    pub fn suspend() -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        take_over()
    }

    /// Paints a frame at one stroke, where the terminal can do that; on a cleared screen if `anew`.
    pub fn draw(&mut self, anew: bool, paint: impl FnOnce(&mut ratatui::Frame)) -> io::Result<()> {
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        if anew {
            // ratatui's `clear` asks the terminal where the cursor is and fails where it is silent. This only clears.
            let size = self.terminal.size()?;
            self.terminal.resize(Rect::new(0, 0, size.width, size.height))?;
        }
        self.terminal.draw(paint)?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Has the terminal keep only this one of kitty's pictures.
    pub fn keep_picture(number: Option<u32>) -> io::Result<()> {
        let mut held = PICTURES.lock().unwrap_or_else(PoisonError::into_inner);
        let outdated: Vec<u32> = held.iter().copied().filter(|&old| Some(old) != number).collect();
        *held = number.into_iter().collect();
        drop(held);
        delete(&mut io::stdout(), &outdated)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take_over() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode().and_then(|()| execute!(io::stdout(), EnterAlternateScreen, cursor::Hide));
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Undoes everything. Errors are of no use here: the terminal may be the thing that has gone.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = queue!(out, EndSynchronizedUpdate);
    // A panic may have happened while the list was held; then the pictures stay until the terminal drops them.
    if let Ok(mut held) = PICTURES.try_lock() {
        let _ = delete(&mut out, &held);
        held.clear();
    }
    let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
}

fn delete(out: &mut impl Write, numbers: &[u32]) -> io::Result<()> {
    for number in numbers {
        write!(out, "\x1b_Ga=d,d=I,i={number},q=2\x1b\\")?;
    }
    out.flush()
}

/// Makes panics legible while the session lasts. One on the session's own thread gives the terminal back before the
/// message is printed and the log is named; those on other threads print nothing, because they are caught there and shown
/// as failures. All are noted in the log.
/// Dropping it puts the previous hook back.
pub struct PanicGuard {
    previous: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>,
}

impl PanicGuard {
    /// Installs the hook for this thread.
    pub fn install() -> Self {
        let previous: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = Arc::from(panic::take_hook());
        let session = thread::current().id();
        let next = Arc::clone(&previous);
        panic::set_hook(Box::new(move |info| {
            let is_session = thread::current().id() == session;
            if is_session {
                give_back();
            }
            let noted = log::panicked(info);
            if is_session {
                next(info);
                if let Some(path) = noted {
                    eprintln!("camtui: the log {} has the details", sanitise(&path.display().to_string()));
                }
            }
        }));
        Self { previous }
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        // The hook cannot be changed by a thread that panics; there it has done its work already.
        if !thread::panicking() {
            let previous = Arc::clone(&self.previous);
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}
