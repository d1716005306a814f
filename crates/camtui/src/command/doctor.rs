//! `camtui doctor`: what the terminal was asked and answered, what was chosen and why, where files are; and a test card,
//! by which a person sees whether the choice is right.

use std::fmt::Write as _;
use std::path::Path;

use camtui_term::{
    Capabilities, Colours, DetectOptions, Environment, Outcome, Protocol, Reach, cells, detect, draw,
    sanitise,
};
use image::{Rgba, RgbaImage};

use super::print;
use crate::cli::ProtocolArg;
use crate::exit::Failure;
use crate::store::Places;
use crate::store::catalogue::{self, Origin};
use crate::store::places::NoPlace;

/// Width of the card in cells, where the terminal is that wide.
const CARD_COLS: u16 = 48;
/// Size of the card in pixels before it is fitted.
const CARD: (u32, u32) = (480, 320);

/// Prints the report; draws the card where there is a terminal.
pub fn run(protocol: ProtocolArg, places: &Places) -> Result<(), Failure> {
    let options = DetectOptions::from_process(protocol.drawing());
    let capabilities = detect(&options);
    print(report(&capabilities, &options.environment, places).as_bytes())?;
    if !capabilities.terminal {
        return Ok(());
    }
    print(b"\n")?;
    let cols = CARD_COLS.min(capabilities.cols.saturating_sub(1)).max(1);
    match draw(&card(), &capabilities, Some(cols)).map_err(|error| Failure::Failed(error.into()))? {
        Outcome::Drawn { .. } => print(caption(&capabilities).as_bytes()),
        Outcome::Nothing => print(b"No test card: nothing is drawn here.\n"),
        Outcome::Closed => Ok(()),
    }
}

fn report(capabilities: &Capabilities, environment: &Environment, places: &Places) -> String {
    let mut text = String::new();
    let mut row = |key: &str, value: &str| {
        let _ = writeln!(text, "{key:<12} {}", sanitise(value));
    };
    let found = &capabilities.report;
    row("asked", &found.asked);
    row("answered", &found.answered);
    let style = cells::style(capabilities);
    row(
        "chosen",
        &match capabilities.protocol {
            Protocol::Blocks => format!("{} ({style}): {}", Protocol::Blocks, found.why),
            other => format!("{other}: {}", found.why),
        },
    );
    for notice in &found.notices {
        row("notice", notice);
    }
    if capabilities.protocol == Protocol::Kitty {
        row(
            "pictures",
            match capabilities.reach {
                Reach::Files => "through files of this machine, which the terminal reads",
                Reach::Line => "through the line, at most a million pixels each",
                Reach::Remote => "over SSH: compressed, at most 300,000 pixels each",
            },
        );
    }
    let Capabilities { cols, rows, cell_width_px: width, cell_height_px: height, .. } = *capabilities;
    let all = (u32::from(cols) * u32::from(width), u32::from(rows) * u32::from(height));
    row("size", &format!("{cols}×{rows} cells of {width}×{height} pixels: {}×{} pixels", all.0, all.1));
    row("colours", &capabilities.colours.to_string());
    row(
        "background",
        &capabilities
            .background
            .map_or_else(|| "unknown".to_owned(), |[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}")),
    );
    let variables: Vec<String> = environment.set().map(|(name, value)| format!("{name}={value}")).collect();
    row("environment", &if variables.is_empty() { "nothing is set".to_owned() } else { variables.join(" ") });

    let place = |found: Result<&Path, NoPlace>| {
        found.map_or_else(|error| error.to_string(), |path| path.display().to_string())
    };
    row("data", &place(places.data()));
    row("cache", &place(places.cache()));
    for entry in catalogue::ENTRIES {
        let there = match entry.origin {
            Origin::Embedded => "in the program".to_owned(),
            Origin::Download(_) => match catalogue::installed(entry.name, places) {
                Some(path) => format!("installed: {}", path.display()),
                None => format!("not installed; camtui model pull {} brings it", entry.name),
            },
        };
        row("model", &format!("{} {there}", entry.name));
    }
    text
}

/// What a person should see.
fn caption(capabilities: &Capabilities) -> String {
    let colours = match capabilities.colours {
        Colours::None => "eight stripes from much ink to little",
        Colours::Ansi16 => "eight stripes: white, yellow, cyan, green, magenta, red, blue, black",
        Colours::Ansi256 | Colours::True => {
            "eight stripes: white, yellow, cyan, green, magenta, red, blue, black, each of one colour"
        }
    };
    let below = if capabilities.protocol.has_pixels() {
        "a grid of fine lines, all of one width, and a circle that is round"
    } else {
        "a grid, coarse in cells, and a circle that is as wide as high"
    };
    format!(
        "You should see, from top to bottom: {colours}; a grey ramp from black to white without a jump; {below}.\n\
         If not, try another --protocol: kitty, iterm, sixel, halfblocks, quadrants, sextants, ascii.\n"
    )
}

/// Colour bars, a grey ramp, and below them a grid of one pixel's width beside a circle.
fn card() -> RgbaImage {
    const BARS: [[u8; 3]; 8] = [
        [255, 255, 255],
        [255, 255, 0],
        [0, 255, 255],
        [0, 255, 0],
        [255, 0, 255],
        [255, 0, 0],
        [0, 0, 255],
        [0, 0, 0],
    ];
    let (width, height) = CARD;
    let (middle_x, middle_y, radius) = (0.75 * width as f32, 0.75 * height as f32, 0.22 * height as f32);
    RgbaImage::from_fn(width, height, |x, y| {
        let [r, g, b] = if y < height * 3 / 10 {
            BARS[(x * 8 / width) as usize]
        } else if y < height / 2 {
            [(x * 255 / (width - 1)) as u8; 3]
        } else if x < width / 2 {
            [if x % 8 == 0 || y % 8 == 0 { 255 } else { 30 }; 3]
        } else {
            let away = (x as f32 + 0.5 - middle_x).hypot(y as f32 + 0.5 - middle_y);
            [if (away - radius).abs() < 4.0 { 255 } else { 30 }; 3]
        };
        Rgba([r, g, b, 255])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_what_was_found_and_nothing_that_a_terminal_obeys() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(|_| Some(folder.path().into()), None);
        let mut capabilities = Capabilities {
            protocol: Protocol::Kitty,
            reach: Reach::Files,
            background: Some([1, 2, 255]),
            ..Capabilities::none()
        };
        capabilities.report.why = "the terminal says so\u{1b}[31m".to_owned();
        let environment: Environment = [("TERM", "xterm-kitty"), ("TMUX", "")].into_iter().collect();
        let text = report(&capabilities, &environment, &places);
        for words in [
            "chosen       kitty: the terminal says so␛[31m",
            "80×24 cells of 10×20 pixels: 800×480 pixels",
            "background   #0102ff",
            "through files of this machine",
            "environment  TERM=xterm-kitty\n",
            "resnet18 not installed; camtui model pull resnet18",
            "efficientnet-lite0 in the program",
            folder.path().to_str().unwrap(),
        ] {
            assert!(text.contains(words), "{words:?} is not in:\n{text}");
        }
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
    }

    #[test]
    fn the_circle_on_the_card_is_round_and_whole() {
        let card = card();
        let lit = |x: u32, y: u32| card.get_pixel(x, y)[0] > 128;
        let (columns, rows) = (card.width() / 2..card.width(), card.height() / 2..card.height());
        let across = columns.clone().filter(|&x| rows.clone().any(|y| lit(x, y))).count();
        let down = rows.clone().filter(|&y| columns.clone().any(|x| lit(x, y))).count();
        assert!(across.abs_diff(down) <= 1 && across > 100, "{across}×{down}");
        assert!(down < rows.len(), "it touches no edge");
    }
}
