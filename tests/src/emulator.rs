//! What a terminal makes of the bytes it is sent: letters and colours by vt100, pictures by [`crate::kitty`], and a note
//! of everything else that leaves the screen's text as it is (sixels, inline pictures, the clipboard, frames).
//!
//! [`crate::terminal`] feeds it from a pty. Bytes may come in pieces of any size.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kitty::placeholder::{self, PLACEHOLDER, Part};
use crate::kitty::{Graphics, Place, Where};

/// Lines of the main screen that are kept after they have scrolled away.
const SCROLLBACK: usize = 10_000;

const ESC: u8 = 0x1b;

/// How far the byte before has come into an escape sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Text,
    Escape,
    Csi,
    /// A string of this kind, up to its end.
    String(u8),
    /// A string of this kind, after an ESC that may end it.
    Ending(u8),
}

/// Pictures that are not kitty's: drawn once, and gone when something is written over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The cursor's row and column.
    pub at: (u16, u16),
    /// Bytes of the sequence.
    pub bytes: usize,
    /// Width and height in pixels, where the sequence says it at its beginning.
    pub size: Option<(u32, u32)>,
}

/// A kitty picture as it is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its number.
    pub picture: u32,
    /// The first of its cells on the screen, row and column.
    pub at: (u16, u16),
    /// How many of its cells are on the screen.
    pub cells: usize,
    /// How many there are.
    pub of: usize,
    /// How many of its cells are there more than once.
    pub repeated: usize,
}

impl Shown {
    /// Whether all of it is to be seen, and once.
    pub fn is_whole(&self) -> bool {
        self.cells == self.of && self.repeated == 0
    }
}

/// A terminal without a cable.
pub struct Emulator {
    parser: vt100::Parser,
    graphics: Graphics,
    cell: (u16, u16),
    within: Within,
    sequence: Vec<u8>,
    in_frame: bool,
    frames: usize,
    sixels: Vec<Drawn>,
    inlines: Vec<Drawn>,
    clipboard: Option<Vec<u8>>,
    scrolled: usize,
    taken: usize,
}

impl Emulator {
    /// A screen of so many columns and rows, with cells of so many pixels across and down.
    pub fn new((cols, rows): (u16, u16), cell: (u16, u16)) -> Self {
        Self {
            parser: vt100::Parser::new(rows, cols, SCROLLBACK),
            graphics: Graphics::default(),
            cell,
            within: Within::Text,
            sequence: Vec::new(),
            in_frame: false,
            frames: 0,
            sixels: Vec::new(),
            inlines: Vec::new(),
            clipboard: None,
            scrolled: 0,
            taken: 0,
        }
    }

    /// Letters and colours.
    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Kitty's pictures.
    pub fn graphics(&self) -> &Graphics {
        &self.graphics
    }

    /// A cell's width and height in pixels.
    pub fn cell(&self) -> (u16, u16) {
        self.cell
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.screen().size();
        (cols, rows)
    }

    /// Another size.
    pub fn resize(&mut self, (cols, rows): (u16, u16)) {
        self.parser.screen_mut().set_size(rows, cols);
    }

    /// Whether a synchronized update has begun and not ended: a terminal shows the last whole frame meanwhile.
    pub fn in_frame(&self) -> bool {
        self.in_frame
    }

    /// How many synchronized updates have ended.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// All sixel pictures that came.
    pub fn sixels(&self) -> &[Drawn] {
        &self.sixels
    }

    /// All inline pictures in iTerm2's manner that came.
    pub fn inlines(&self) -> &[Drawn] {
        &self.inlines
    }

    /// What was last copied by OSC 52.
    pub fn clipboard(&self) -> Option<&[u8]> {
        self.clipboard.as_deref()
    }

    /// Kitty's pictures that are to be seen now.
    pub fn shown(&self) -> Vec<Shown> {
        let mut shown: Vec<Shown> = Vec::new();
        let parts = placeholder::parts(self.screen());
        let numbers: BTreeSet<u32> = parts.iter().map(|part| part.picture).collect();
        for picture in numbers {
            let Some(placement) = self.graphics.virtual_placement(picture) else { continue };
            let (cols, rows) = placement.cells;
            let own: Vec<&Part> = parts
                .iter()
                .filter(|part| part.picture == picture && part.part.0 < rows && part.part.1 < cols)
                .collect();
            let Some(first) = own.first() else { continue };
            let different: BTreeSet<(u16, u16)> = own.iter().map(|part| part.part).collect();
            shown.push(Shown {
                picture,
                at: first.at,
                cells: different.len(),
                of: usize::from(cols) * usize::from(rows),
                repeated: own.len() - different.len(),
            });
        }
        for placement in self.graphics.placements() {
            let Place::At { cell: (row, col), alternate, .. } = placement.place else { continue };
            let below = row + i32::from(placement.cells.1);
            if alternate == self.screen().alternate_screen() && below > 0 && row < i32::from(self.size().1) {
                let of = usize::from(placement.cells.0) * usize::from(placement.cells.1);
                let at = (row.max(0) as u16, col);
                shown.push(Shown { picture: placement.picture, at, cells: of, of, repeated: 0 });
            }
        }
        shown
    }

    /// What it holds and shows, for people.
    pub fn described(&self) -> String {
        let contents = self.screen().contents();
        let cells: String = contents
            .chars()
            .filter(|&letter| placeholder::number(letter).is_none())
            .map(|letter| if letter == PLACEHOLDER { '░' } else { letter })
            .collect();
        let held: Vec<&u32> = self.graphics.pictures().keys().collect();
        let frame = if self.in_frame { "within a frame; " } else { "" };
        format!("{frame}pictures held: {held:?}, shown: {:?}\n{cells}", self.shown())
    }

    /// How many bytes it has taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Takes what the program wrote.
    pub fn take(&mut self, mut bytes: &[u8]) {
        self.taken += bytes.len();
        while !bytes.is_empty() {
            let taken = match self.within {
                Within::Text => {
                    let length = bytes.iter().position(|&byte| byte == ESC).unwrap_or(bytes.len());
                    self.write(&bytes[..length]);
                    if length < bytes.len() {
                        self.within = Within::Escape;
                        self.sequence.clear();
                    }
                    (length + 1).min(bytes.len())
                }
                Within::Escape => {
                    self.within = match bytes[0] {
                        b'[' => Within::Csi,
                        kind @ (b'_' | b']' | b'P' | b'^' | b'X') => Within::String(kind),
                        ESC => Within::Escape,
                        other => {
                            self.write(&[ESC, other]);
                            Within::Text
                        }
                    };
                    1
                }
                Within::Csi => {
                    let end = bytes.iter().position(|byte| !(0x20..=0x3f).contains(byte));
                    self.sequence.extend_from_slice(&bytes[..end.map_or(bytes.len(), |end| end + 1)]);
                    if end.is_some() {
                        self.within = Within::Text;
                        self.csi();
                    }
                    end.map_or(bytes.len(), |end| end + 1)
                }
                Within::String(kind) => {
                    let ends = |byte: u8| byte == ESC || (byte == 0x07 && kind == b']');
                    let end = bytes.iter().position(|&byte| ends(byte));
                    self.sequence.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
                    if let Some(end) = end {
                        self.within = Within::Ending(kind);
                        if bytes[end] != ESC {
                            self.string(kind);
                        }
                    }
                    end.map_or(bytes.len(), |end| end + 1)
                }
                Within::Ending(kind) => {
                    // An ESC that does not end the string begins another sequence, and the string is none.
                    self.within = Within::Escape;
                    if bytes[0] == b'\\' {
                        self.string(kind);
                        1
                    } else {
                        self.sequence.clear();
                        0
                    }
                }
            };
            bytes = &bytes[taken..];
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        let screen = self.parser.screen_mut();
        if !screen.alternate_screen() {
            // The number of lines above the screen is told only by going there.
            screen.set_scrollback(usize::MAX);
            let above = screen.scrollback();
            screen.set_scrollback(0);
            self.graphics.scroll(above.saturating_sub(self.scrolled) as i32);
            self.scrolled = above;
        }
    }

    fn csi(&mut self) {
        let sequence = std::mem::take(&mut self.sequence);
        match sequence.as_slice() {
            b"?2026h" => self.in_frame = true,
            b"?2026l" => {
                self.frames += usize::from(self.in_frame);
                self.in_frame = false;
            }
            b"2J" | b"3J" => self.graphics.erase_screen(self.screen().alternate_screen()),
            _ => {}
        }
        self.write(&[&[ESC, b'['], sequence.as_slice()].concat());
    }

    fn string(&mut self, kind: u8) {
        self.within = Within::Text;
        let sequence = std::mem::take(&mut self.sequence);
        let at = self.screen().cursor_position();
        let bytes = sequence.len();
        match (kind, sequence.as_slice()) {
            (b'_', [b'G', body @ ..]) => {
                let alternate = self.screen().alternate_screen();
                let moved = self.graphics.take(body, Where { cursor: at, cell: self.cell, alternate });
                if let Some((cols, rows)) = moved {
                    // To the right of the picture's last row, which may scroll the screen.
                    let down = "\n".repeat(usize::from(rows.saturating_sub(1)));
                    self.write(format!("{down}\x1b[{cols}C").as_bytes());
                }
            }
            (b'P', body) => {
                let letters = body.iter().position(u8::is_ascii_alphabetic);
                if letters.is_some_and(|at| body[at] == b'q') {
                    self.sixels.push(Drawn { at, bytes, size: raster(body) });
                }
            }
            (b']', body) if body.starts_with(b"1337;File=") => {
                self.inlines.push(Drawn { at, bytes, size: None });
            }
            (b']', body) if body.starts_with(b"52;") => {
                let payload = body[3..].splitn(2, |&byte| byte == b';').nth(1).unwrap_or_default();
                self.clipboard = STANDARD.decode(payload).ok().or(self.clipboard.take());
            }
            (b']', body) => self.write(&[&[ESC, b']'], body, &[ESC, b'\\']].concat()),
            _ => {}
        }
    }
}

/// The size that a sixel picture says it has: `"1;1;WIDTH;HEIGHT` after the `q`.
fn raster(body: &[u8]) -> Option<(u32, u32)> {
    let start = body.iter().position(|&byte| byte == b'"')? + 1;
    let end = body[start..].iter().position(|byte| !byte.is_ascii_digit() && *byte != b';')? + start;
    let numbers = std::str::from_utf8(&body[start..end]).ok()?;
    let numbers: Vec<u32> = numbers.split(';').filter_map(|number| number.parse().ok()).collect();
    Some((*numbers.get(2)?, *numbers.get(3)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKS: &str = "\x1b_Gi=7,a=T,U=1,f=24,s=20,v=20,m=1;";

    fn picture() -> String {
        let payload = STANDARD.encode([9; 20 * 20 * 3]);
        let (first, rest) = payload.split_at(400);
        format!("{CHUNKS}{first}\x1b\\\x1b_Gm=0;{rest}\x1b\\")
    }

    /// Two placeholder cells, as wide as the picture.
    const PLACED: &str = "\x1b[38;2;0;0;7m\u{10EEEE}\u{305}\u{305}\u{305}\u{10EEEE}";

    fn after(text: &str) -> Emulator {
        let mut emulator = Emulator::new((20, 6), (10, 20));
        emulator.take(text.as_bytes());
        emulator
    }

    #[test]
    fn pieces_of_any_size_make_the_same_screen() {
        let text = format!(
            "\x1b[?2026hab\x1b[1mc{}{PLACED}\x1b]52;c;aGk=\x07\x1bPq\"1;1;30;12#0~\x1b\\\x1b]2;t\x1b\\d\x1b[?2026l",
            picture()
        );
        let whole = after(&text);
        let mut pieces = Emulator::new((20, 6), (10, 20));
        for byte in text.as_bytes() {
            pieces.take(&[*byte]);
        }
        for emulator in [&whole, &pieces] {
            assert!(emulator.screen().contents().starts_with("abc\u{10EEEE}"));
            assert!(emulator.screen().contents().ends_with('d'));
            assert_eq!(emulator.shown(), [Shown { picture: 7, at: (0, 3), cells: 2, of: 2, repeated: 0 }]);
            assert_eq!(emulator.clipboard(), Some(b"hi".as_slice()));
            assert_eq!(emulator.sixels(), [Drawn { at: (0, 5), bytes: 14, size: Some((30, 12)) }]);
            assert_eq!((emulator.frames(), emulator.in_frame()), (1, false));
            assert_eq!(emulator.graphics().faults(), [] as [String; 0]);
        }
    }

    #[test]
    fn what_is_shown_is_what_lies_on_the_screen() {
        let covered = after(&format!("{}{PLACED}\x1b[1;1Hx", picture()));
        assert_eq!(covered.shown()[0].cells, 1);
        let twice = after(&format!("{}{PLACED}{PLACED}", picture()));
        assert!(!twice.shown()[0].is_whole());
        assert_eq!(twice.shown()[0].repeated, 2);
        assert!(twice.described().ends_with("\n░░░░"), "{}", twice.described());
        assert!(after(&format!("{}{PLACED}\x1b[2J", picture())).shown().is_empty());
        assert!(after(PLACED).shown().is_empty(), "a picture that never came");
    }

    #[test]
    fn a_picture_at_the_cursor_moves_it_and_scrolls() {
        let placed = picture().replace("U=1,", "c=4,r=3,");
        let emulator = after(&format!("\x1b[2;1H{placed}x"));
        assert_eq!(emulator.shown()[0].at, (1, 0));
        assert_eq!(emulator.screen().cursor_position(), (3, 5));
        // From the last row there is no room for three.
        let emulator = after(&format!("\x1b[6;1H{placed}\r\n\n"));
        assert_eq!(emulator.shown()[0].at, (1, 0));
        // The alternate screen has pictures of its own.
        let emulator = after(&format!("{placed}\x1b[?1049h"));
        assert!(emulator.shown().is_empty());
        assert_eq!(emulator.graphics().pictures().len(), 1);
    }

    #[test]
    fn a_sequence_that_breaks_off_is_none() {
        let emulator = after("\x1b_Gi=1;AA\x1b[1mtext");
        assert_eq!(emulator.screen().contents(), "text");
        assert!(emulator.graphics().pictures().is_empty());
    }
}
