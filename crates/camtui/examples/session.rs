//! The interactive session over pictures that are made up, with an analyst that knows no model: for trying the terminal
//! side by hand, and for the tests that run it on a pty.
//!
//! `cargo run --release -p camtui --example session -- [PROTOCOL [PANIC]]`; with `panic` as the second argument the
//! session's own thread panics once the terminal has been taken over.

#[path = "../tests/made_up/mod.rs"]
mod made_up;

use std::process::ExitCode;
use std::sync::Arc;

use camtui::interactive::theme::Theme;
use camtui::interactive::{self, Analyst, Ending, Settings, screen};
use camtui_term::{DetectOptions, detect};
use made_up::MadeUp;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let protocol = arguments.next().filter(|name| name != "auto").map(|name| name.parse()).transpose()?;
    let capabilities = detect(&DetectOptions::from_process(protocol));
    if arguments.next().as_deref() == Some("panic") {
        let _panics = screen::PanicGuard::install();
        let _screen = screen::Screen::take(screen::Options::default(), |_| {})?;
        panic!("deliberately");
    }
    let mut made_up = MadeUp::new(9, (320, 240));
    made_up.broken = Some(3);
    let mut start = made_up.start();
    // One picture at a time, which the tests count.
    start.thumbnails = false;
    let analyst: Arc<dyn Analyst> = Arc::new(made_up);
    let settings = Settings {
        ask_again: Box::new(move || detect(&DetectOptions::from_process(protocol))),
        theme: Box::new(|terminal| Theme::choose("auto", &std::collections::BTreeMap::new(), terminal)),
        mouse: true,
        libraries: Vec::new(),
        watched: None,
        capabilities,
    };
    Ok(match interactive::run(&analyst, start, settings)?.0 {
        Ending::Quit => ExitCode::SUCCESS,
        Ending::Interrupted => ExitCode::from(130),
        Ending::Signal(signal) => ExitCode::from(128 + signal as u8),
    })
}
