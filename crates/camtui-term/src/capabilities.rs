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
    /// Character cells: half blocks in colour, or letters where there is no colour.
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

/// A name that is no protocol's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no protocol is called `{0}`; there are auto, kitty, iterm, sixel, blocks and none")]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let wanted = name.trim().to_ascii_lowercase();
        if wanted == "iterm2" {
            return Ok(Self::Iterm);
        }
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == wanted)
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
    fn every_name_parses_to_its_protocol() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
        }
        assert_eq!(" ITERM2 ".parse(), Ok(Protocol::Iterm));
        assert_eq!("sixels\u{1b}".parse::<Protocol>(), Err(UnknownProtocol("sixels␛".into())));
    }
}
