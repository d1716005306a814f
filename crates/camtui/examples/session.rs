//! The interactive session over pictures that are made up, with an analyst that knows no model: for trying the terminal
//! side by hand, and for the tests that run it on a pty.
//!
//! `cargo run --release -p camtui --example session -- [PROTOCOL [PANIC]]`; with `panic` as the second argument the
//! session's own thread panics when the first picture is asked for.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use camtui::interactive::{self, Analyst, Ending, Prediction, Request, Target, View};
use camtui_term::{DetectOptions, detect};
use image::{Rgba, RgbaImage};

struct MadeUp;

impl Analyst for MadeUp {
    fn explain(&mut self, request: &Request, _cancelled: &AtomicBool) -> Result<View, String> {
        let rank = match request.target {
            Target::Asked => 0,
            Target::Rank(rank) => rank,
        };
        if request.picture == 2 {
            return Err("bad.jpg is no picture that camtui can read".to_owned());
        }
        let predictions: Vec<Prediction> = (0..5)
            .map(|at| Prediction {
                index: 10 * request.picture + at,
                label: format!("class-{}-{at}", request.picture),
                probability: 0.5_f32.powi(at as i32 + 1),
            })
            .collect();
        let (red, blue) = (80 * request.picture as u8, 50 * rank as u8);
        Ok(View {
            overlay: RgbaImage::from_fn(320, 240, |x, y| {
                Rgba([red.wrapping_add(x as u8), y as u8, blue, 255])
            }),
            target: predictions[rank].clone(),
            predictions,
            legend: vec!["made-up".to_owned(), "layer4".to_owned()],
            notes: Vec::new(),
        })
    }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let protocol = arguments.next().filter(|name| name != "auto").map(|name| name.parse()).transpose()?;
    let capabilities = detect(&DetectOptions::from_process(protocol));
    let names = ["one.jpg", "two.jpg", "bad.jpg"].map(str::to_owned);
    if arguments.next().as_deref() == Some("panic") {
        let _panics = interactive::screen::PanicGuard::install();
        let _screen = interactive::screen::Screen::take(interactive::screen::Options::default(), |_| {})?;
        panic!("deliberately");
    }
    Ok(match interactive::run(Box::new(MadeUp), &names, &capabilities)? {
        Ending::Quit => ExitCode::SUCCESS,
        Ending::Interrupted => ExitCode::from(130),
        Ending::Signal(signal) => ExitCode::from(128 + signal as u8),
    })
}
