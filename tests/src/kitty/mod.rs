//! A terminal's half of kitty's graphics protocol: the pictures it was sent and where it shows them.
//!
//! It knows what camtui, viuer and ratatui-image use: direct transmission (RGB, RGBA, PNG; deflated; in chunks), files,
//! placements at the cursor, placeholder cells, and every kind of deletion. Animation it does not know, and says so in
//! [`Graphics::faults`]: whatever a real kitty would refuse is a fault, and tests expect none.
//!
//! Tests ask it what a terminal holds and shows; `xtask screenshot` paints from it. It lives in the tests' package
//! because they are the reason that it must be right; the chores depend on that package and nothing else does.

pub mod command;
pub mod placeholder;

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use image::{DynamicImage, RgbImage, RgbaImage};

use command::Command;

/// A picture that is larger than this in either direction is refused, as kitty does.
const LARGEST_SIDE: u32 = 10_000;

/// A rectangle of a picture's pixels: left, top, width, height. Zero sizes mean the rest of the picture.
pub type Source = (u32, u32, u32, u32);

/// Where a picture is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The picture's number.
    pub picture: u32,
    /// The placement's own number, 0 for none.
    pub number: u32,
    /// The picture's pixels that it shows.
    pub source: Source,
    /// Its size in cells.
    pub cells: (u16, u16),
    /// Where its pixels end up.
    pub place: Place,
}

/// The two kinds of placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Wherever placeholder cells are.
    Placeholders,
    /// From this cell on.
    At {
        /// Row and column; a row above the screen has scrolled away.
        cell: (i32, u16),
        /// Pixels from that cell's corner.
        offset: (u32, u32),
        /// Its size in pixels.
        size: (u32, u32),
        /// Negative ones are below the text.
        layer: i32,
        /// Whether it belongs to the alternate screen.
        alternate: bool,
    },
}

/// What a terminal knows when a command comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Where {
    /// The cursor's row and column.
    pub cursor: (u16, u16),
    /// A cell's width and height in pixels.
    pub cell: (u16, u16),
    /// Whether the alternate screen is on.
    pub alternate: bool,
}

/// Everything that has happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A picture came whole: its number and its payload in bytes as sent.
    Transmitted(u32, usize),
    /// A picture was placed.
    Placed(u32),
    /// A picture's pixels were given up.
    Freed(u32),
}

/// The pictures and placements of one terminal.
#[derive(Clone, Debug, Default)]
pub struct Graphics {
    pictures: BTreeMap<u32, RgbaImage>,
    /// The pictures' numbers by the programs' second kind of number (`I=`), the newest last.
    by_second: Vec<(u32, u32)>,
    placements: Vec<Placement>,
    unfinished: Option<Command>,
    anonymous: u32,
    events: Vec<Event>,
    faults: Vec<String>,
}

impl Graphics {
    /// The pictures it holds, shown or not.
    pub fn pictures(&self) -> &BTreeMap<u32, RgbaImage> {
        &self.pictures
    }

    /// Where they are shown.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// The placement for the placeholder cells of a picture.
    pub fn virtual_placement(&self, picture: u32) -> Option<&Placement> {
        self.placements.iter().find(|one| one.picture == picture && one.place == Place::Placeholders)
    }

    /// All that has happened.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What a real terminal would have refused.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Whether a picture has begun to come and is not complete.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Takes what stood between `ESC _ G` and `ESC \`. Says by how many columns and rows the cursor moves.
    pub fn take(&mut self, body: &[u8], at: Where) -> Option<(u16, u16)> {
        let taken = Command::parse(body).and_then(|command| self.chunk(command, at));
        taken.unwrap_or_else(|fault| {
            self.faults.push(format!("{fault}: {}", String::from_utf8_lossy(&body[..body.len().min(80)])));
            None
        })
    }

    fn chunk(&mut self, command: Command, at: Where) -> Result<Option<(u16, u16)>, String> {
        let mut whole = command;
        if let Some(mut begun) = self.unfinished.take() {
            if !whole.continues() {
                return Err("a command amid the chunks of another one".to_owned());
            }
            begun.append(&whole);
            whole = begun;
        }
        if whole.has_more() {
            self.unfinished = Some(whole);
            return Ok(None);
        }
        match whole.action() {
            'q' => Ok(None),
            't' => self.transmit(&whole).map(|_| None),
            'T' => {
                let picture = self.transmit(&whole)?;
                self.place(picture, &whole, at)
            }
            'p' => {
                let picture = self.named(&whole).ok_or("a picture that is not there cannot be placed")?;
                self.place(picture, &whole, at)
            }
            'd' => self.delete(&whole, at).map(|()| None),
            other => Err(format!("a={other} is not known here")),
        }
    }

    /// The picture that a command is about.
    fn named(&self, command: &Command) -> Option<u32> {
        let picture = match (command.number('i'), command.number('I')) {
            (0, second) => self.by_second.iter().rev().find(|(known, _)| *known == second)?.1,
            (first, _) => first,
        };
        self.pictures.contains_key(&picture).then_some(picture)
    }

    fn transmit(&mut self, command: &Command) -> Result<u32, String> {
        let pixels = pixels(command)?;
        let picture = match (command.number('i'), command.number('I')) {
            (0, second) => {
                // Numbers from the upper end, which no program chooses.
                self.anonymous += 1;
                let picture = u32::MAX - self.anonymous;
                self.by_second.extend((second != 0).then_some((second, picture)));
                picture
            }
            (first, 0) => first,
            _ => return Err("i and I exclude each other".to_owned()),
        };
        // A number that is used again is another picture, and what showed the old one shows nothing.
        self.placements.retain(|placement| placement.picture != picture);
        self.pictures.insert(picture, pixels);
        self.events.push(Event::Transmitted(picture, command.decoded().map_or(0, |bytes| bytes.len())));
        Ok(picture)
    }

    fn place(&mut self, picture: u32, command: &Command, at: Where) -> Result<Option<(u16, u16)>, String> {
        let image = &self.pictures[&picture];
        let (left, top) = (command.number('x'), command.number('y'));
        let rest = (image.width().saturating_sub(left), image.height().saturating_sub(top));
        let extent = |asked: u32, rest: u32| if asked == 0 { rest } else { asked.min(rest) };
        let (width, height) = (extent(command.number('w'), rest.0), extent(command.number('h'), rest.1));
        if width == 0 || height == 0 {
            return Err("no pixel of the picture is to be shown".to_owned());
        }
        let offset = (command.number('X'), command.number('Y'));
        let cell = (u32::from(at.cell.0), u32::from(at.cell.1));
        // What is not said follows from the picture's size, or its proportions.
        let (cols, rows) = (command.number('c'), command.number('r'));
        let size = match (cols, rows) {
            (0, 0) => (width, height),
            (cols, 0) => (cols * cell.0, (height * cols * cell.0).div_ceil(width)),
            (0, rows) => ((width * rows * cell.1).div_ceil(height), rows * cell.1),
            (cols, rows) => (cols * cell.0, rows * cell.1),
        };
        let cells = (
            if cols == 0 { (size.0 + offset.0).div_ceil(cell.0) } else { cols } as u16,
            if rows == 0 { (size.1 + offset.1).div_ceil(cell.1) } else { rows } as u16,
        );
        let by_cells = command.number('U') == 1;
        let place = if by_cells {
            Place::Placeholders
        } else {
            let (row, col) = at.cursor;
            let cell = (i32::from(row), col);
            Place::At { cell, offset, size, layer: command.layer(), alternate: at.alternate }
        };
        let number = command.number('p');
        self.placements.retain(|old| (old.picture, old.number) != (picture, number) || number == 0);
        let source = (left, top, width, height);
        self.placements.push(Placement { picture, number, source, cells, place });
        self.events.push(Event::Placed(picture));
        Ok((!by_cells && command.number('C') == 0).then_some(cells))
    }

    /// Lower-case letters delete placements, upper-case ones also the pictures that are then shown nowhere.
    fn delete(&mut self, command: &Command, at: Where) -> Result<(), String> {
        let kind = command.letter('d', 'a');
        let number = command.number('p');
        let named = self.named(command);
        let (x, y) = (command.number('x') as i32 - 1, command.number('y') as i32 - 1);
        let (cursor_row, cursor_col) = (i32::from(at.cursor.0), i32::from(at.cursor.1));
        let covers = |placement: &Placement, col: Option<i32>, row: Option<i32>| {
            let Place::At { cell: (top, left), .. } = placement.place else { return false };
            let (left, cols, rows) =
                (i32::from(left), i32::from(placement.cells.0), i32::from(placement.cells.1));
            col.is_none_or(|col| (left..left + cols).contains(&col))
                && row.is_none_or(|row| (top..top + rows).contains(&row))
        };
        let layer = |placement: &Placement| match placement.place {
            Place::At { layer, .. } => Some(layer),
            Place::Placeholders => None,
        };
        let meant = |placement: &Placement| match kind.to_ascii_lowercase() {
            'a' => placement.place != Place::Placeholders,
            'i' | 'n' => Some(placement.picture) == named && (number == 0 || placement.number == number),
            'r' => (command.number('x')..=command.number('y')).contains(&placement.picture),
            'c' => covers(placement, Some(cursor_col), Some(cursor_row)),
            'p' => covers(placement, Some(x), Some(y)),
            'q' => covers(placement, Some(x), Some(y)) && layer(placement) == Some(command.layer()),
            'x' => covers(placement, Some(x), None),
            'y' => covers(placement, None, Some(y)),
            'z' => layer(placement) == Some(command.layer()),
            _ => false,
        };
        if !"aincpqxyzr".contains(kind.to_ascii_lowercase()) {
            return Err(format!("d={kind} is not known here"));
        }
        let mut touched: Vec<u32> = self.placements.iter().filter(|p| meant(p)).map(|p| p.picture).collect();
        self.placements.retain(|placement| !meant(placement));
        if kind.is_ascii_uppercase() {
            // By number, a picture without placements is meant as well.
            match kind {
                'I' | 'N' => touched.extend(named),
                'R' => touched
                    .extend(self.pictures.range(command.number('x')..=command.number('y')).map(|(n, _)| *n)),
                _ => {}
            }
            for picture in touched {
                if self.placements.iter().all(|placement| placement.picture != picture)
                    && self.pictures.remove(&picture).is_some()
                {
                    self.events.push(Event::Freed(picture));
                }
            }
        }
        Ok(())
    }

    /// The screen was erased, and with it what was placed there.
    pub fn erase_screen(&mut self, on_alternate: bool) {
        self.placements
            .retain(|one| !matches!(one.place, Place::At { alternate, .. } if alternate == on_alternate));
    }

    /// The main screen has scrolled up by this many rows.
    pub fn scroll(&mut self, rows: i32) {
        for placement in &mut self.placements {
            if let Place::At { cell, alternate: false, .. } = &mut placement.place {
                cell.0 -= rows;
            }
        }
    }
}

/// The picture that a command carries.
fn pixels(command: &Command) -> Result<RgbaImage, String> {
    let payload = command.decoded()?;
    let mut bytes = match command.letter('t', 'd') {
        'd' => payload,
        'f' => {
            let path = String::from_utf8(payload).map_err(|_| "a path that is no text")?;
            std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?
        }
        _ => return Err("only direct transmission and files are known here".to_owned()),
    };
    match command.letter('o', ' ') {
        ' ' => {}
        'z' => {
            let mut inflated = Vec::new();
            ZlibDecoder::new(bytes.as_slice())
                .read_to_end(&mut inflated)
                .map_err(|error| format!("a payload that does not inflate: {error}"))?;
            bytes = inflated;
        }
        other => return Err(format!("o={other} is not known")),
    }
    let (width, height) = (command.number('s'), command.number('v'));
    if width > LARGEST_SIDE || height > LARGEST_SIDE {
        return Err(format!("{width}×{height} pixels are too many"));
    }
    let wrong = |channels: usize, length: usize| {
        format!("{length} bytes are not {width}×{height} pixels of {channels} channels")
    };
    let length = bytes.len();
    match command.number('f') {
        24 => RgbImage::from_raw(width, height, bytes)
            .filter(|_| length == width as usize * height as usize * 3)
            .map(|rgb| DynamicImage::from(rgb).to_rgba8())
            .ok_or_else(|| wrong(3, length)),
        0 | 32 => RgbaImage::from_raw(width, height, bytes)
            .filter(|_| length == width as usize * height as usize * 4)
            .ok_or_else(|| wrong(4, length)),
        100 => image::load_from_memory_with_format(&bytes, image::ImageFormat::Png)
            .map(|picture| picture.to_rgba8())
            .map_err(|error| format!("a PNG that cannot be read: {error}")),
        other => Err(format!("f={other} is not known")),
    }
}

#[cfg(test)]
mod tests;
