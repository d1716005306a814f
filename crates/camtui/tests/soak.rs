//! A long session in a short time: 10,000 random actions on 200 pictures, with the real workers and the real view, and nothing
//! left over at the end.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod made_up;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use camtui::interactive::Analyst;
use camtui::interactive::action::{Action, Effect};
use camtui::interactive::command::{Command, TABLE};
use camtui::interactive::keys::Key;
use camtui::interactive::state::State;
use camtui::interactive::theme::Theme;
use camtui::interactive::view;
use camtui::interactive::workers::{Report, Workers};
use camtui_term::{Capabilities, Colours, Protocol};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use made_up::MadeUp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const ACTIONS: usize = 10_000;

/// A generator that is the same everywhere (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

fn action(random: &mut Random, size: (u16, u16)) -> Action {
    let keys = [
        "Enter",
        "Esc",
        "Up",
        "Down",
        "Left",
        "Right",
        "Space",
        "Tab",
        "a",
        "e",
        "1",
        "Backspace",
        "j",
        "犬",
    ];
    match random.below(10) {
        0..5 => Action::Command(TABLE[random.below(TABLE.len())].command),
        5..8 => Action::Key(keys[random.below(keys.len())].parse::<Key>().unwrap()),
        8 => {
            let kinds = [
                MouseEventKind::Down(MouseButton::Left),
                MouseEventKind::Drag(MouseButton::Left),
                MouseEventKind::Up(MouseButton::Left),
                MouseEventKind::Down(MouseButton::Right),
                MouseEventKind::ScrollUp,
                MouseEventKind::ScrollDown,
            ];
            Action::Mouse(MouseEvent {
                kind: kinds[random.below(kinds.len())],
                column: random.below(usize::from(size.0) + 5) as u16,
                row: random.below(usize::from(size.1) + 5) as u16,
                modifiers: KeyModifiers::NONE,
            })
        }
        _ => match random.below(20) {
            0 => Action::Resized(random.below(220) as u16, random.below(70) as u16),
            1 => Action::Resumed,
            2 => Action::FolderChanged,
            3 => Action::Paste("pasted 猫 \x1b[2J".to_owned()),
            _ => Action::Command(Command::NextPicture),
        },
    }
}

/// Carries out what the loop would; opening files would make the list longer and longer, so that is left out.
fn carry_out(workers: &mut Workers, effects: Vec<Effect>) {
    for effect in effects {
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
            _ => {}
        }
    }
}

fn drain(state: &mut State, workers: &mut Workers, answers: &Receiver<Action>, patience: Duration) {
    while let Ok(answer) = answers.recv_timeout(patience) {
        let effects = state.update(answer);
        carry_out(workers, effects);
    }
}

fn resident_megabytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096.0 / 1e6
}

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

fn soak(protocol: Protocol) {
    let mut made_up = MadeUp::new(200, (160, 120));
    made_up.slow = Duration::from_millis(20);
    made_up.broken = Some(17);
    let start = made_up.start();
    let analyst: Arc<dyn Analyst> = Arc::new(made_up);
    let (sender, answers) = channel();
    let sender = std::sync::Mutex::new(sender);
    let report: Report = Arc::new(move |action| drop(sender.lock().unwrap().send(action)));
    let terminal = Capabilities { protocol, colours: Colours::True, terminal: true, ..Capabilities::none() };
    let mut workers = Workers::start(&analyst, &terminal, &report).unwrap();
    let theme = Theme::choose("auto", &std::collections::BTreeMap::new(), &terminal);
    let mut screen = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let (mut state, effects) = State::start(start, (120, 40));
    carry_out(&mut workers, effects);

    let mut random = Random(1);
    let (mut early, mut threads, mut handles) = (0.0, 0, 0);
    for at in 0..ACTIONS {
        let effects = state.update(action(&mut random, state.size));
        carry_out(&mut workers, effects);
        drain(&mut state, &mut workers, &answers, Duration::ZERO);
        let (cols, rows) = state.size;
        screen.backend_mut().resize(cols.max(1), rows.max(1));
        state.size = (cols.max(1), rows.max(1));
        screen.draw(|frame| view::view(&state, &theme, frame)).unwrap();
        assert!(state.dialogs.len() < 20, "{} dialogs lie over each other", state.dialogs.len());
        if at == ACTIONS / 10 {
            drain(&mut state, &mut workers, &answers, Duration::from_millis(300));
            (early, threads, handles) = (resident_megabytes(), count("task"), count("fd"));
        }
    }
    drain(&mut state, &mut workers, &answers, Duration::from_millis(500));
    let (late, threads_now, handles_now) = (resident_megabytes(), count("task"), count("fd"));
    assert!(late < early * 1.15 + 8.0, "{protocol}: memory grew from {early:.0} MB to {late:.0} MB");
    assert_eq!((threads_now, handles_now), (threads, handles), "{protocol}: threads, file handles");
    assert!(!state.working, "an answer never came");
}

#[test]
fn ten_thousand_random_actions_leave_nothing_behind() {
    // One after the other: memory, threads and file handles are the whole process's.
    soak(Protocol::Blocks);
    soak(Protocol::Kitty);
}
