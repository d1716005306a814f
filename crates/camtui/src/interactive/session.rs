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
use crossterm::event::{self, Event, KeyCode, MouseEventKind};

use super::action::{Action, Effect};
use super::analyst::Analyst;
use super::command::Command;
use super::hangup;
use super::keys::{Key, Keymap};
use super::picture::Encoded;
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
    let read_on = watch_input(&sender, start.keymap.clone())?;

    let size = screen.size()?;
    let mut theme = (settings.theme)(&settings.capabilities);
    let (mut state, mut effects) = State::start(start, (size.width, size.height));
    let mut painted_at = Vec::new();
    let mut dirty = true;
    let mut anew = false;
    let mut reader_waits = false;
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
                    screen.suspend(|| found = Some(ask_again()))?;
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
                work => begin(&mut workers, work),
            }
        }
        if std::mem::take(&mut reader_waits) {
            // It has ended only if the terminal has gone, which is told by itself.
            let _ = read_on.send(());
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
                    reader_waits |= may_suspend(&state.keymap, &event);
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

/// Hands work to the workers.
fn begin(workers: &mut Workers, effect: Effect) {
    match effect {
        Effect::Explain(number, question) => workers.explain(number, question),
        Effect::Cancel => workers.cancel(),
        Effect::Develop(slot, number, scene, area) => workers.develop(slot, number, scene, area),
        Effect::Tiles(number, questions) => workers.tiles(number, questions),
        Effect::Predict(number, pictures, model) => workers.predict(number, pictures, model),
        Effect::Prefetch(pictures, model) => workers.prefetch(pictures, model),
        Effect::Thumbnails(pictures, area) => workers.thumbnails(pictures, area),
        Effect::Save(saving) => workers.save(saving),
        Effect::Json(explanation) => workers.json(explanation),
        // The loop's own.
        Effect::Open(_)
        | Effect::Copy(_)
        | Effect::Clear
        | Effect::Suspend
        | Effect::Quit
        | Effect::Interrupt => {}
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

/// Whether an event may suspend the session: by its key, or as a choice from the palette.
fn may_suspend(keymap: &Keymap, event: &Event) -> bool {
    match event {
        Event::Key(key) => {
            let own = Key::of(*key).and_then(|key| keymap.command(key));
            own == Some(Command::Suspend) || key.code == KeyCode::Enter
        }
        Event::Mouse(mouse) => matches!(mouse.kind, MouseEventKind::Down(_)),
        _ => false,
    }
}

/// Reads events on a thread of its own. After an event that may suspend the session it reads nothing until it is told to go
/// on, for a session that is continued asks the terminal anew, and the answers are not for this thread.
fn watch_input(sender: &Sender<Message>, keymap: Keymap) -> io::Result<Sender<()>> {
    let reader = sender.clone();
    let (read_on, told) = channel();
    thread::Builder::new().name("camtui-input".to_owned()).spawn(move || {
        loop {
            let message = event::read().map_or_else(Message::Lost, Message::Event);
            let lost = matches!(message, Message::Lost(_));
            let waits = matches!(&message, Message::Event(event) if may_suspend(&keymap, event));
            if reader.send(message).is_err() || lost || (waits && told.recv().is_err()) {
                return;
            }
        }
    })?;
    let sender = sender.clone();
    hangup::watch(move |error| drop(sender.send(Message::Lost(error))))?;
    Ok(read_on)
}

/// The first signal ends the session in good order; a second one does not wait for that.
#[cfg(unix)]
fn watch_signals(sender: &Sender<Message>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    let sender = sender.clone();
    thread::Builder::new().name("camtui-signals".to_owned()).spawn(move || {
        let mut count = 0;
        for signal in signals.forever() {
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
