//! What ratatui paints on: cells become bytes in memory, for the [screen](super::screen) to hand on.
//!
//! ratatui's own backend writes to the terminal as it goes. This one never touches it, writes nothing for a frame that
//! changes nothing, and formats its numbers by hand: a picture of cells is ten thousand pairs of colours.

use std::io;

use crossterm::terminal;
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

/// Bytes for the terminal.
#[derive(Debug, Default)]
pub struct Canvas {
    bytes: Vec<u8>,
    /// Where the terminal's cursor is and whether it shows; unknown after cells were written.
    cursor: Option<Position>,
    shown: bool,
}

/// The attributes that SGR turns on, with their numbers.
const ATTRIBUTES: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

impl Canvas {
    /// Everything since the last time; nothing if nothing has changed.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Forgets what it knows of the terminal, which is hidden cursor and plain attributes from now on.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u16) {
        let mut digits = [0; 5];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes.extend_from_slice(&digits[at..]);
    }

    fn move_to(&mut self, x: u16, y: u16) {
        self.text("\x1b[");
        self.number(y + 1);
        self.text(";");
        self.number(x + 1);
        self.text("H");
    }

    /// A colour in front (base 30) or behind (base 40), as part of an SGR sequence.
    fn colour(&mut self, base: u16, colour: Color) {
        let entry = match colour {
            Color::Reset => return self.number(base + 9),
            Color::Rgb(r, g, b) => {
                self.number(base + 8);
                self.text(";2");
                for channel in [r, g, b] {
                    self.text(";");
                    self.number(channel.into());
                }
                return;
            }
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
            Color::Indexed(entry) => u16::from(entry),
        };
        match entry {
            // The sixteen have numbers of their own, which older terminals know as well.
            0..8 => self.number(base + entry),
            8..16 => self.number(base + 52 + entry),
            _ => {
                self.number(base + 8);
                self.text(";5;");
                self.number(entry);
            }
        }
    }

    fn attributes(&mut self, modifier: Modifier) {
        self.text("\x1b[0");
        for (one, number) in ATTRIBUTES {
            if modifier.contains(one) {
                self.text(";");
                self.number(number.into());
            }
        }
        self.text("m");
    }
}

impl Backend for Canvas {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let (mut front, mut behind, mut modifier) = (Color::Reset, Color::Reset, Modifier::empty());
        let mut next = None;
        for (x, y, cell) in content {
            if next != Some((x, y)) {
                self.move_to(x, y);
            }
            next = Some((x + 1, y));
            if cell.modifier != modifier {
                self.attributes(cell.modifier);
                (front, behind, modifier) = (Color::Reset, Color::Reset, cell.modifier);
            }
            if cell.fg != front {
                self.text("\x1b[");
                self.colour(30, cell.fg);
                if cell.bg != behind {
                    self.text(";");
                    self.colour(40, cell.bg);
                }
                self.text("m");
            } else if cell.bg != behind {
                self.text("\x1b[");
                self.colour(40, cell.bg);
                self.text("m");
            }
            (front, behind) = (cell.fg, cell.bg);
            self.text(cell.symbol());
        }
        if next.is_some() {
            self.cursor = None;
            if (front, behind, modifier) != (Color::Reset, Color::Reset, Modifier::empty()) {
                self.text("\x1b[0m");
            }
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.shown {
            self.shown = false;
            self.text("\x1b[?25l");
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if !self.shown {
            self.shown = true;
            self.text("\x1b[?25h");
        }
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Only the terminal could say, and it is not asked.
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) {
            self.cursor = Some(position);
            self.move_to(position.x, position.y);
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.text(match region {
            ClearType::All => "\x1b[2J",
            ClearType::AfterCursor => "\x1b[J",
            ClearType::BeforeCursor => "\x1b[1J",
            ClearType::CurrentLine => "\x1b[2K",
            ClearType::UntilNewLine => "\x1b[K",
        });
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = terminal::size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let size = terminal::window_size()?;
        Ok(WindowSize {
            columns_rows: Size { width: size.columns, height: size.rows },
            pixels: Size { width: size.width, height: size.height },
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn drawn(cells: &[(u16, u16, Cell)]) -> String {
        let mut canvas = Canvas::default();
        canvas.draw(cells.iter().map(|(x, y, cell)| (*x, *y, cell))).unwrap();
        String::from_utf8(canvas.take()).unwrap()
    }

    fn cell(symbol: &'static str, style: Style) -> Cell {
        let mut cell = Cell::new(symbol);
        cell.set_style(style);
        cell
    }

    #[test]
    fn nothing_new_is_no_bytes() {
        assert_eq!(drawn(&[]), "");
        let mut canvas = Canvas::default();
        canvas.hide_cursor().unwrap();
        assert!(canvas.take().is_empty(), "the cursor is hidden already");
    }

    #[test]
    fn neighbours_share_what_they_have_in_common() {
        let red = Style::new().fg(Color::Rgb(255, 0, 7));
        let text = drawn(&[
            (4, 0, cell("a", red)),
            (5, 0, cell("b", red)),
            (6, 0, cell("犬", red.bg(Color::Indexed(200)))),
            (8, 0, cell("c", Style::new().fg(Color::LightRed).bg(Color::Cyan))),
            (0, 1, cell("d", Style::new().bold().underlined())),
            (1, 1, cell("e", Style::new())),
        ]);
        let expected = "\x1b[1;5H\x1b[38;2;255;0;7mab\x1b[48;5;200m犬\x1b[1;9H\x1b[91;46mc\
            \x1b[2;1H\x1b[0;1;4md\x1b[0me";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_terminal_shows_what_was_painted() {
        let mut parser = vt100::Parser::new(3, 20, 0);
        let style = Style::new().fg(Color::Indexed(3)).bg(Color::Rgb(1, 2, 3)).reversed();
        parser.process(drawn(&[(2, 1, cell("x", style)), (3, 1, cell("y", Style::new()))]).as_bytes());
        let there = parser.screen().cell(1, 2).unwrap();
        assert_eq!((there.contents(), there.inverse()), ("x", true));
        assert_eq!((there.fgcolor(), there.bgcolor()), (vt100::Color::Idx(3), vt100::Color::Rgb(1, 2, 3)));
        let next = parser.screen().cell(1, 3).unwrap();
        assert_eq!((next.contents(), next.inverse(), next.fgcolor()), ("y", false, vt100::Color::Default));
    }

    #[test]
    fn the_cursor_comes_back_after_cells_were_written() {
        let mut canvas = Canvas::default();
        let at = Position { x: 3, y: 0 };
        canvas.show_cursor().unwrap();
        canvas.set_cursor_position(at).unwrap();
        assert_eq!(canvas.take(), b"\x1b[?25h\x1b[1;4H");
        canvas.show_cursor().unwrap();
        canvas.set_cursor_position(at).unwrap();
        assert_eq!(canvas.take(), b"");
        canvas.draw([(0, 0, &Cell::new("x"))].into_iter()).unwrap();
        canvas.set_cursor_position(at).unwrap();
        assert_eq!(canvas.take(), b"\x1b[1;1Hx\x1b[1;4H");
    }
}
