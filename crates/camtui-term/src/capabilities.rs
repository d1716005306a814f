//! The words for what a terminal can do: the outcome of [`crate::detect()`], and all that drawing needs to know.

use std::fmt;
use std::str::FromStr;

/// How pixels get to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The kitty graphics protocol: <https://sw.kovidgoyal.net/kitty/graphics-protocol/>.
    Kitty,
    /// iTerm2's inline images, which `WezTerm`, mintty and Konsole also know: <https://iterm2.com/documentation-images.html>.
    Iterm,
    /// DEC's sixel graphics.
    Sixel,
    /// Character cells in colour, of the kind that [`CellStyle`] names, or letters where there is no colour.
    Blocks,
    /// Nothing is drawn.
    None,
}

impl Protocol {
    /// All of them, in the order in which help texts list them.
    pub const ALL: [Self; 5] = [Self::Kitty, Self::Iterm, Self::Sixel, Self::Blocks, Self::None];

    /// The name that the command line and `CAMTUI_PROTOCOL` use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kitty => "kitty",
            Self::Iterm => "iterm",
            Self::Sixel => "sixel",
            Self::Blocks => "blocks",
            Self::None => "none",
        }
    }

    /// Whether the picture is sent as pixels rather than as characters.
    pub fn has_pixels(self) -> bool {
        matches!(self, Self::Kitty | Self::Iterm | Self::Sixel)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The characters that pictures become where there are no pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellStyle {
    /// `▀`: two pixels a cell, each in its own colour. Every font has it.
    #[default]
    Half,
    /// `▚` and its kin: 2×2 pixels a cell in two colours.
    Quadrant,
    /// `🬗` and its kin: 2×3 pixels a cell in two colours; a font of Unicode 13 or a terminal that draws them itself.
    Sextant,
    /// Letters, their ink by the picture's brightness, without colour.
    Ascii,
}

impl CellStyle {
    /// All of them, in the order in which help texts list them.
    pub const ALL: [Self; 4] = [Self::Half, Self::Quadrant, Self::Sextant, Self::Ascii];

    /// The name that the command line and `CAMTUI_PROTOCOL` use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Half => "halfblocks",
            Self::Quadrant => "quadrants",
            Self::Sextant => "sextants",
            Self::Ascii => "ascii",
        }
    }

    /// Pixels of one cell: columns and rows.
    pub fn pixels(self) -> (u32, u32) {
        match self {
            Self::Half => (1, 2),
            Self::Quadrant => (2, 2),
            Self::Sextant => (2, 3),
            Self::Ascii => (1, 1),
        }
    }
}

impl fmt::Display for CellStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A way of drawing as the user names it: a protocol, or a kind of character cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// How pictures are sent.
    pub protocol: Protocol,
    /// The kind of cells, where the name says so; `blocks` leaves it open.
    pub cells: Option<CellStyle>,
}

impl Drawing {
    /// Every name there is, in the order in which help texts list them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let protocols = Protocol::ALL.into_iter().map(Protocol::name);
        protocols.chain(CellStyle::ALL.into_iter().map(CellStyle::name))
    }

    /// The name that the command line and `CAMTUI_PROTOCOL` use.
    pub fn name(self) -> &'static str {
        self.cells.map_or(self.protocol.name(), CellStyle::name)
    }
}

impl From<Protocol> for Drawing {
    fn from(protocol: Protocol) -> Self {
        Self { protocol, cells: None }
    }
}

impl From<CellStyle> for Drawing {
    fn from(style: CellStyle) -> Self {
        Self { protocol: Protocol::Blocks, cells: Some(style) }
    }
}

/// A name that no way of drawing has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no protocol is called `{0}`; there are auto, kitty, iterm, sixel, blocks, halfblocks, quadrants, sextants, ascii \
     and none"
)]
pub struct UnknownProtocol(pub String);

impl FromStr for Drawing {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let wanted = name.trim().to_ascii_lowercase();
        if wanted == "iterm2" {
            return Ok(Protocol::Iterm.into());
        }
        let protocols = Protocol::ALL.into_iter().map(|protocol| (protocol.name(), Self::from(protocol)));
        let cells = CellStyle::ALL.into_iter().map(|style| (style.name(), Self::from(style)));
        protocols
            .chain(cells)
            .find_map(|(name, drawing)| (name == wanted).then_some(drawing))
            .ok_or_else(|| UnknownProtocol(crate::sanitise(name)))
    }
}

/// How many colours character cells can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// No colour at all: pictures become letters.
    None,
    /// The sixteen named colours.
    Ansi16,
    /// xterm's palette of 256.
    Ansi256,
    /// 24 bits a colour.
    True,
}

impl fmt::Display for Colours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Ansi16 => "16",
            Self::Ansi256 => "256",
            Self::True => "truecolor",
        })
    }
}

/// How pixels get to the terminal, and so how many of them are worth sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It has shown that it reads kitty's pictures from files of this machine.
    Files,
    /// Through the line, which may be quick.
    Line,
    /// Over SSH, where fewer bytes are worth more than pixels.
    Remote,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files",
            Self::Line => "the line",
            Self::Remote => "SSH",
        })
    }
}

/// How the capabilities came to be known, in sentences for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What the terminal was asked, or why it was not.
    pub asked: String,
    /// What it answered.
    pub answered: String,
    /// Why the protocol is the one it is.
    pub why: String,
    /// What the user should hear about, such as an environment variable that makes no sense.
    pub notices: Vec<String>,
}

/// What the terminal can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// How pictures are sent.
    pub protocol: Protocol,
    /// Whether there is a terminal at all, rather than a file or a pipe.
    pub terminal: bool,
    /// Width of the terminal in cells; 80 where there is none.
    pub cols: u16,
    /// Height of the terminal in cells; 24 where there is none.
    pub rows: u16,
    /// Width of one cell in pixels; a guess of 10 where the terminal does not say.
    pub cell_width_px: u16,
    /// Height of one cell in pixels; a guess of 20 where the terminal does not say.
    pub cell_height_px: u16,
    /// How many colours cells can have.
    pub colours: Colours,
    /// Which characters pictures become where the protocol is [`Protocol::Blocks`] and there are colours.
    pub cells: CellStyle,
    /// How much gets to the terminal how quickly.
    pub reach: Reach,
    /// The background colour as RGB, where the terminal told it.
    pub background: Option<[u8; 3]>,
    /// Whether the terminal itself, and not the environment or the user, said that it knows the protocol.
    pub confirmed: bool,
    /// Whether the terminal was asked and has not answered to the end, so that replies may still come.
    pub late_replies: bool,
    /// How all this came to be known.
    pub report: Report,
}

impl Capabilities {
    /// Capabilities of nothing: no terminal, nothing drawn. A starting point for tests and for output to files.
    pub fn none() -> Self {
        Self {
            protocol: Protocol::None,
            terminal: false,
            cols: 80,
            rows: 24,
            cell_width_px: 10,
            cell_height_px: 20,
            colours: Colours::None,
            cells: CellStyle::Half,
            reach: Reach::Line,
            background: None,
            confirmed: false,
            late_replies: false,
            report: Report::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_drawing() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(Drawing { protocol, cells: None }));
        }
        for style in CellStyle::ALL {
            assert_eq!(style.name().parse(), Ok(Drawing { protocol: Protocol::Blocks, cells: Some(style) }));
        }
        assert_eq!(" ITERM2 ".parse(), Ok(Drawing::from(Protocol::Iterm)));
        assert_eq!("sixels\u{1b}".parse::<Drawing>(), Err(UnknownProtocol("sixels␛".into())));
    }

    #[test]
    fn the_error_names_every_drawing() {
        let text = UnknownProtocol(String::new()).to_string();
        let all = Protocol::ALL.map(Protocol::name).into_iter().chain(CellStyle::ALL.map(CellStyle::name));
        assert!(all.into_iter().all(|name| text.contains(name)), "{text}");
    }
}
