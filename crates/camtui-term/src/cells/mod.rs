//! Pictures as characters, for terminals without pixels: pure functions from a picture to cells, which headless drawing
//! prints and the interactive view copies into its buffer.
//!
//! Half blocks and letters are here; `mosaic` makes quadrants and sextants, `palette` finds colours for terminals with
//! few, `scale` brings pictures to their size.

mod mosaic;
mod palette;
mod scale;

use image::RgbaImage;

use crate::capabilities::{Capabilities, CellStyle, Colours};

pub use mosaic::{quadrants, sextants};
pub use palette::{ansi16, ansi256};
pub use scale::{flattened, resized};

/// One character cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What stands in it.
    pub symbol: char,
    /// The colour of the symbol as RGB, or the terminal's own.
    pub foreground: Option<[u8; 3]>,
    /// The colour behind it as RGB, or the terminal's own.
    pub background: Option<[u8; 3]>,
}

/// A picture in cells, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Width in cells.
    pub cols: u16,
    /// `cols` cells for each row.
    pub cells: Vec<Cell>,
}

impl Grid {
    /// The rows from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(usize::from(self.cols).max(1))
    }
}

/// From little ink to much: on a dark background that is from dark to light.
const RAMP: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// The kind of cells that pictures become: letters where there is no colour, whatever was asked for.
pub fn style(capabilities: &Capabilities) -> CellStyle {
    if capabilities.colours == Colours::None { CellStyle::Ascii } else { capabilities.cells }
}

/// The picture in `cols`×`rows` cells of the kind that the terminal shows, over its background, or black if unknown.
pub fn render(picture: &RgbaImage, cols: u16, rows: u16, capabilities: &Capabilities) -> Grid {
    let backdrop = capabilities.background;
    match style(capabilities) {
        CellStyle::Half => half_blocks(picture, cols, rows, backdrop),
        CellStyle::Quadrant => quadrants(picture, cols, rows, backdrop),
        CellStyle::Sextant => sextants(picture, cols, rows, backdrop),
        CellStyle::Ascii => letters(picture, cols, rows, backdrop),
    }
}

/// Two pixels a cell, one above the other: the upper one is the foreground of `▀`, the lower one its background.
pub fn half_blocks(picture: &RgbaImage, cols: u16, rows: u16, backdrop: Option<[u8; 3]>) -> Grid {
    let (cols, rows) = (cols.max(1), rows.max(1));
    let flat = flattened(picture, backdrop);
    let small = resized(&flat, u32::from(cols), 2 * u32::from(rows));
    let rgb = |x: u16, y: u16| {
        let [r, g, b, _] = small.get_pixel(u32::from(x), u32::from(y)).0;
        Some([r, g, b])
    };
    let cells = (0..rows)
        .flat_map(|y| (0..cols).map(move |x| (x, y)))
        .map(|(x, y)| Cell { symbol: '▀', foreground: rgb(x, 2 * y), background: rgb(x, 2 * y + 1) })
        .collect();
    Grid { cols, cells }
}

/// One letter a cell, its ink by the picture's luminance, stretched to the whole ramp; turned round on a light background.
pub fn letters(picture: &RgbaImage, cols: u16, rows: u16, backdrop: Option<[u8; 3]>) -> Grid {
    let (cols, rows) = (cols.max(1), rows.max(1));
    let flat = flattened(picture, backdrop);
    let small = resized(&flat, u32::from(cols), u32::from(rows));
    let luminances: Vec<f32> =
        small.pixels().map(|pixel| luminance([pixel[0], pixel[1], pixel[2]])).collect();
    let (low, high) =
        luminances.iter().fold((f32::MAX, f32::MIN), |(low, high), &l| (low.min(l), high.max(l)));
    // A picture of one grey is shown as that grey.
    let (low, high) = if high - low < 1.0 { (0.0, 255.0) } else { (low, high) };
    let on_light = backdrop.is_some_and(|colour| luminance(colour) > 127.0);
    let cells = luminances
        .into_iter()
        .map(|l| {
            let position = (l - low) / (high - low);
            let ink = if on_light { 1.0 - position } else { position };
            let at = (ink * (RAMP.len() - 1) as f32).round() as usize;
            Cell { symbol: RAMP[at.min(RAMP.len() - 1)], foreground: None, background: None }
        })
        .collect();
    Grid { cols, cells }
}

/// Rec. 601 luma, 0…255.
fn luminance([r, g, b]: [u8; 3]) -> f32 {
    0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    fn columns(colours: [[u8; 3]; 4]) -> RgbaImage {
        RgbaImage::from_fn(4, 4, |x, _| {
            let [r, g, b] = colours[x as usize];
            Rgba([r, g, b, 255])
        })
    }

    #[test]
    fn a_half_block_has_the_upper_pixel_in_front() {
        let picture = RgbaImage::from_fn(2, 4, |x, y| Rgba([x as u8 * 100, y as u8 * 50, 7, 255]));
        let grid = half_blocks(&picture, 2, 2, None);
        assert_eq!(grid.rows().count(), 2);
        let last = grid.cells[3];
        assert_eq!(
            (last.symbol, last.foreground, last.background),
            ('▀', Some([100, 100, 7]), Some([100, 150, 7]))
        );
    }

    #[test]
    fn letters_follow_the_luminance_and_turn_round_on_a_light_background() {
        let picture = columns([[0, 0, 0], [80, 80, 80], [170, 170, 170], [255, 255, 255]]);
        let line = |backdrop| {
            letters(&picture, 4, 1, backdrop).cells.iter().map(|cell| cell.symbol).collect::<String>()
        };
        assert_eq!(line(None), " -*@");
        assert_eq!(line(Some([250, 250, 250])), "@*- ");
        assert!(letters(&picture, 4, 1, None).cells.iter().all(|cell| cell.foreground.is_none()));
    }

    #[test]
    fn a_picture_of_one_grey_is_that_grey() {
        let symbols = |value| letters(&columns([[value; 3]; 4]), 1, 1, None).cells[0].symbol;
        assert_eq!((symbols(0), symbols(128), symbols(255)), (' ', '+', '@'));
    }

    #[test]
    fn what_is_transparent_takes_the_background() {
        let picture = RgbaImage::from_pixel(2, 2, Rgba([200, 100, 0, 128]));
        let grid = half_blocks(&picture, 1, 1, Some([0, 0, 255]));
        assert_eq!(grid.cells[0].foreground, Some([100, 50, 127]));
    }
}
