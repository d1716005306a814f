//! The loop: waits for a message, lets the state decide, carries out the effects, paints. Nothing here takes time.
//!
//! Keys, signals and answers come from their own threads through one channel, so there is one place to wait and no polling.
//! While the terminal has not taken the last frame nothing is painted: what comes meanwhile is painted at once, later.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use base64::Engine as _;
use camtui_term::{Capabilities, Protocol};
use crossterm::event::Event;

use super::action::{Action, Effect};
use super::analyst::Analyst;
use super::input::Input;
use super::keys::Key;
use super::picture::Encoded;
use super::rebuilds::{Rebuilds, Watched};
use super::screen::{Mouse, Options, PanicGuard, Report as Written, Screen};
use super::state::{Start, State};
use super::theme::Theme;
use super::view;
use super::watcher::Watcher;
use super::workers::{Report, Workers};

/// The longest text that is put into the clipboard; terminals take no more.
const CLIPBOARD: usize = 74_000;

/// How the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The user quit.
    Quit,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// This signal came: the process is expected to end as by it (128 + its number).
    Signal(i32),
}

/// What the session is run with besides its state at the start.
pub struct Settings {
    /// What the terminal can do.
    pub capabilities: Capabilities,
    /// Asks the terminal again: after a suspension it may be another one.
    pub ask_again: Box<dyn Fn() -> Capabilities>,
    /// The theme for a terminal.
    pub theme: Box<dyn Fn(&Capabilities) -> Theme>,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// Folders in which new pictures are looked out for, as in those that are opened later; none where that is not wanted.
    pub watched: Option<Vec<PathBuf>>,
    /// Libraries that may be rebuilt, by the numbers that [`Analyst::reload`] is asked with.
    pub libraries: Vec<Watched>,
}

/// What the loop waits for.
#[derive(Debug)]
pub enum Message {
    /// Something for the state.
    Action(Action),
    /// Something from the terminal.
    Event(Event),
    /// The terminal can no longer be read or written.
    Lost(io::Error),
    /// The terminal has taken the last frame.
    Ready,
    /// A signal that ends the session.
    Signal(i32),
}

/// Runs the session until it ends; how it ended, and its last state. Standard input and output must be the terminal that the
/// capabilities were detected on, and nothing else may read from it.
pub fn run(analyst: &Arc<dyn Analyst>, start: Start, mut settings: Settings) -> io::Result<(Ending, State)> {
    let (sender, messages) = channel();
    watch_signals(&sender)?;
    let report = reporter(&sender);
    let mut workers = Workers::start(analyst, &settings.capabilities, &report)?;
    let mut watcher = Watcher::start(settings.watched.as_deref(), &report);
    let _rebuilds = Rebuilds::start(std::mem::take(&mut settings.libraries), &report);
    let _panics = PanicGuard::install();
    let mouse = if settings.mouse { Mouse::Drag } else { Mouse::Off };
    let written = sender.clone();
    let mut screen = Screen::take(Options { mouse, paste: true, focus: false }, move |report| {
        // Nobody is left to tell once the loop has ended.
        let _ = written.send(match report {
            Written::Ready => Message::Ready,
            Written::Lost(error) => Message::Lost(error),
        });
    })?;
    // Only now, in raw mode, and after the terminal's capabilities were asked for.
    let input = watch_input(&sender)?;

    let size = screen.size()?;
    let mut theme = (settings.theme)(&settings.capabilities);
    let (mut state, mut effects) = State::start(start, (size.width, size.height));
    let mut painted_at = Vec::new();
    let mut dirty = true;
    let mut anew = false;
    loop {
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Quit => return Ok((Ending::Quit, state)),
                Effect::Interrupt => return Ok((Ending::Interrupted, state)),
                Effect::Clear => anew = true,
                Effect::Copy(text) => copy(&mut screen, &mut state, &text),
                Effect::Suspend => {
                    let ask_again = &settings.ask_again;
                    let mut found = None;
                    // The terminal's answers are for who asks, not for the reading thread.
                    input.pause(|| screen.suspend(|| found = Some(ask_again())))?;
                    if let Some(found) = found {
                        workers.set_capabilities(&found);
                        theme = (settings.theme)(&found);
                        settings.capabilities = found;
                    }
                    let size = screen.size()?;
                    state.size = (size.width, size.height);
                    effects.extend(state.update(Action::Resumed));
                }
                Effect::Open(path) => {
                    if let Some(folder) = path.as_ref().filter(|path| path.is_dir()) {
                        watcher.add(folder);
                    }
                    workers.open(path);
                }
                work => workers.begin(work),
            }
        }

        if dirty {
            let pictures = view::pictures(&state);
            let places: Vec<_> = pictures.iter().map(|(place, _)| *place).collect();
            // These pictures stay where they were painted, whatever is written there.
            let stay = matches!(settings.capabilities.protocol, Protocol::Sixel | Protocol::Iterm);
            anew |= stay && places != painted_at;
            let held: Vec<Arc<Encoded>> = pictures.into_iter().map(|(_, picture)| picture).collect();
            if screen.draw(anew, &held, |frame| view::view(&state, &theme, frame))? {
                (dirty, anew) = (false, false);
                painted_at = places;
            }
        }

        // One wait, then everything that has come meanwhile, then one frame.
        let Ok(mut message) = messages.recv() else { return Ok((Ending::Quit, state)) };
        loop {
            dirty |= !matches!(message, Message::Ready);
            match message {
                Message::Action(action) => effects.extend(state.update(action)),
                Message::Event(event) => {
                    if let Some(action) = action_of(event) {
                        effects.extend(state.update(action));
                    }
                }
                Message::Ready => {}
                Message::Lost(error) => return Err(error),
                Message::Signal(signal) => return Ok((Ending::Signal(signal), state)),
            }
            match messages.try_recv() {
                Ok(next) => message = next,
                Err(_) => break,
            }
        }
    }
}

/// What an event of the terminal is for the state.
fn action_of(event: Event) -> Option<Action> {
    match event {
        Event::Key(key) => Key::of(key).map(Action::Key),
        Event::Mouse(mouse) => Some(Action::Mouse(mouse)),
        Event::Paste(text) => Some(Action::Paste(text)),
        Event::Resize(cols, rows) => Some(Action::Resized(cols, rows)),
        Event::FocusGained | Event::FocusLost => None,
    }
}

/// Puts a text into the clipboard of the terminal, wherever that is (OSC 52).
fn copy(screen: &mut Screen, state: &mut State, text: &str) {
    if text.len() > CLIPBOARD {
        state.say(&format!("{} bytes are too many for the clipboard", text.len()));
        return;
    }
    let payload = base64::engine::general_purpose::STANDARD.encode(text);
    screen.send(format!("\x1b]52;c;{payload}\x07").as_bytes());
}

fn reporter(sender: &Sender<Message>) -> Report {
    let sender = std::sync::Mutex::new(sender.clone());
    Arc::new(move |action| {
        // Nobody is left to tell once the loop has ended.
        let sender = sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = sender.send(Message::Action(action));
    })
}

fn watch_input(sender: &Sender<Message>) -> io::Result<Input> {
    let sender = sender.clone();
    Input::start(move |event| sender.send(event.map_or_else(Message::Lost, Message::Event)).is_ok())
}

/// Another size of the terminal is an event; of the other signals the first ends the session in good order, and a second one
/// does not wait for that.
#[cfg(unix)]
fn watch_signals(sender: &Sender<Message>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};

    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGWINCH])?;
    let sender = sender.clone();
    thread::Builder::new().name("camtui-signals".to_owned()).spawn(move || {
        let mut count = 0;
        for signal in signals.forever() {
            if signal == SIGWINCH {
                if let Ok((cols, rows)) = crossterm::terminal::size() {
                    // Nobody is left to tell once the loop has ended.
                    let _ = sender.send(Message::Event(Event::Resize(cols, rows)));
                }
                continue;
            }
            count += 1;
            if count > 1 || sender.send(Message::Signal(signal)).is_err() {
                super::screen::give_back();
                std::process::exit(128 + signal);
            }
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals(_sender: &Sender<Message>) -> io::Result<()> {
    Ok(())
}
