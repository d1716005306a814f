//! Headless drawing: one picture below the cursor, then the cursor in the first column of the line after it.
//!
//! The pixels are prepared here (size in cells, size in pixels, no transparency). Printing half blocks, iTerm2's inline
//! images and sixels is viuer's work; its own detection asks the terminal without a bound, so each of its switches is set
//! from our answer, and where it would ask a terminal that has not shown that it answers, the module `pixels` prints instead.

use std::io::{self, BufWriter, Write};

use image::{DynamicImage, RgbaImage};

use crate::capabilities::{Capabilities, CellStyle, Colours, Protocol};
use crate::cells::{self, Grid, flattened, resized};
use crate::fit::fit;
use crate::pixels;

/// Lines that stay free below a picture that fills the terminal: its legend, and the next prompt.
const LINES_BELOW: u16 = 3;
/// Pictures smaller than this, in pixels each way, are enlarged: some terminals get stuck on tiny ones.
const SMALLEST: u32 = 32;
/// viuer draws sixels no wider than 1000 dots, 6 a column and 12 a row; the largest multiple of 6 below that.
const WIDEST_SIXEL: u32 = 996;

/// What came of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The picture was drawn in so many cells.
    Drawn {
        /// Width in cells.
        cols: u16,
        /// Height in cells.
        rows: u16,
    },
    /// There is nothing to draw on: [`Protocol::None`].
    Nothing,
    /// Nobody reads standard output any more. No error: whoever read it has seen enough.
    Closed,
}

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// A picture without pixels.
    #[error("a picture of {width}×{height} pixels has nothing to draw")]
    Empty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Standard output could not be written.
    #[error("the picture could not be written to the terminal: {0}")]
    Write(#[source] io::Error),
    /// viuer failed otherwise.
    #[error("the picture could not be drawn as {protocol}: {source}; `--protocol blocks` works everywhere")]
    Print {
        /// How it was to be drawn.
        protocol: Protocol,
        /// What viuer says.
        source: viuer::ViuError,
    },
}

/// Draws the picture on standard output, as large as the terminal allows or `width` cells wide.
pub fn draw(
    picture: &RgbaImage,
    capabilities: &Capabilities,
    width: Option<u16>,
) -> Result<Outcome, DrawError> {
    if picture.width() == 0 || picture.height() == 0 {
        return Err(DrawError::Empty { width: picture.width(), height: picture.height() });
    }
    if capabilities.protocol == Protocol::None {
        return Ok(Outcome::Nothing);
    }
    let (cols, rows) = cells_for(picture, capabilities, width);
    let prepared = prepare(picture, capabilities, cols, rows);
    let result = match printer(capabilities, viuer::is_iterm_supported()) {
        Printer::Viuer => with_viuer(prepared, capabilities, cols, rows),
        Printer::Own => {
            let mut out = BufWriter::new(io::stdout().lock());
            write_escapes(&mut out, &prepared, capabilities, cols, rows)
                .and_then(|()| out.flush())
                .map_err(DrawError::Write)
        }
    };
    crate::detect::discard_late_replies(capabilities);
    match result {
        Ok(()) => Ok(Outcome::Drawn { cols, rows }),
        Err(DrawError::Write(error) | DrawError::Print { source: viuer::ViuError::Io(error), .. })
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            Ok(Outcome::Closed)
        }
        Err(error) => Err(error),
    }
}

/// The size in cells.
fn cells_for(picture: &RgbaImage, capabilities: &Capabilities, width: Option<u16>) -> (u16, u16) {
    // A kitty picture that reaches the right edge moves the cursor one line further than others do.
    let most_cols = match (capabilities.terminal, capabilities.protocol) {
        (false, _) => u16::MAX,
        (true, Protocol::Kitty) => capabilities.cols.saturating_sub(1),
        (true, _) => capabilities.cols,
    };
    let bounds = match width {
        Some(cols) => (cols.min(most_cols), u16::MAX),
        None => (capabilities.cols.min(most_cols), capabilities.rows.saturating_sub(LINES_BELOW)),
    };
    let cell = (capabilities.cell_width_px, capabilities.cell_height_px);
    fit(picture.width(), picture.height(), cell, bounds)
}

/// The picture at the size in pixels that its printer wants.
fn prepare(picture: &RgbaImage, capabilities: &Capabilities, cols: u16, rows: u16) -> RgbaImage {
    let flat = flattened(picture, capabilities.background);
    let mut width = u32::from(cols) * u32::from(capabilities.cell_width_px);
    let mut height = u32::from(rows) * u32::from(capabilities.cell_height_px);
    match capabilities.protocol {
        Protocol::Blocks => {
            let (each_width, each_height) = cells::style(capabilities).pixels();
            let (width, height) = (each_width * u32::from(cols), each_height * u32::from(rows));
            return resized(&flat, width, height).into_owned();
        }
        Protocol::Sixel => {
            if width > WIDEST_SIXEL {
                height = (u64::from(height) * u64::from(WIDEST_SIXEL) / u64::from(width)) as u32;
                width = WIDEST_SIXEL;
            }
            width = width.max(SMALLEST).next_multiple_of(6);
            height = (height.max(SMALLEST + 12) / 12) * 12;
        }
        Protocol::Kitty | Protocol::Iterm | Protocol::None => {}
    }
    resized(&flat, width.max(SMALLEST), height.max(SMALLEST)).into_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Printer {
    Viuer,
    Own,
}

/// Who prints. `viuer_knows_iterm` is what viuer makes of the environment.
fn printer(capabilities: &Capabilities, viuer_knows_iterm: bool) -> Printer {
    let viuer = match capabilities.protocol {
        Protocol::Blocks => cells::style(capabilities) == CellStyle::Half,
        Protocol::Iterm => viuer_knows_iterm,
        // viuer asks for the device attributes again: only where our own question just got them.
        Protocol::Sixel => capabilities.confirmed,
        Protocol::Kitty | Protocol::None => false,
    };
    if viuer { Printer::Viuer } else { Printer::Own }
}

fn with_viuer(
    prepared: RgbaImage,
    capabilities: &Capabilities,
    cols: u16,
    rows: u16,
) -> Result<(), DrawError> {
    let protocol = capabilities.protocol;
    let (width, height) = match protocol {
        // From viuer's cells of 6×12 dots to the pixels that were prepared.
        Protocol::Sixel => (prepared.width() / 6, prepared.height() / 12),
        _ => (cols.into(), rows.into()),
    };
    let config = viuer::Config {
        absolute_offset: false,
        width: Some(width),
        height: Some(height),
        truecolor: capabilities.colours == Colours::True,
        use_kitty: false,
        use_iterm: protocol == Protocol::Iterm,
        use_sixel: protocol == Protocol::Sixel,
        ..viuer::Config::default()
    };
    // What the terminal answers to viuer must not show on the screen.
    #[cfg(unix)]
    let terminal =
        (protocol == Protocol::Sixel).then(|| crate::query::Terminal::open(io::stdout()).ok()).flatten();
    #[cfg(unix)]
    let quiet = terminal.as_ref().map(crate::query::Terminal::quiet);
    let printed = viuer::print(&DynamicImage::ImageRgba8(prepared), &config);
    #[cfg(unix)]
    drop(quiet);
    printed.map_err(|source| DrawError::Print { protocol, source })?;
    if protocol == Protocol::Sixel {
        // viuer leaves the cursor beside the picture.
        let mut out = io::stdout().lock();
        out.write_all(b"\n").and_then(|()| out.flush()).map_err(DrawError::Write)?;
    }
    Ok(())
}

/// What [`crate::pixels`] and the cells print, with the line end.
fn write_escapes(
    out: &mut impl Write,
    prepared: &RgbaImage,
    capabilities: &Capabilities,
    cols: u16,
    rows: u16,
) -> io::Result<()> {
    match capabilities.protocol {
        Protocol::Kitty => pixels::kitty(out, prepared, cols, rows)?,
        Protocol::Iterm => pixels::iterm(out, prepared, cols, rows)?,
        Protocol::Sixel => pixels::sixel(out, prepared)?,
        Protocol::Blocks => {
            return write_cells(
                out,
                &cells::render(prepared, cols, rows, capabilities),
                capabilities.colours,
            );
        }
        Protocol::None => return Ok(()),
    }
    out.write_all(b"\n")
}

/// Lines of cells, each in the terminal's own colours again at its end.
fn write_cells(out: &mut impl Write, grid: &Grid, colours: Colours) -> io::Result<()> {
    for row in grid.rows() {
        let mut line = String::new();
        let mut before = (None, None);
        for cell in row {
            let now = (cell.foreground, cell.background);
            if now != before {
                push_colour(&mut line, 38, cell.foreground, colours);
                push_colour(&mut line, 48, cell.background, colours);
                before = now;
            }
            line.push(cell.symbol);
        }
        if before == (None, None) {
            writeln!(out, "{}", line.trim_end())?;
        } else {
            writeln!(out, "{line}\x1b[0m")?;
        }
    }
    Ok(())
}

/// The escape for a colour in front (38) or behind (48).
fn push_colour(line: &mut String, place: u8, colour: Option<[u8; 3]>, colours: Colours) {
    let Some(colour) = colour else { return };
    let escape = match colours {
        Colours::None => return,
        Colours::Ansi16 => {
            let entry = cells::ansi16(colour);
            let base = if entry < 8 { place - 8 } else { place + 52 };
            format!("\x1b[{}m", base + entry % 8)
        }
        Colours::Ansi256 => format!("\x1b[{place};5;{}m", cells::ansi256(colour)),
        Colours::True => {
            let [r, g, b] = colour;
            format!("\x1b[{place};2;{r};{g};{b}m")
        }
    };
    line.push_str(&escape);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(protocol: Protocol) -> Capabilities {
        Capabilities { protocol, terminal: true, colours: Colours::True, ..Capabilities::none() }
    }

    fn picture(width: u32, height: u32) -> RgbaImage {
        RgbaImage::from_fn(width, height, |x, y| image::Rgba([x as u8, y as u8, 9, 255]))
    }

    #[test]
    fn a_picture_leaves_room_below_and_obeys_the_width() {
        let blocks = capabilities(Protocol::Blocks);
        assert_eq!(cells_for(&picture(400, 400), &blocks, None), (42, 21));
        assert_eq!(
            cells_for(&picture(400, 400), &blocks, Some(60)),
            (60, 30),
            "the width wins over the height"
        );
        assert_eq!(cells_for(&picture(400, 40), &blocks, Some(500)), (80, 4), "no wider than the terminal");
        assert_eq!(cells_for(&picture(400, 40), &capabilities(Protocol::Kitty), None), (79, 4));
        let piped = Capabilities { terminal: false, ..blocks };
        assert_eq!(cells_for(&picture(400, 40), &piped, Some(500)), (500, 25), "a file has no edge");
    }

    #[test]
    fn pixels_are_prepared_for_each_printer() {
        let size = |protocol, cols, rows| {
            prepare(&picture(64, 48), &capabilities(protocol), cols, rows).dimensions()
        };
        assert_eq!(size(Protocol::Kitty, 20, 7), (200, 140));
        assert_eq!(size(Protocol::Iterm, 1, 1), (32, 32), "never smaller");
        assert_eq!(size(Protocol::Blocks, 21, 7), (21, 14), "an even height");
        assert_eq!(size(Protocol::Sixel, 20, 7), (204, 132), "multiples of 6 and 12");
        assert_eq!(size(Protocol::Sixel, 1, 1), (36, 36));
        assert_eq!(size(Protocol::Sixel, 200, 50), (996, 492));
    }

    #[test]
    fn viuer_never_asks_a_terminal_that_may_be_silent() {
        let forced = |protocol| printer(&capabilities(protocol), false);
        assert_eq!(forced(Protocol::Kitty), Printer::Own);
        assert_eq!(forced(Protocol::Sixel), Printer::Own);
        assert_eq!(forced(Protocol::Iterm), Printer::Own);
        assert_eq!(forced(Protocol::Blocks), Printer::Viuer);
        assert_eq!(printer(&capabilities(Protocol::Iterm), true), Printer::Viuer);
        let confirmed =
            |protocol| printer(&Capabilities { confirmed: true, ..capabilities(protocol) }, false);
        assert_eq!(confirmed(Protocol::Sixel), Printer::Viuer);
        assert_eq!(confirmed(Protocol::Kitty), Printer::Own);
        let letters = Capabilities { colours: Colours::None, ..capabilities(Protocol::Blocks) };
        assert_eq!(printer(&letters, false), Printer::Own);
    }

    #[test]
    fn letters_are_lines_without_a_single_escape() {
        let plain = Capabilities { colours: Colours::None, ..capabilities(Protocol::Blocks) };
        let prepared = prepare(&picture(200, 200), &plain, 20, 10);
        let mut out = Vec::new();
        write_escapes(&mut out, &prepared, &plain, 20, 10).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 10);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(text.contains('@') && text.contains('='), "{text}");
    }

    #[test]
    fn small_cells_are_ours_in_the_terminals_colours() {
        for (cells, symbols) in
            [(CellStyle::Quadrant, "▘▝▖▗▚▞▙▛▜▟▌▐▀▄"), (CellStyle::Sextant, "🬀🬁🬂🬃🬋🬎🬏🬝🬞🬰🬭▌▐")]
        {
            for (colours, escape) in
                [(Colours::True, "\x1b[38;2;"), (Colours::Ansi256, "\x1b[48;5;"), (Colours::Ansi16, "\x1b[4")]
            {
                let capabilities = Capabilities { colours, cells, ..capabilities(Protocol::Blocks) };
                assert_eq!(printer(&capabilities, false), Printer::Own);
                let prepared = prepare(&picture(200, 200), &capabilities, 20, 10);
                let (each_width, each_height) = cells.pixels();
                assert_eq!(prepared.dimensions(), (20 * each_width, 10 * each_height));
                let mut out = Vec::new();
                write_escapes(&mut out, &prepared, &capabilities, 20, 10).unwrap();
                let text = String::from_utf8(out).unwrap();
                assert_eq!(text.lines().count(), 10);
                assert!(
                    text.lines().all(|line| line.ends_with("\x1b[0m") && line.contains(escape)),
                    "{colours}"
                );
                assert!(text.contains(|c| symbols.contains(c)), "{text}");
            }
        }
    }

    #[test]
    fn sixteen_colours_have_their_own_numbers() {
        let mut line = String::new();
        push_colour(&mut line, 38, Some([255, 0, 0]), Colours::Ansi16);
        push_colour(&mut line, 48, Some([0, 205, 0]), Colours::Ansi16);
        assert_eq!(line, "\x1b[91m\x1b[42m");
    }

    #[test]
    fn a_picture_without_pixels_is_refused_in_words() {
        let error = draw(&RgbaImage::new(0, 5), &capabilities(Protocol::Blocks), None).unwrap_err();
        assert_eq!(error.to_string(), "a picture of 0×5 pixels has nothing to draw");
    }
}
