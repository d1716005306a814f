//! Pictures as characters, for terminals without pixels: pure functions from a picture to cells, which headless drawing
//! prints and the interactive view copies into its buffer.

use image::{Rgba, RgbaImage, imageops};

use crate::capabilities::Colours;

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

/// The picture in `cols`×`rows` cells as the terminal's colours allow: half blocks, or letters without colour.
/// `backdrop` is the terminal's background as RGB, if known; black is assumed.
pub fn render(
    picture: &RgbaImage,
    cols: u16,
    rows: u16,
    colours: Colours,
    backdrop: Option<[u8; 3]>,
) -> Grid {
    match colours {
        Colours::None => letters(picture, cols, rows, backdrop),
        Colours::Ansi16 | Colours::Ansi256 | Colours::True => half_blocks(picture, cols, rows, backdrop),
    }
}

/// Two pixels a cell, one above the other: the upper one is the foreground of `▀`, the lower one its background.
pub fn half_blocks(picture: &RgbaImage, cols: u16, rows: u16, backdrop: Option<[u8; 3]>) -> Grid {
    let (cols, rows) = (cols.max(1), rows.max(1));
    let small = resized(&flattened(picture, backdrop), u32::from(cols), 2 * u32::from(rows));
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
    let small = resized(&flattened(picture, backdrop), u32::from(cols), u32::from(rows));
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

/// The picture without transparency, over the terminal's background or black.
pub fn flattened(picture: &RgbaImage, backdrop: Option<[u8; 3]>) -> std::borrow::Cow<'_, RgbaImage> {
    if picture.pixels().all(|pixel| pixel[3] == 255) {
        return std::borrow::Cow::Borrowed(picture);
    }
    let under = backdrop.unwrap_or_default();
    let mut flat = picture.clone();
    for Rgba([r, g, b, a]) in flat.pixels_mut() {
        for (channel, under) in [r, g, b].into_iter().zip(under) {
            let alpha = u32::from(*a);
            *channel = ((u32::from(*channel) * alpha + u32::from(under) * (255 - alpha) + 127) / 255) as u8;
        }
        *a = 255;
    }
    std::borrow::Cow::Owned(flat)
}

/// The picture at exactly this size, its shape given up.
pub fn resized(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    if (width, height) == picture.dimensions() {
        picture.clone()
    } else if width * 2 <= picture.width() && height * 2 <= picture.height() {
        // Averages whole boxes: as good for such factors, and many times quicker.
        imageops::thumbnail(picture, width, height)
    } else {
        imageops::resize(picture, width, height, imageops::FilterType::Triangle)
    }
}

/// The entry of xterm's palette of 256 that is nearest to a colour: its cube of 6×6×6 or its 24 greys.
pub fn ansi256(colour: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest_step =
        |value: u8| (0..6_u8).min_by_key(|&at| value.abs_diff(STEPS[usize::from(at)])).unwrap_or(0);
    let [r, g, b] = colour.map(nearest_step);
    let cube = [r, g, b].map(|at| STEPS[usize::from(at)]);
    let mean = colour.iter().map(|&value| u32::from(value)).sum::<u32>() / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23) as u8;
    if distance(colour, [8 + 10 * grey; 3]) < distance(colour, cube) {
        232 + grey
    } else {
        16 + 36 * r + 6 * g + b
    }
}

/// The entry of the sixteen named colours that is nearest to a colour, by xterm's values for them.
pub fn ansi16(colour: [u8; 3]) -> u8 {
    const NAMED: [[u8; 3]; 16] = [
        [0, 0, 0],
        [205, 0, 0],
        [0, 205, 0],
        [205, 205, 0],
        [0, 0, 238],
        [205, 0, 205],
        [0, 205, 205],
        [229, 229, 229],
        [127, 127, 127],
        [255, 0, 0],
        [0, 255, 0],
        [255, 255, 0],
        [92, 92, 255],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
    ];
    (0..16_u8).min_by_key(|&at| distance(colour, NAMED[usize::from(at)])).unwrap_or(0)
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.into_iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn palette_entries_are_the_nearest() {
        assert_eq!(ansi256([255, 0, 0]), 196);
        assert_eq!(ansi256([0, 0, 0]), 16);
        assert_eq!(ansi256([128, 128, 128]), 244);
        assert_eq!(ansi256([95, 135, 175]), 67);
        assert_eq!(ansi256([238, 238, 238]), 255);
        assert_eq!(ansi16([250, 10, 10]), 9);
        assert_eq!(ansi16([200, 200, 0]), 3);
    }
}
