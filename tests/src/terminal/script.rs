//! What a scripted terminal answers, and how fast it reads.

use std::time::Duration;

/// What a terminal answers to each request that it knows, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Requests and their answers.
    pub answers: &'static [(&'static str, Answer)],
    /// Before each answer.
    pub delay: Duration,
    /// A slow line: after so many bytes nothing is read for a while.
    pub reading: Option<(usize, Duration)>,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Always the same.
    Fixed(&'static str),
    /// A cell's size in pixels.
    Cell,
    /// The text area's size in pixels.
    Area,
    /// The background's colour.
    Background,
}

/// What some answers depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns and rows.
    pub size: (u16, u16),
    /// A cell's width and height in pixels.
    pub cell: (u16, u16),
    /// The background's colour.
    pub background: [u8; 3],
}

impl Answer {
    /// The bytes that are sent back.
    pub fn text(self, look: &Look) -> String {
        let (width, height) = look.cell;
        match self {
            Self::Fixed(text) => text.to_owned(),
            Self::Cell => format!("\x1b[6;{height};{width}t"),
            Self::Area => {
                let (cols, rows) = look.size;
                format!("\x1b[4;{};{}t", u32::from(rows * height), u32::from(cols * width))
            }
            Self::Background => {
                let [r, g, b] = look.background;
                format!("\x1b]11;rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}\x1b\\")
            }
        }
    }
}

/// The question for kitty graphics, up to where its number may differ.
const KITTY_QUESTION: &str = "a=q,t=d,f=24;AAAA\x1b\\";
const KITTY_GRAPHICS: (&str, Answer) = (KITTY_QUESTION, Answer::Fixed("\x1b_Gi=31;OK\x1b\\"));

/// Knows kitty graphics, its own name, its measures and its colours.
pub const KITTY: Script = Script {
    answers: &[
        KITTY_GRAPHICS,
        ("\x1b[>q", Answer::Fixed("\x1bP>|kitty(0.42.1)\x1b\\")),
        ("\x1b[16t", Answer::Cell),
        ("\x1b[14t", Answer::Area),
        ("\x1b]11;?", Answer::Background),
        ("\x1b[c", Answer::Fixed("\x1b[?62;52;c")),
    ],
    delay: Duration::ZERO,
    reading: None,
};

/// The same on this machine, so that pictures may come in files.
pub const KITTY_FILES: Script = Script {
    answers: &[
        KITTY_GRAPHICS,
        ("i=32,s=1,v=1,a=q,t=f,f=24;", Answer::Fixed("\x1b_Gi=32;OK\x1b\\")),
        ("\x1b[>q", Answer::Fixed("\x1bP>|kitty(0.42.1)\x1b\\")),
        ("\x1b[16t", Answer::Cell),
        ("\x1b[14t", Answer::Area),
        ("\x1b]11;?", Answer::Background),
        ("\x1b[c", Answer::Fixed("\x1b[?62;52;c")),
    ],
    delay: Duration::ZERO,
    reading: None,
};

/// Knows kitty graphics and takes 200 ms a reply.
pub const SLOW: Script = Script {
    answers: &[KITTY_GRAPHICS, ("\x1b[16t", Answer::Cell), ("\x1b[c", Answer::Fixed("\x1b[?62;c"))],
    delay: Duration::from_millis(200),
    reading: None,
};

/// Knows kitty graphics, at the other end of a slow line: 64 KiB, then nothing for 200 ms.
pub const FAR: Script = Script { reading: Some((64 << 10, Duration::from_millis(200))), ..KITTY };

/// Knows sixel.
pub const SIXEL: Script = Script {
    answers: &[("\x1b[14t", Answer::Area), ("\x1b[c", Answer::Fixed("\x1b[?62;4;22c"))],
    delay: Duration::ZERO,
    reading: None,
};

/// Knows letters and colours.
pub const PLAIN: Script =
    Script { answers: &[("\x1b[c", Answer::Fixed("\x1b[?1;2c"))], delay: Duration::ZERO, reading: None };

/// Answers nothing.
pub const SILENT: Script = Script { answers: &[], delay: Duration::ZERO, reading: None };

/// Requests, none of which may be made when there is nothing to find out.
pub const REQUESTS: [&str; 5] = ["a=q", "\x1b[c", "\x1b[16t", "\x1b[>q", "\x1b]11;?"];

/// The answers to a stream of requests, in the order in which they were asked.
pub(super) struct Answering {
    script: Script,
    unanswered: Vec<u8>,
}

impl Answering {
    pub(super) fn new(script: Script) -> Self {
        Self { script, unanswered: Vec::new() }
    }

    /// Takes what came and says what is to be answered.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Answer> {
        // A request may come in two pieces; no request is longer than this.
        const LONGEST: usize = 64;
        let mut answers = Vec::new();
        if self.script.answers.is_empty() {
            return answers;
        }
        self.unanswered.extend_from_slice(bytes);
        let next = |bytes: &[u8]| {
            let found = self.script.answers.iter().filter_map(|(request, answer)| {
                Some((find(bytes, request.as_bytes())?, request.len(), *answer))
            });
            found.min_by_key(|(at, ..)| *at)
        };
        let mut from = 0;
        while let Some((at, length, answer)) = next(&self.unanswered[from..]) {
            answers.push(answer);
            from += at + length;
        }
        let kept = (self.unanswered.len() - from).min(LONGEST);
        self.unanswered.drain(..self.unanswered.len() - kept);
        answers
    }
}

/// Where some bytes first occur.
pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    // Searching for the first byte alone keeps long pictures cheap.
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == wanted[0]) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_in_their_order_however_they_come() {
        let question = b"\x1b_Gi=1,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[14t\x1b]11;?\x1b\\\x1b[c";
        let look = Look { size: (80, 24), cell: (10, 20), background: [0, 16, 255] };
        let expected = [
            "\x1b_Gi=31;OK\x1b\\",
            "\x1b[6;20;10t",
            "\x1b[4;480;800t",
            "\x1b]11;rgb:0000/1010/ffff\x1b\\",
            "\x1b[?62;52;c",
        ];
        for size in [1, 7, 1000] {
            let mut answering = Answering::new(KITTY);
            let answers: Vec<String> = question
                .chunks(size)
                .flat_map(|piece| answering.take(piece))
                .map(|answer| answer.text(&look))
                .collect();
            assert_eq!(answers, expected, "in pieces of {size}");
        }
        assert!(Answering::new(SILENT).take(question).is_empty());
    }
}
