//! How long the session's own work takes: one key, and one change of look up to the bytes for the terminal.
//!
//! `cargo bench -p camtui --bench session`

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/made_up/mod.rs"]
mod made_up;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camtui::interactive::Analyst as _;
use camtui::interactive::action::{Action, Effect};
use camtui::interactive::analyst::Watch;
use camtui::interactive::command::Command;
use camtui::interactive::develop::{Developer, Scene};
use camtui::interactive::look::Look;
use camtui::interactive::picture::{Encoded, Plan, encode_as};
use camtui::interactive::state::State;
use camtui::interactive::theme::Theme;
use camtui::interactive::view;
use camtui_core::heatmap::Colormap;
use camtui_term::{Capabilities, Colours, Protocol};
use criterion::{Criterion, criterion_group, criterion_main};
use made_up::MadeUp;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::{TerminalOptions, Viewport, layout::Rect};

fn terminal(protocol: Protocol) -> Capabilities {
    Capabilities { protocol, colours: Colours::True, terminal: true, ..Capabilities::none() }
}

fn explained(made_up: &MadeUp) -> camtui::interactive::analyst::Explanation {
    let cancelled = AtomicBool::new(false);
    made_up.explain(&made_up.start().question, &Watch::new(&cancelled, &|_| {})).unwrap()
}

/// A session with an answer on screen.
fn ready(pictures: usize, size: (u16, u16)) -> State {
    let made_up = MadeUp::new(pictures, (640, 480));
    let (mut state, effects) = State::start(made_up.start(), size);
    carried_out(&mut state, effects);
    state
}

/// An action, and what it causes.
fn answered(state: &mut State, action: Action) {
    let effects = state.update(action);
    carried_out(state, effects);
}

fn carried_out(state: &mut State, mut open: Vec<Effect>) {
    let made_up = MadeUp::new(1, (640, 480));
    while let Some(effect) = open.pop() {
        let answer = match effect {
            Effect::Explain(number, _) => Action::Explained(number, Ok(Arc::new(explained(&made_up)))),
            Effect::Develop(slot, number, scene, area) => {
                let encoded = encoded(&mut Developer::default(), &scene, &terminal(Protocol::Blocks), area);
                Action::Developed(slot, number, Ok(Arc::new(encoded)))
            }
            _ => continue,
        };
        open.extend(state.update(answer));
    }
}

fn encoded(developer: &mut Developer, scene: &Scene, to: &Capabilities, area: (u16, u16)) -> Encoded {
    let plan = Plan::new(scene.shape(), to, area);
    encode_as(&developer.develop(scene, (plan.width, plan.height)), to, plan).unwrap()
}

/// A key to the state and the whole screen from it, with 2,000 pictures in the list: as it is, and with what costs most
/// lying over it.
fn key(criterion: &mut Criterion) {
    let theme = Theme::choose("dark", &std::collections::BTreeMap::new(), &terminal(Protocol::Blocks));
    let over = [
        ("", None),
        (", the help open", Some(Command::Help)),
        (", the palette open", Some(Command::Palette)),
        (", many messages open", Some(Command::Messages)),
        (", a crosshair", Some(Command::Crosshair)),
    ];
    for (name, command) in over {
        let mut state = ready(2000, (200, 60));
        let mut screen = Terminal::new(TestBackend::new(200, 60)).unwrap();
        if command == Some(Command::Messages) {
            for number in 0..200 {
                state.say(&format!(
                    "message {number}: the map is nearly blank, because its gradients vanish here"
                ));
            }
        }
        if let Some(command) = command {
            answered(&mut state, Action::Command(command));
        }
        criterion.bench_function(&format!("update and view at 200x60{name}"), |bench| {
            bench.iter(|| {
                black_box(state.update(Action::Command(Command::Mark)));
                screen.draw(|frame| view::view(&state, &theme, frame)).unwrap();
            });
        });
    }
}

/// Another opacity or colour map at 1920×1080, up to the bytes for the terminal.
fn look(criterion: &mut Criterion) {
    let made_up = MadeUp::new(1, (1920, 1080));
    let explanation = Arc::new(explained(&made_up));
    for protocol in [Protocol::Kitty, Protocol::Blocks] {
        let to = terminal(protocol);
        let area = (192, 54);
        let mut developer = Developer::default();
        let mut alpha = 0;
        criterion.bench_function(&format!("opacity and colours to bytes, 1920x1080, {protocol}"), |bench| {
            bench.iter(|| {
                alpha = (alpha + 10) % 100;
                let colormap = Some(if alpha % 20 == 0 { Colormap::Jet } else { Colormap::Viridis });
                let look = Look { alpha, colormap, ..Look::default() };
                let scene =
                    Scene { explanation: Arc::clone(&explanation), minus: None, look, crosshair: None };
                black_box(bytes(&encoded(&mut developer, &scene, &to, area)))
            });
        });
    }
}

/// What the terminal is sent for a frame with this picture.
fn bytes(picture: &Encoded) -> usize {
    let mut out = picture.transmission().map_or_else(Vec::new, |bytes| bytes.to_vec());
    let area = Rect::new(0, 0, 192, 54);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let mut screen = Terminal::with_options(CrosstermBackend::new(&mut out), options).unwrap();
    screen.draw(|frame| frame.render_widget(picture, area)).unwrap();
    drop(screen);
    out.len()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = key, look
}
criterion_main!(benches);
