//! A picture made ready for the terminal: resized to whole cells and encoded, off the main thread, then painted from there
//! as often as needed.
//!
//! - kitty's pictures are transmitted once, outside the cells ([`Encoded::transmission`]), and painted as placeholder
//!   characters: each has its own number, so that many can be on the screen, and be deleted again. Eight megabytes inside
//!   a cell, as ratatui-image has them, would be copied and compared with every frame.
//! - iTerm2's pictures and sixels are ratatui-image's, its encoders used one by one: its own chooser would put questions
//!   to the terminal, and our [`Capabilities`] know the answers already.
//! - Character cells are our own, because they obey the number of colours.
//!
//! How many pixels a picture gets is [`Plan`]'s to say, by the way that they travel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use camtui_term::cells::{self, Grid};
use camtui_term::kitty::{self, Medium};
use camtui_term::{Capabilities, Colours, Protocol, Reach, fit};
use image::{DynamicImage, RgbaImage};
use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::{Rect, Size};
use ratatui::style::Color;
use ratatui::widgets::Widget;
use ratatui_image::protocol::Protocol as Escape;
use ratatui_image::protocol::iterm2::Iterm2;
use ratatui_image::protocol::sixel::Sixel;

use super::files::File;

/// The most pixels that are sent to a kitty terminal through the line itself: three megabytes.
const MOST_DIRECT: u32 = 1_000_000;
/// The same over SSH, where they are compressed as well.
const MOST_REMOTE: u32 = 300_000;
/// The share of its pixels that a picture's draft has.
const DRAFT: u32 = 10;
/// Pictures of fewer pixels than this need no draft: they are there at once.
const LIGHT: u32 = 200_000;
/// Smaller pictures go through the line even where files can be read: a file for each thumbnail is too much.
const SMALLEST_FILE: u32 = 40_000;

/// How large a picture becomes on the screen, and how many pixels of it are sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// Width in pixels of what is sent. A picture of exactly these pixels is not resized any more.
    pub width: u32,
    /// Height in pixels of what is sent.
    pub height: u32,
}

impl Plan {
    /// For a picture of `width`×`height` pixels in an area of `most_cols`×`most_rows` cells, as large as fits.
    ///
    /// Kitty's terminals enlarge pictures themselves: they get no more pixels than the picture has; all of these through
    /// a file, at most a million through the line, at most 300,000 over SSH. Cells have as many pixels as their kind has.
    pub fn new(
        (width, height): (u32, u32),
        capabilities: &Capabilities,
        (most_cols, most_rows): (u16, u16),
    ) -> Self {
        let cell = (capabilities.cell_width_px, capabilities.cell_height_px);
        let is_kitty = capabilities.protocol == Protocol::Kitty;
        let most = if is_kitty { kitty::MOST_CELLS } else { u16::MAX };
        let (cols, rows) = fit::fit(width, height, cell, (most_cols.min(most), most_rows.min(most)));
        let (each_width, each_height) = match capabilities.protocol {
            Protocol::Blocks => cells::style(capabilities).pixels(),
            _ => (u32::from(cell.0.max(1)), u32::from(cell.1.max(1))),
        };
        let plan =
            Self { cols, rows, width: u32::from(cols) * each_width, height: u32::from(rows) * each_height };
        if !is_kitty {
            return plan;
        }
        let enough = f64::from(width) / f64::from(plan.width);
        let enough = enough.max(f64::from(height) / f64::from(plan.height));
        let most = match capabilities.reach {
            Reach::Remote => MOST_REMOTE,
            Reach::Files => u32::MAX,
            Reach::Line => MOST_DIRECT,
        };
        plan.scaled(enough.min(1.0)).reduced(most)
    }

    /// What is sent ahead of a picture that takes its time over the line: the same size on the screen, of a tenth of the pixels.
    pub fn draft(self, capabilities: &Capabilities) -> Option<Self> {
        let pixels = self.width.saturating_mul(self.height);
        let slow = capabilities.protocol == Protocol::Kitty && capabilities.reach != Reach::Files;
        (slow && pixels > LIGHT).then(|| self.reduced(pixels / DRAFT))
    }

    /// The same size on the screen from at most so many pixels.
    fn reduced(self, most_pixels: u32) -> Self {
        let pixels = f64::from(self.width) * f64::from(self.height);
        self.scaled((f64::from(most_pixels) / pixels).sqrt().min(1.0))
    }

    fn scaled(self, by: f64) -> Self {
        let scaled = |pixels: u32| ((f64::from(pixels) * by).floor() as u32).max(1);
        Self { width: scaled(self.width), height: scaled(self.height), ..self }
    }
}

/// A picture in the terminal's own terms.
pub struct Encoded {
    cols: u16,
    rows: u16,
    content: Content,
}

enum Content {
    /// One of kitty's: its number, the bytes that transmit it, and the file that they name.
    Kitty {
        number: u32,
        transmission: Arc<Vec<u8>>,
        _file: Option<File>,
    },
    /// An escape sequence inside a cell.
    Pixels(Escape),
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
    encode_as(picture, capabilities, Plan::new(picture.dimensions(), capabilities, (most_cols, most_rows)))
}

/// Makes a picture ready as planned. Quickest where it has the plan's pixels already. Errors are sentences.
pub fn encode_as(picture: &RgbaImage, capabilities: &Capabilities, plan: Plan) -> Result<Encoded, String> {
    let Plan { cols, rows, width, height } = plan;
    let content = match capabilities.protocol {
        Protocol::None => Content::Nothing,
        Protocol::Blocks => {
            Content::Cells(cells::render(picture, cols, rows, capabilities), capabilities.colours)
        }
        Protocol::Kitty => {
            let flat = cells::flattened(picture, capabilities.background);
            transmitted(&cells::resized(&flat, width, height), capabilities, (cols, rows))
        }
        Protocol::Iterm | Protocol::Sixel => {
            let flat = cells::flattened(picture, capabilities.background);
            let image = DynamicImage::ImageRgba8(cells::resized(&flat, width, height).into_owned());
            let size = Size::new(cols, rows);
            // Never wrapped for tmux: what it does not understand itself is not sent through it.
            let tmux = false;
            let escape = match capabilities.protocol {
                Protocol::Iterm => Iterm2::new(image, size, tmux).map(Escape::ITerm2),
                _ => Sixel::new(image, size, tmux).map(Escape::Sixel),
            };
            Content::Pixels(escape.map_err(|error| {
                format!("the picture could not be encoded as {}: {error}", capabilities.protocol)
            })?)
        }
    };
    Ok(Encoded { cols, rows, content })
}

/// One of kitty's pictures, at its final size in pixels.
fn transmitted(picture: &RgbaImage, capabilities: &Capabilities, cells: (u16, u16)) -> Content {
    let number = next_number();
    let large = picture.width().saturating_mul(picture.height()) >= SMALLEST_FILE;
    let file = (capabilities.reach == Reach::Files && large).then(|| File::with(picture.as_raw())).flatten();
    let medium = match &file {
        Some(file) => Medium::File(file.path()),
        None if capabilities.reach == Reach::Remote => Medium::Compressed,
        None => Medium::Direct,
    };
    let transmission = Arc::new(kitty::transmission(number, picture, cells, medium));
    Content::Kitty { number, transmission, _file: file }
}

/// A number of 24 bits, which fit into a colour, that no other program in the same terminal is likely to use.
fn next_number() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) % 0xffff + 1;
    (std::process::id() & 0xff) << 16 | count
}

impl Encoded {
    /// The size in cells.
    pub fn cells(&self) -> (u16, u16) {
        (self.cols, self.rows)
    }

    /// The bytes that the terminal must get once, before the first frame that shows the picture.
    pub fn transmission(&self) -> Option<Arc<Vec<u8>>> {
        match &self.content {
            Content::Kitty { transmission, .. } => Some(Arc::clone(transmission)),
            Content::Pixels(..) | Content::Cells(..) | Content::Nothing => None,
        }
    }

    /// Kitty's number for the picture, if it is one of kitty's.
    pub fn kitty_number(&self) -> Option<u32> {
        match self.content {
            Content::Kitty { number, .. } => Some(number),
            Content::Pixels(..) | Content::Cells(..) | Content::Nothing => None,
        }
    }

    /// Whether text that is written over the picture does not take it away by itself: so it is with iTerm2's pictures
    /// and sixels, which also do not come back when the text goes. Where one was, the screen must be painted anew.
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
            Content::Pixels(escape) => ratatui_image::Image::new(escape).render(place, buffer),
            Content::Kitty { number, .. } => paint_placeholders(*number, place, buffer),
            Content::Cells(grid, colours) => paint_cells(grid, *colours, place, buffer),
        }
    }
}

/// Every cell says which part of the picture it shows, so that whatever covers its neighbours changes nothing in it.
fn paint_placeholders(number: u32, place: Rect, buffer: &mut Buffer) {
    const ONE: CellDiffOption = CellDiffOption::ForcedWidth(std::num::NonZeroU16::MIN);
    let [_, r, g, b] = number.to_be_bytes();
    let marks: Vec<char> = kitty::diacritics().take(place.width.max(place.height).into()).collect();
    let mut symbol = String::with_capacity(12);
    for (y, row) in (place.top()..place.bottom()).zip(&marks) {
        for (x, column) in (place.left()..place.right()).zip(&marks) {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                symbol.clear();
                symbol.extend([kitty::PLACEHOLDER, *row, *column]);
                cell.reset();
                cell.set_symbol(&symbol).set_fg(Color::Rgb(r, g, b)).set_diff_option(ONE);
            }
        }
    }
}

fn paint_cells(grid: &Grid, colours: Colours, place: Rect, buffer: &mut Buffer) {
    let colour = |rgb: Option<[u8; 3]>| rgb.map_or(Color::Reset, |rgb| in_palette(rgb, colours));
    for (y, row) in (place.y..).zip(grid.rows()) {
        for (x, from) in (place.x..).zip(row) {
            if let Some(to) = buffer.cell_mut((x, y)) {
                to.reset();
                to.set_char(from.symbol).set_fg(colour(from.foreground)).set_bg(colour(from.background));
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
        for (protocol, mark) in [(Protocol::Iterm, "\x1b]1337;File="), (Protocol::Sixel, "\x1bP")] {
            let encoded = encoded(protocol, Colours::True);
            let buffer = painted(&encoded, Rect::new(0, 0, 20, 8));
            assert!(buffer[(2, 0)].symbol().contains(mark), "{protocol}");
            assert!(encoded.kitty_number().is_none() && encoded.transmission().is_none());
            assert!(encoded.outlives_text());
        }
    }

    #[test]
    fn a_picture_made_for_a_larger_screen_is_not_painted() {
        let buffer = painted(&encoded(Protocol::Blocks, Colours::True), Rect::new(0, 0, 15, 8));
        assert_eq!(buffer, Buffer::empty(Rect::new(0, 0, 24, 10)));
    }

    fn kitty(reach: Reach) -> Capabilities {
        Capabilities {
            protocol: Protocol::Kitty,
            reach,
            colours: Colours::True,
            terminal: true,
            ..Capabilities::none()
        }
    }

    /// ratatui-image writes the first cell of each row with its row's mark: they must be ours, for all 297.
    #[test]
    fn placeholders_are_those_of_another_implementation() {
        use ratatui_image::protocol::kitty::Kitty;

        let area = Rect::new(0, 0, 2, kitty::MOST_CELLS);
        let (mut ours, mut theirs) = (Buffer::empty(area), Buffer::empty(area));
        paint_placeholders(0x12_3456, area, &mut ours);
        let image = DynamicImage::ImageRgba8(RgbaImage::new(4, 4));
        let other = Kitty::new(image, Size::new(2, kitty::MOST_CELLS), 0x12_3456, false, false).unwrap();
        ratatui_image::Image::new(&Escape::Kitty(other)).render(area, &mut theirs);
        for y in 0..kitty::MOST_CELLS {
            let first: Vec<char> = ours[(0, y)].symbol().chars().collect();
            let other = theirs[(0, y)].symbol();
            // Theirs begins with the picture, and ends with a mark for the number's high byte.
            let other: Vec<char> = other[other.rfind(kitty::PLACEHOLDER).unwrap()..].chars().collect();
            assert_eq!(first[..], other[..3], "row {y}");
            assert_eq!(ours[(0, y)].fg, theirs[(0, y)].fg);
            assert_eq!(ours[(1, y)].symbol().chars().nth(1), Some(first[1]), "each cell names its row");
        }
    }

    #[test]
    fn kittys_pictures_are_numbered_and_sent_outside_the_cells() {
        let picture = RgbaImage::from_pixel(64, 64, image::Rgba([255, 0, 0, 255]));
        let of = || encode(&picture, &kitty(Reach::Line), (20, 8)).unwrap();
        let (one, two) = (of(), of());
        assert_ne!(one.kitty_number(), two.kitty_number());
        let sent = String::from_utf8(one.transmission().unwrap().to_vec()).unwrap();
        let number = one.kitty_number().unwrap();
        assert!(
            sent.starts_with(&format!("\x1b_Gq=2,a=T,U=1,i={number},c=16,r=8,f=24,s=64,v=64,")),
            "{sent:.80}"
        );
        let buffer = painted(&one, Rect::new(0, 0, 20, 8));
        assert_eq!(buffer[(2, 0)].symbol().chars().count(), 3);
        let [_, r, g, b] = number.to_be_bytes();
        assert_eq!(buffer[(2, 0)].fg, Color::Rgb(r, g, b));
        assert!(!one.outlives_text());
    }

    #[test]
    fn pixels_are_as_many_as_are_worth_sending() {
        let full = (1920, 1080);
        let plan = |reach| Plan::new(full, &kitty(reach), (192, 54));
        assert_eq!(plan(Reach::Files), Plan { cols: 192, rows: 54, width: 1920, height: 1080 });
        for (reach, most) in [(Reach::Line, MOST_DIRECT), (Reach::Remote, MOST_REMOTE)] {
            let Plan { cols, rows, width, height } = plan(reach);
            assert_eq!((cols, rows), (192, 54), "as large on the screen");
            assert!(width * height <= most && width * height > most * 9 / 10, "{width}×{height}");
            assert!((f64::from(width) / f64::from(height) - 16.0 / 9.0).abs() < 0.01);
        }
        let small = Plan::new((192, 108), &kitty(Reach::Files), (192, 54));
        assert_eq!((small.cols, small.width, small.height), (192, 192, 108), "the terminal enlarges");
        assert_eq!(plan(Reach::Files).reduced(100), Plan { cols: 192, rows: 54, width: 13, height: 7 });
        for (reach, most) in [(Reach::Line, MOST_DIRECT), (Reach::Remote, MOST_REMOTE)] {
            let Plan { cols, rows, width, height } = plan(reach).draft(&kitty(reach)).unwrap();
            assert_eq!((cols, rows), (192, 54), "as large on the screen");
            assert!(width * height <= most / 10 && width * height > most / 12, "{width}×{height}");
        }
        assert_eq!(plan(Reach::Files).draft(&kitty(Reach::Files)), None);
        let small = Plan::new((400, 400), &kitty(Reach::Line), (192, 54));
        assert_eq!(small.draft(&kitty(Reach::Line)), None);
        let wide = Plan::new((4000, 10), &kitty(Reach::Line), (500, 20));
        assert!(wide.cols <= kitty::MOST_CELLS);
    }

    #[test]
    fn over_ssh_a_picture_is_compressed() {
        let picture = RgbaImage::from_fn(800, 600, |x, y| image::Rgba([x as u8, y as u8, 9, 255]));
        let sent = |reach| encode(&picture, &kitty(reach), (100, 40)).unwrap().transmission().unwrap();
        let (line, ssh) = (sent(Reach::Line), sent(Reach::Remote));
        assert!(ssh.windows(5).any(|keys| keys == b"f=100") && ssh.len() * 4 < line.len(), "{}", ssh.len());
    }

    #[test]
    fn cells_have_the_pixels_of_their_kind() {
        use camtui_term::CellStyle;

        for (cells, width, height) in
            [(CellStyle::Half, 16, 16), (CellStyle::Quadrant, 32, 16), (CellStyle::Sextant, 32, 24)]
        {
            let capabilities = Capabilities { cells, protocol: Protocol::Blocks, ..kitty(Reach::Line) };
            let plan = Plan::new((64, 64), &capabilities, (20, 8));
            assert_eq!(plan, Plan { cols: 16, rows: 8, width, height });
            let picture = RgbaImage::from_pixel(width, height, image::Rgba([0, 0, 255, 255]));
            let encoded = encode_as(&picture, &capabilities, plan).unwrap();
            assert_eq!(encoded.cells(), (16, 8));
            assert_eq!(painted(&encoded, Rect::new(0, 0, 16, 8))[(9, 3)].bg, Color::Rgb(0, 0, 255));
        }
    }
}
