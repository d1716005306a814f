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
