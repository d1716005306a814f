//! A picture made ready for the terminal: resized to whole cells and encoded, off the main thread, then painted from there
//! as often as needed.
//!
//! The encoders are ratatui-image's, used one by one: its own chooser would put questions to the terminal (or run tmux),
//! and our [`Capabilities`] know the answers already. Character cells are our own, because they obey the number of
//! colours. Kitty's pictures are numbered here, so that they can be deleted again.

use std::sync::atomic::{AtomicU32, Ordering};

use camtui_term::cells::{self, Grid};
use camtui_term::{Capabilities, Colours, Protocol, fit};
use image::{DynamicImage, RgbaImage};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Color;
use ratatui::widgets::Widget;
use ratatui_image::protocol::iterm2::Iterm2;
use ratatui_image::protocol::kitty::Kitty;
use ratatui_image::protocol::sixel::Sixel;

/// A picture in the terminal's own terms.
pub struct Encoded {
    cols: u16,
    rows: u16,
    content: Content,
}

enum Content {
    /// An escape sequence, and kitty's number for it.
    Pixels(ratatui_image::protocol::Protocol, Option<u32>),
    Cells(Grid, Colours),
    Nothing,
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoded({}×{} cells)", self.cols, self.rows)
    }
}

/// Makes a picture ready for an area of `most_cols`×`most_rows` cells, as large as fits. Errors are sentences.
pub fn encode(
    picture: &RgbaImage,
    capabilities: &Capabilities,
    (most_cols, most_rows): (u16, u16),
) -> Result<Encoded, String> {
    let cell = (capabilities.cell_width_px, capabilities.cell_height_px);
    let (cols, rows) = fit::fit(picture.width(), picture.height(), cell, (most_cols, most_rows));
    let content = match capabilities.protocol {
        Protocol::None => Content::Nothing,
        Protocol::Blocks => Content::Cells(
            cells::render(picture, cols, rows, capabilities.colours, capabilities.background),
            capabilities.colours,
        ),
        Protocol::Kitty | Protocol::Iterm | Protocol::Sixel => pixels(picture, capabilities, cols, rows)
            .map_err(|error| {
                format!("the picture could not be encoded as {}: {error}", capabilities.protocol)
            })?,
    };
    Ok(Encoded { cols, rows, content })
}

fn pixels(
    picture: &RgbaImage,
    capabilities: &Capabilities,
    cols: u16,
    rows: u16,
) -> Result<Content, ratatui_image::errors::Errors> {
    use ratatui_image::protocol::Protocol as Escape;

    let flat = cells::flattened(picture, capabilities.background);
    let width = u32::from(cols) * u32::from(capabilities.cell_width_px);
    let height = u32::from(rows) * u32::from(capabilities.cell_height_px);
    let image = DynamicImage::ImageRgba8(cells::resized(&flat, width, height));
    let size = Size::new(cols, rows);
    // Never wrapped for tmux: what it does not understand itself is not sent through it.
    let tmux = false;
    Ok(match capabilities.protocol {
        Protocol::Kitty => {
            let number = next_number();
            Content::Pixels(Escape::Kitty(Kitty::new(image, size, number, tmux, false)?), Some(number))
        }
        Protocol::Iterm => Content::Pixels(Escape::ITerm2(Iterm2::new(image, size, tmux)?), None),
        _ => Content::Pixels(Escape::Sixel(Sixel::new(image, size, tmux)?), None),
    })
}

/// A number of 24 bits that no other program in the same terminal is likely to use.
fn next_number() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xff;
    ((std::process::id() & 0xffff) << 8 | count).max(1)
}

impl Encoded {
    /// Kitty's number for the picture, if it is one of kitty's.
    pub fn kitty_number(&self) -> Option<u32> {
        match self.content {
            Content::Pixels(_, number) => number,
            Content::Cells(..) | Content::Nothing => None,
        }
    }

    /// Whether text that is written over the picture does not take it away by itself.
    pub fn outlives_text(&self) -> bool {
        matches!(self.content, Content::Pixels(..))
    }

    /// Where in `area` the picture lies, centred; nothing if it was made for a larger area.
    pub fn place_in(&self, area: Rect) -> Option<Rect> {
        let spare_cols = area.width.checked_sub(self.cols)?;
        let spare_rows = area.height.checked_sub(self.rows)?;
        Some(Rect::new(area.x + spare_cols / 2, area.y + spare_rows / 2, self.cols, self.rows))
    }
}

/// Paints the picture centred in the area, if it fits.
impl Widget for &Encoded {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(place) = self.place_in(area) else { return };
        match &self.content {
            Content::Nothing => {}
            Content::Pixels(escape, _) => ratatui_image::Image::new(escape).render(place, buffer),
            Content::Cells(grid, colours) => {
                let colour = |rgb: Option<[u8; 3]>| rgb.map_or(Color::Reset, |rgb| in_palette(rgb, *colours));
                for (y, row) in (place.y..).zip(grid.rows()) {
                    for (x, from) in (place.x..).zip(row) {
                        if let Some(to) = buffer.cell_mut((x, y)) {
                            to.set_char(from.symbol)
                                .set_fg(colour(from.foreground))
                                .set_bg(colour(from.background));
                        }
                    }
                }
            }
        }
    }
}

/// The colour as the terminal can show it.
fn in_palette(rgb: [u8; 3], colours: Colours) -> Color {
    match colours {
        Colours::None => Color::Reset,
        Colours::Ansi16 | Colours::Ansi256 if rgb == [0; 3] => Color::Indexed(0),
        Colours::Ansi16 => Color::Indexed(cells::ansi16(rgb)),
        Colours::Ansi256 => Color::Indexed(cells::ansi256(rgb)),
        Colours::True => Color::Rgb(rgb[0], rgb[1], rgb[2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(protocol: Protocol, colours: Colours) -> Encoded {
        let picture = RgbaImage::from_pixel(64, 64, image::Rgba([255, 0, 0, 255]));
        let capabilities = Capabilities { protocol, colours, terminal: true, ..Capabilities::none() };
        encode(&picture, &capabilities, (20, 8)).unwrap()
    }

    fn painted(encoded: &Encoded, area: Rect) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 10));
        encoded.render(area, &mut buffer);
        buffer
    }

    #[test]
    fn a_picture_is_centred_in_its_area_in_the_terminals_colours() {
        let area = Rect::new(2, 1, 20, 8);
        for (colours, expected) in [
            (Colours::True, Color::Rgb(255, 0, 0)),
            (Colours::Ansi256, Color::Indexed(196)),
            (Colours::Ansi16, Color::Indexed(9)),
        ] {
            let buffer = painted(&encoded(Protocol::Blocks, colours), area);
            assert_eq!(buffer[(3, 1)].symbol(), " ");
            assert_eq!((buffer[(4, 1)].symbol(), buffer[(4, 1)].fg), ("▀", expected));
            assert_eq!(buffer[(19, 8)].bg, expected);
            assert_eq!(buffer[(20, 8)].symbol(), " ");
        }
        let letters = painted(&encoded(Protocol::Blocks, Colours::None), area);
        assert_eq!((letters[(4, 1)].symbol(), letters[(4, 1)].fg), ("-", Color::Reset));
    }

    #[test]
    fn each_protocol_sends_its_own_escapes() {
        for (protocol, mark) in [
            (Protocol::Kitty, "\x1b_Gq=2,i="),
            (Protocol::Iterm, "\x1b]1337;File="),
            (Protocol::Sixel, "\x1bP"),
        ] {
            let encoded = encoded(protocol, Colours::True);
            let buffer = painted(&encoded, Rect::new(0, 0, 20, 8));
            assert!(buffer[(2, 0)].symbol().contains(mark), "{protocol}");
            assert_eq!(encoded.kitty_number().is_some(), protocol == Protocol::Kitty);
        }
    }

    #[test]
    fn a_picture_made_for_a_larger_screen_is_not_painted() {
        let buffer = painted(&encoded(Protocol::Blocks, Colours::True), Rect::new(0, 0, 15, 8));
        assert_eq!(buffer, Buffer::empty(Rect::new(0, 0, 24, 10)));
    }
}
