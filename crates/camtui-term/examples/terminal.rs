//! Says what the terminal can do, and draws a colour wheel of a picture in it:
//! `cargo run --release -p camtui-term --example terminal -- [PROTOCOL [WIDTH]]`.

use camtui_term::{DetectOptions, detect, draw};
use image::{Rgba, RgbaImage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let protocol: Option<camtui_term::Drawing> =
        arguments.next().filter(|name| name != "auto").map(|name| name.parse()).transpose()?;
    let width: Option<u16> = arguments.next().map(|cols| cols.parse()).transpose()?;

    let capabilities = detect(&DetectOptions::from_process(protocol));
    eprintln!("{capabilities:#?}");
    let picture =
        RgbaImage::from_fn(320, 240, |x, y| Rgba([(x * 255 / 319) as u8, (y * 255 / 239) as u8, 128, 255]));
    let outcome = draw(&picture, &capabilities, width)?;
    eprintln!("{outcome:?}");
    Ok(())
}
