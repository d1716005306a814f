//! From what a terminal holds to what its user sees: grounds, pictures below the text, text, pictures above it.

use std::collections::BTreeMap;

use camtui_tests::emulator::Emulator;
use camtui_tests::kitty::placeholder::{self, PLACEHOLDER};
use camtui_tests::kitty::{Place, Placement};
use image::imageops::{self, FilterType};
use image::{RgbImage, RgbaImage};
use vt100::Cell;

use super::canvas::{Area, Canvas};
use super::colours::Theme;
use super::fonts::Fonts;
use super::shapes;

/// Paints the whole screen with a margin of half a cell.
pub fn paint(emulator: &Emulator, fonts: &Fonts, theme: &Theme) -> RgbImage {
    let (cols, rows) = emulator.size();
    let (width, height) = emulator.cell();
    let margin = i32::from(width / 2);
    let mut canvas = Canvas::new(
        u32::from(cols) * u32::from(width) + 2 * margin as u32,
        u32::from(rows) * u32::from(height) + 2 * margin as u32,
        theme.background,
    );
    let place = |row: i32, col: u16, cells: u16| Area {
        left: margin + i32::from(col) * i32::from(width),
        top: margin + row * i32::from(height),
        width: i32::from(width) * i32::from(cells),
        height: i32::from(height),
    };
    let screen = emulator.screen();
    let cells = || {
        (0..rows).flat_map(move |row| (0..cols).map(move |col| (row, col))).filter_map(move |(row, col)| {
            let cell = screen.cell(row, col).filter(|cell| !cell.is_wide_continuation())?;
            Some((place(i32::from(row), col, if cell.is_wide() { 2 } else { 1 }), cell))
        })
    };
    for (area, cell) in cells() {
        canvas.fill(area, theme.of(cell).1, 1.0);
    }
    let mut placed: Vec<(i32, &Placement)> = emulator
        .graphics()
        .placements()
        .iter()
        .filter_map(|placement| match placement.place {
            Place::At { layer, alternate, .. } if alternate == screen.alternate_screen() => {
                Some((layer, placement))
            }
            _ => None,
        })
        .collect();
    placed.sort_by_key(|(layer, _)| *layer);
    let lay = |canvas: &mut Canvas, placement: &Placement| {
        let Place::At { cell, offset, size, .. } = placement.place else { return };
        let picture = scaled(emulator, placement, size);
        let corner = place(cell.0, cell.1, 1);
        let area = Area {
            left: corner.left + offset.0 as i32,
            top: corner.top + offset.1 as i32,
            width: size.0 as i32,
            height: size.1 as i32,
        };
        canvas.lay(&picture, (0, 0), area);
    };
    for (_, placement) in placed.iter().filter(|(layer, _)| *layer < 0) {
        lay(&mut canvas, placement);
    }
    for (area, cell) in cells() {
        write(cell, fonts, theme, &mut canvas, area);
    }
    for (_, placement) in placed.iter().filter(|(layer, _)| *layer >= 0) {
        lay(&mut canvas, placement);
    }
    let mut fitted: BTreeMap<u32, RgbaImage> = BTreeMap::new();
    for part in placeholder::parts(screen) {
        let Some(placement) = emulator.graphics().virtual_placement(part.picture) else { continue };
        let picture = fitted
            .entry(part.picture)
            .or_insert_with(|| fitted_to_cells(emulator, placement, (width, height)));
        let from = (u32::from(part.part.1) * u32::from(width), u32::from(part.part.0) * u32::from(height));
        canvas.lay(picture, from, place(i32::from(part.at.0), part.at.1, 1));
    }
    if !screen.hide_cursor() {
        let (row, col) = screen.cursor_position();
        canvas.fill(place(i32::from(row), col, 1), theme.foreground, 0.6);
    }
    canvas.into_image()
}

/// The letters of a cell.
fn write(cell: &Cell, fonts: &Fonts, theme: &Theme, canvas: &mut Canvas, area: Area) {
    let colour = theme.of(cell).0;
    for letter in cell.contents().chars() {
        if letter == PLACEHOLDER {
            return;
        }
        if letter != ' ' && !shapes::paint(letter, canvas, area, colour) {
            fonts.paint(letter, cell.bold(), canvas, area, colour);
        }
    }
    if cell.underline() {
        let thick = shapes::thickness(area.height / 2);
        let top = (area.top + fonts.baseline() + thick).min(area.top + area.height - thick);
        canvas.fill(Area { top, height: thick, ..area }, colour, 1.0);
    }
}

/// A placement's pixels at another size.
fn scaled(emulator: &Emulator, placement: &Placement, (width, height): (u32, u32)) -> RgbaImage {
    let picture = &emulator.graphics().pictures()[&placement.picture];
    let (left, top, across, down) = placement.source;
    let source = imageops::crop_imm(picture, left, top, across, down).to_image();
    if (across, down) == (width, height) {
        return source;
    }
    // A terminal's graphics card interpolates between the four nearest pixels.
    imageops::resize(&source, width.max(1), height.max(1), FilterType::Triangle)
}

/// A placement's pixels on as many cells as it has: as large as fits and in the middle, never distorted.
fn fitted_to_cells(emulator: &Emulator, placement: &Placement, (width, height): (u16, u16)) -> RgbaImage {
    let most_wide = u32::from(placement.cells.0) * u32::from(width);
    let most_high = u32::from(placement.cells.1) * u32::from(height);
    let (_, _, across, down) = placement.source;
    let scale = (f64::from(most_wide) / f64::from(across)).min(f64::from(most_high) / f64::from(down));
    let size = ((f64::from(across) * scale).round() as u32, (f64::from(down) * scale).round() as u32);
    let picture = scaled(emulator, placement, size);
    let mut whole = RgbaImage::new(most_wide, most_high);
    let spare = (most_wide - picture.width(), most_high - picture.height());
    imageops::replace(&mut whole, &picture, i64::from(spare.0 / 2), i64::from(spare.1 / 2));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screenshot::colours::DARK;

    const RED: [u8; 3] = [255, 0, 0];
    const BLUE: [u8; 3] = [0, 0, 255];

    /// Two pixels, red and blue, as picture 7.
    const PICTURE: &str = "i=7,f=24,s=2,v=1,C=1;/wAAAAD/";

    /// What a screen of 6×3 cells of 10×20 pixels looks like.
    fn painted(text: &str) -> RgbImage {
        let mut emulator = Emulator::new((6, 3), (10, 20));
        emulator.take(b"\x1b[?25l");
        emulator.take(text.as_bytes());
        assert_eq!(emulator.graphics().faults(), [] as [String; 0]);
        let image = paint(&emulator, &Fonts::none(), &DARK);
        assert_eq!(image.dimensions(), (70, 70));
        image
    }

    /// The pixel in the middle of a cell.
    fn middle(image: &RgbImage, row: u32, col: u32) -> [u8; 3] {
        image.get_pixel(5 + 10 * col + 5, 5 + 20 * row + 10).0
    }

    #[test]
    fn placeholders_show_the_parts_that_they_name() {
        // Twenty pixels wide and ten high: fitted into two cells, with room above and below. The parts change places.
        let cells = "\x1b[38;5;7m\u{10EEEE}\u{305}\u{30D}\u{10EEEE}\u{305}\u{305}";
        let image = painted(&format!("\x1b_Ga=T,U=1,c=2,r=1,{PICTURE}\x1b\\\x1b[2;3H{cells}"));
        // The colours blend where they meet.
        assert!(middle(&image, 1, 2)[2] > 200 && middle(&image, 1, 2)[0] < 50);
        assert!(middle(&image, 1, 3)[0] > 200 && middle(&image, 1, 3)[2] < 50);
        assert_eq!(image.get_pixel(5 + 25, 5 + 20 + 2).0, DARK.background, "not distorted");
        assert_eq!(middle(&image, 1, 4), DARK.background);
    }

    #[test]
    fn placements_lie_above_or_below_the_text() {
        let above = painted(&format!("\x1b_Ga=T,c=2,r=1,{PICTURE}\x1b\\█"));
        assert_eq!((above.get_pixel(5, 15).0, above.get_pixel(24, 15).0), (RED, BLUE));
        let below = painted(&format!("\x1b_Ga=T,c=2,r=1,z=-1,{PICTURE}\x1b\\\x1b[32m█"));
        assert_eq!((below.get_pixel(14, 15).0, below.get_pixel(24, 15).0), ([0x78, 0xb8, 0x6b], BLUE));
    }

    #[test]
    fn grounds_reach_from_cell_to_cell() {
        let image = painted("\x1b[48;2;255;0;0m  \x1b[0m\x1b[38;2;0;0;255m▀▄");
        assert!((5..25).all(|x| (5..25).all(|y| image.get_pixel(x, y).0 == RED)));
        assert_eq!((image.get_pixel(25, 14).0, image.get_pixel(25, 15).0), (BLUE, DARK.background));
        assert_eq!((image.get_pixel(35, 14).0, image.get_pixel(35, 15).0), (DARK.background, BLUE));
    }
}
