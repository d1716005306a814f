//! Paints the state. Pure: the same state gives the same screen, and nothing is decided here.
//!
//! [`header`] has the lines above and below, [`browser`] the list, [`picture`] the picture and the tiles, [`side`] the
//! predictions with [`settings`] below them, [`dialog`] and [`help`] what lies over it all. All text goes through [`text`].
//! What the mouse needs to know of the screen ([`browser::rows`], [`side::class_at`], [`dialog::item_at`]) is told by the
//! same functions that paint it.

pub mod browser;
pub mod dialog;
mod header;
mod help;
mod picture;
mod settings;
pub mod side;
mod text;
mod worth;

use std::sync::Arc;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget as _;

use super::browser::Line;
use super::command::Command;
use super::layout::SMALLEST;
use super::picture::Encoded;
use super::state::State;
use super::theme::Theme;
pub use text::progress;

/// Paints everything.
pub fn view(state: &State, theme: &Theme, frame: &mut Frame) {
    let screen = frame.area();
    let buffer = frame.buffer_mut();
    buffer.set_style(screen, theme.text);
    // A terminal that has shrunk since the state was told its size is told of in the next action.
    if screen.width < state.size.0 || screen.height < state.size.1 {
        return;
    }
    let Some(areas) = state.areas() else {
        paint_too_small(state, theme, screen, buffer);
        return;
    };
    header::paint_header(state, theme, areas.header, buffer);
    if let Some(area) = areas.browser {
        browser::paint(state, theme, area, buffer);
    }
    picture::paint(state, theme, areas.picture, buffer);
    if let Some(area) = areas.side {
        side::paint(state, theme, areas.picture, area, buffer);
    }
    header::paint_legend(state, theme, areas.legend, buffer);
    header::paint_notes(state, theme, areas.notes, buffer);
    header::paint_footer(state, theme, areas.footer, buffer);
    for (area, picture) in pictures(state) {
        picture.as_ref().render(area, buffer);
    }
    for dialog in &state.dialogs {
        dialog::paint(dialog, state, theme, buffer);
    }
}

/// Every picture that is painted, and where. Pixels that a dialog would not hide are left out while it lies over them.
pub fn pictures(state: &State) -> Vec<(Rect, Arc<Encoded>)> {
    let Some(areas) = state.areas() else { return Vec::new() };
    let mut pictures = picture::pictures(state, areas.picture);
    if let Some(area) = areas.browser.filter(|_| state.thumbnails) {
        let thumbnails = browser::rows(state, area).into_iter().filter_map(|row| {
            let Line::Picture(id) = row.line else { return None };
            let picture = state.browser.entries[id].thumbnail.as_ref()?;
            let place = picture.place_in(browser::thumbnail(state, area, &row)?)?;
            Some((place, Arc::clone(picture)))
        });
        pictures.extend(thumbnails);
    }
    if !pictures.iter().any(|(_, picture)| picture.outlives_text()) {
        return pictures;
    }
    let covers: Vec<Rect> = state.dialogs.iter().map(|dialog| dialog::area(dialog, state)).collect();
    pictures.retain(|(place, picture)| {
        !picture.outlives_text() || !covers.iter().any(|cover| cover.intersects(*place))
    });
    pictures
}

fn paint_too_small(state: &State, theme: &Theme, screen: Rect, buffer: &mut Buffer) {
    let (cols, rows) = SMALLEST;
    let (width, height) = (screen.width, screen.height);
    let size = format!("This terminal has {width}×{height} cells; camtui needs {cols}×{rows}.");
    let sentence = match state.keymap.first(Command::Quit) {
        Some(key) => format!("{size} Enlarge it, or press {key} to quit."),
        None => format!("{size} Enlarge it."),
    };
    for (line, down) in text::wrapped(&sentence, usize::from(width)).into_iter().zip(0..) {
        if let Some(at) = text::line_of(screen, down) {
            text::write(buffer, at, text::span(line, theme.text));
        }
    }
}

#[cfg(test)]
mod tests;
