//! The loop: waits for a message, lets the state decide, carries out the effects, paints. Nothing here takes time.
//!
//! Keys, signals and answers come from their own threads through one channel, so there is one place to wait and no polling.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use camtui_term::{Capabilities, Colours, Protocol};
use crossterm::event::{self, Event};
use ratatui::layout::Rect;

use super::action::{Action, Effect};
use super::analyst::Analyst;
use super::hangup;
use super::keys::command_for;
use super::screen::{PanicGuard, Screen};
use super::state::State;
use super::view::{Palette, view};
use super::workers::Workers;

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

/// What the loop waits for.
#[derive(Debug)]
pub enum Message {
    /// Something for the state.
    Action(Action),
    /// Something from the terminal.
    Event(Event),
    /// The terminal can no longer be read.
    InputLost(io::Error),
    /// A signal that ends the session.
    Signal(i32),
}

/// Runs the session over the pictures of these names until it ends. Standard input and output must be the terminal that
/// `capabilities` were detected on, and nothing else may read from it.
pub fn run(analyst: Box<dyn Analyst>, names: &[String], capabilities: &Capabilities) -> io::Result<Ending> {
    if names.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no picture to show"));
    }
    let (sender, messages) = channel();
    watch_signals(&sender)?;
    let mut workers = Workers::start(analyst, capabilities, &sender)?;
    let _panics = PanicGuard::install();
    let mut screen = Screen::take()?;
    // Only now, in raw mode, and after the terminal's capabilities were asked for.
    watch_input(&sender)?;
    let on_hangup = sender.clone();
    hangup::watch(move |error| drop(on_hangup.send(Message::InputLost(error))))?;

    let size = screen.terminal.size()?;
    let palette = Palette::new(capabilities.colours != Colours::None);
    let (mut state, mut effects) = State::start(names, (size.width, size.height));
    let mut painted_at: Option<Rect> = None;
    loop {
        let mut anew = false;
        for effect in effects.drain(..) {
            match effect {
                Effect::Explain(number, request) => workers.explain(number, request),
                Effect::Cancel => workers.cancel(),
                Effect::Encode(number, view, area) => workers.encode(number, view, area),
                Effect::Clear => anew = true,
                Effect::Suspend => {
                    Screen::suspend()?;
                    let _ = sender.send(Message::Action(Action::Resumed));
                }
                Effect::Quit => return Ok(Ending::Quit),
                Effect::Interrupt => return Ok(Ending::Interrupted),
            }
        }

        let place = state.picture_place();
        // These pictures stay where they were painted, whatever is written there.
        anew |= place != painted_at && matches!(capabilities.protocol, Protocol::Sixel | Protocol::Iterm);
        painted_at = place;
        screen.draw(anew, |frame| view(&state, palette, frame))?;
        if place.is_some() {
            Screen::keep_picture(state.picture.as_ref().and_then(|picture| picture.kitty_number()))?;
        }

        // One wait, then everything that has come meanwhile, then one frame.
        let Ok(mut message) = messages.recv() else { return Ok(Ending::Quit) };
        loop {
            match message {
                Message::Action(action) => effects.extend(state.update(action)),
                Message::Event(Event::Key(key)) => {
                    if let Some(command) = command_for(key) {
                        effects.extend(state.update(Action::Command(command)));
                    }
                }
                Message::Event(Event::Resize(cols, rows)) => {
                    effects.extend(state.update(Action::Resized(cols, rows)));
                }
                Message::Event(_) => {}
                Message::InputLost(error) => return Err(error),
                Message::Signal(signal) => return Ok(Ending::Signal(signal)),
            }
            match messages.try_recv() {
                Ok(next) => message = next,
                Err(_) => break,
            }
        }
    }
}

fn watch_input(sender: &Sender<Message>) -> io::Result<()> {
    let sender = sender.clone();
    thread::Builder::new().name("camtui-input".to_owned()).spawn(move || {
        loop {
            let message = event::read().map_or_else(Message::InputLost, Message::Event);
            let lost = matches!(message, Message::InputLost(_));
            if sender.send(message).is_err() || lost {
                return;
            }
        }
    })?;
    Ok(())
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
