//! The terminal's state: taken over at the start, painted on, and given back whatever happens.
//!
//! Painting makes bytes and hands them to the [writer](super::writer)'s thread; it never waits for the terminal. Giving
//! back must work from a panic hook, from a signal's thread, and while the writer is in the middle of a frame that the
//! terminal does not take, so what has to be undone is kept in a static and undone at most once.

use std::io;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use camtui_term::kitty;
use camtui_term::output::Output;
use camtui_term::sanitise;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::layout::{Rect, Size};
use ratatui::{Frame, Terminal};

use super::canvas::Canvas;
use super::files;
use super::picture::Encoded;
pub use super::writer::Report;
use super::writer::{Piece, Writer};
use crate::log;

/// How long a frame that is being written may hold up the giving back, and then the giving back itself.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long the terminal may take to let itself be taken over.
const TAKING: Duration = Duration::from_secs(2);

const BEGIN_UPDATE: &str = "\x1b[?2026h";
const END_UPDATE: &str = "\x1b[?2026l";

/// What the mouse is to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mouse {
    /// Nothing: the terminal selects text with it.
    #[default]
    Off,
    /// Buttons and the wheel.
    Clicks,
    /// And motion while a button is held.
    Drag,
    /// And motion always.
    Motion,
}

impl Mouse {
    /// Everything is turned off before anything is turned on: the modes exclude each other in some terminals and add up
    /// in others. Coordinates come in SGR's form, which has no edge at column 223.
    fn escapes(self) -> &'static str {
        match self {
            Self::Off => "\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1006l",
            Self::Clicks => "\x1b[?1003l\x1b[?1002l\x1b[?1000h\x1b[?1006h",
            Self::Drag => "\x1b[?1003l\x1b[?1000h\x1b[?1002h\x1b[?1006h",
            Self::Motion => "\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1006h",
        }
    }
}

/// What the session wants of the terminal besides its screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What the mouse tells.
    pub mouse: Mouse,
    /// Whether pasted text comes as one event.
    pub paste: bool,
    /// Whether gaining and losing the focus are events.
    pub focus: bool,
}

impl Options {
    fn take_over(self) -> String {
        let mut escapes = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J".to_owned();
        if self.mouse != Mouse::Off {
            escapes.push_str(self.mouse.escapes());
        }
        if self.paste {
            escapes.push_str("\x1b[?2004h");
        }
        if self.focus {
            escapes.push_str("\x1b[?1004h");
        }
        escapes
    }

    fn give_back(self) -> String {
        let mut escapes = String::new();
        if self.focus {
            escapes.push_str("\x1b[?1004l");
        }
        if self.paste {
            escapes.push_str("\x1b[?2004l");
        }
        if self.mouse != Mouse::Off {
            escapes.push_str(Mouse::Off.escapes());
        }
        // Cleared first: some terminals keep iTerm2's pictures and sixels that are on the alternate screen.
        escapes.push_str("\x1b[0m\x1b[H\x1b[2J\x1b[?1049l\x1b[?25h");
        escapes
    }
}

/// What there is to undo.
struct Taken {
    writer: Arc<Writer>,
    options: Options,
    /// Numbers of the pictures that the terminal may hold for us.
    pictures: Vec<u32>,
}

static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

/// Nothing is done while the lock is held that could panic or take long.
fn taken<T>(change: impl FnOnce(&mut Option<Taken>) -> T) -> T {
    change(&mut TAKEN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The terminal as the session uses it: raw, on its alternate screen. Dropping it gives it back.
pub struct Screen {
    terminal: Terminal<Canvas>,
    /// What goes out before the next frame.
    before: Vec<u8>,
    writer: Arc<Writer>,
    options: Options,
    /// Whether the next frame begins on a cleared screen.
    anew: bool,
    /// The pictures that the terminal holds.
    held: Vec<Arc<Encoded>>,
    /// Those before: their files must outlast the terminal's reading of them.
    retired: Vec<Arc<Encoded>>,
}

impl Screen {
    /// Takes over the terminal that standard output shows. `report` is called on the writer's thread, when a frame has
    /// been written and when the terminal has gone.
    pub fn take(options: Options, report: impl Fn(Report) + Send + 'static) -> io::Result<Self> {
        let writer = Writer::start(Output::open()?, report)?;
        files::open();
        take_over(&writer, options)?;
        match Terminal::new(Canvas::default()) {
            Ok(terminal) => Ok(Self {
                terminal,
                before: Vec::new(),
                writer,
                options,
                anew: true,
                held: Vec::new(),
                retired: Vec::new(),
            }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// The terminal's size in cells.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Whether the terminal has taken the last frame, so that another would be painted.
    pub fn ready(&self) -> bool {
        self.writer.ready()
    }

    /// Paints a frame at one stroke, where the terminal can do that; on a cleared screen if `anew`. Never waits: where
    /// the terminal has not taken the last frame yet, nothing is painted, the answer is `false`, and
    /// [`Report::Ready`] comes later (`anew` is not forgotten meanwhile). A frame that changes nothing costs no byte and
    /// no report.
    ///
    /// `pictures` are all that the terminal is to hold: those that this frame shows, and any that a later one may.
    /// Those that it does not hold yet are transmitted before the frame; others are deleted after it.
    pub fn draw(
        &mut self,
        anew: bool,
        pictures: &[Arc<Encoded>],
        paint: impl FnOnce(&mut Frame),
    ) -> io::Result<bool> {
        self.anew |= anew;
        if !self.ready() {
            return Ok(false);
        }
        let is_in =
            |list: &[Arc<Encoded>], one: &Arc<Encoded>| list.iter().any(|each| Arc::ptr_eq(each, one));
        let mut pieces: Vec<Piece> = pictures
            .iter()
            .filter(|picture| !is_in(&self.held, picture))
            .filter_map(|picture| Some(Piece::Shared(picture.transmission()?)))
            .collect();

        if self.anew {
            // ratatui's `clear` asks the terminal where the cursor is. This only clears.
            let size = self.terminal.size()?;
            self.terminal.resize(Rect::new(0, 0, size.width, size.height))?;
        }
        self.terminal.draw(paint)?;
        let painted = self.terminal.backend_mut().take();
        let mut frame = std::mem::take(&mut self.before);
        if !painted.is_empty() {
            frame.extend_from_slice(BEGIN_UPDATE.as_bytes());
            frame.extend_from_slice(&painted);
            frame.extend_from_slice(END_UPDATE.as_bytes());
        }
        let outdated = self.held.iter().filter(|picture| !is_in(pictures, picture));
        for number in outdated.filter_map(|picture| picture.kitty_number()) {
            frame.extend(kitty::deletion(number));
        }
        pieces.push(Piece::Own(frame));

        if self.held.len() != pictures.len() || !pictures.iter().all(|picture| is_in(&self.held, picture)) {
            let held = std::mem::replace(&mut self.held, pictures.to_vec());
            self.retired = held;
        }
        let numbers = self.held.iter().chain(&self.retired).filter_map(|picture| picture.kitty_number());
        let numbers: Vec<u32> = numbers.collect();
        taken(|taken| taken.as_mut().map(|taken| taken.pictures = numbers));
        self.anew = false;
        Ok(pieces.iter().all(Piece::is_empty) || self.writer.hand_over(pieces))
    }

    /// Sends an escape sequence with the next frame.
    pub fn send(&mut self, escape: &[u8]) {
        self.before.extend_from_slice(escape);
    }

    /// Has the mouse tell something else from the next frame on.
    pub fn set_mouse(&mut self, mouse: Mouse) {
        if mouse != self.options.mouse {
            self.options.mouse = mouse;
            taken(|taken| taken.as_mut().map(|taken| taken.options.mouse = mouse));
            self.before.extend_from_slice(mouse.escapes().as_bytes());
        }
    }

    /// Gives the terminal back, stops the process as Ctrl-Z does elsewhere, and takes it over again when continued. The
    /// next frame is painted anew, with its pictures transmitted again. `resumed` runs when the process goes on, before
    /// the taking over: the place to ask what the terminal can do, for it may be another one by now.
    pub fn suspend(&mut self, resumed: impl FnOnce()) -> io::Result<()> {
        undo();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        resumed();
        self.held.clear();
        self.retired.clear();
        self.before.clear();
        self.terminal.backend_mut().reset();
        self.anew = true;
        take_over(&self.writer, self.options)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        self.writer.close();
    }
}

fn take_over(writer: &Arc<Writer>, options: Options) -> io::Result<()> {
    taken(|taken| {
        *taken = Some(Taken { writer: Arc::clone(writer), options, pictures: Vec::new() });
    });
    let result = enable_raw_mode().and_then(|()| writer.write_within(options.take_over().as_bytes(), TAKING));
    match result {
        Ok(()) => writer.go_on(),
        Err(_) => give_back(),
    }
    result
}

/// Gives the terminal back, in less than half a second even if it takes nothing, and deletes the files that it read.
/// Does nothing where there is nothing to give back.
pub fn give_back() {
    undo();
    files::close();
}

/// Undoes the taking over. Errors are of no use here: the terminal may be the thing that has gone.
fn undo() {
    let Some(Taken { writer, options, pictures }) = taken(Option::take) else { return };
    let mut escapes = Vec::new();
    if writer.stop(PATIENCE) {
        escapes.extend_from_slice(if pictures.is_empty() { b"\x1b\\" } else { kitty::CUT_OFF });
    }
    escapes.extend_from_slice(END_UPDATE.as_bytes());
    escapes.extend(pictures.into_iter().flat_map(kitty::deletion));
    escapes.extend_from_slice(options.give_back().as_bytes());
    let _ = writer.write_within(&escapes, PATIENCE);
    let _ = disable_raw_mode();
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
