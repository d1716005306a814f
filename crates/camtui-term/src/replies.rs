//! Reads what a terminal answers. Bytes come in pieces of any size, keys that the user types meanwhile lie between the
//! replies, and a terminal may answer with anything, so this is a small tokeniser that never fails: what it does not
//! know, it passes over.
//!
//! [`crate::query`] asks and feeds it; it knows nothing of files or time.

/// An escape string that has not ended after this many bytes is no reply to anything that was asked.
const LONGEST_STRING: usize = 4096;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CTRL_C: u8 = 0x03;

/// What the terminal has answered so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// To the kitty graphics question: whether it can. `None` without a reply.
    pub kitty: Option<bool>,
    /// To the question whether kitty graphics may come in files of this machine. `None` without a reply.
    pub kitty_files: Option<bool>,
    /// One cell's width and height in pixels.
    pub cell_px: Option<(u16, u16)>,
    /// The text area's width and height in pixels.
    pub area_px: Option<(u16, u16)>,
    /// The background as RGB.
    pub background: Option<[u8; 3]>,
    /// The terminal's name and version, as it calls itself.
    pub name: Option<String>,
    /// The numbers of the primary device attributes: this reply is the last one.
    pub attributes: Option<Vec<u16>>,
    /// Whether the user pressed Ctrl-C meanwhile.
    pub interrupted: bool,
}

impl Answers {
    /// Whether the terminal draws sixels: attribute 4, not counting the first number, which is the terminal's class.
    pub fn sixel(&self) -> bool {
        self.attributes.as_ref().is_some_and(|numbers| numbers.iter().skip(1).any(|&number| number == 4))
    }

    /// How many replies have come.
    pub fn count(&self) -> usize {
        [
            self.kitty.is_some(),
            self.kitty_files.is_some(),
            self.cell_px.is_some(),
            self.area_px.is_some(),
            self.background.is_some(),
            self.name.is_some(),
            self.attributes.is_some(),
        ]
        .into_iter()
        .filter(|&came| came)
        .count()
    }
}

/// The tokeniser: [`Replies::feed`] takes bytes as they come.
#[derive(Debug, Default)]
pub struct Replies {
    /// Bytes that do not make a whole token yet.
    pending: Vec<u8>,
    answers: Answers,
}

/// One piece of input.
enum Token<'a> {
    /// `ESC [ … final`, without the introducer.
    Csi(&'a [u8]),
    /// `ESC kind … ST`, without introducer and end.
    String(u8, &'a [u8]),
    /// Anything else: a key.
    Byte(u8),
}

impl Replies {
    /// Takes bytes and returns what is known by now.
    pub fn feed(&mut self, bytes: &[u8]) -> &Answers {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some((token, length)) = next_token(rest) {
            self.take(&token);
            rest = &rest[length..];
        }
        self.pending = rest.to_vec();
        &self.answers
    }

    /// What is known by now.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Whether the last bytes are the beginning of a reply.
    pub fn in_the_middle(&self) -> bool {
        !self.pending.is_empty()
    }

    fn take(&mut self, token: &Token<'_>) {
        match token {
            Token::Byte(CTRL_C) => self.answers.interrupted = true,
            Token::Csi(body) => self.take_csi(body),
            Token::String(b'_', body) => {
                if let Some(reply) = body.strip_prefix(b"G") {
                    let mut parts = reply.splitn(2, |&byte| byte == b';');
                    let keys = parts.next().unwrap_or_default();
                    let yes = Some(parts.next() == Some(b"OK"));
                    let about_files = format!("i={}", crate::kitty::FILE_QUESTION);
                    if keys.split(|&byte| byte == b',').any(|key| key == about_files.as_bytes()) {
                        self.answers.kitty_files = yes;
                    } else {
                        self.answers.kitty = yes;
                    }
                }
            }
            Token::String(b']', body) => {
                if let Some(colour) = body.strip_prefix(b"11;") {
                    self.answers.background = colour_of(colour).or(self.answers.background);
                }
            }
            Token::String(b'P', body) => {
                if let Some(name) = body.strip_prefix(b">|") {
                    let name = crate::sanitise(&String::from_utf8_lossy(name));
                    self.answers.name = Some(crate::truncate_to_width(&name, 60));
                }
            }
            Token::Byte(_) | Token::String(..) => {}
        }
    }

    fn take_csi(&mut self, body: &[u8]) {
        let Some((&last, parameters)) = body.split_last() else { return };
        if let (b'c', Some(numbers)) = (last, parameters.strip_prefix(b"?")) {
            self.answers.attributes = Some(numbers_of(numbers));
        } else if last == b't' {
            // `6;height;width` is a cell, `4;height;width` the text area. Some terminals answer zeros.
            if let [kind, height @ 1..=u16::MAX, width @ 1..=u16::MAX] = numbers_of(parameters)[..] {
                match kind {
                    6 => self.answers.cell_px = Some((width, height)),
                    4 => self.answers.area_px = Some((width, height)),
                    _ => {}
                }
            }
        }
    }
}

/// The first token and its length in bytes, or nothing if it has not come whole.
fn next_token(bytes: &[u8]) -> Option<(Token<'_>, usize)> {
    match *bytes {
        [] | [ESC] => None,
        [ESC, b'[', ..] => {
            let end = bytes[2..].iter().position(|byte| !(0x20..=0x3f).contains(byte))? + 2;
            // A sequence cut short by a control character is none.
            let whole = (0x40..=0x7e).contains(&bytes[end]);
            Some(if whole { (Token::Csi(&bytes[2..=end]), end + 1) } else { (Token::Byte(ESC), 1) })
        }
        [ESC, kind @ (b'_' | b']' | b'P' | b'^' | b'X'), ..] => {
            let body = &bytes[2..];
            for (at, pair) in body.iter().enumerate() {
                match (pair, body.get(at + 1)) {
                    (&BEL, _) => return Some((Token::String(kind, &body[..at]), at + 3)),
                    (&ESC, Some(b'\\')) => return Some((Token::String(kind, &body[..at]), at + 4)),
                    // Another sequence begins: this one was never ended.
                    (&ESC, Some(_)) => return Some((Token::Byte(ESC), at + 2)),
                    _ => {}
                }
            }
            (body.len() > LONGEST_STRING).then_some((Token::Byte(ESC), bytes.len()))
        }
        [first, ..] => Some((Token::Byte(first), 1)),
    }
}

/// Numbers between semicolons; what is no number is left out.
fn numbers_of(text: &[u8]) -> Vec<u16> {
    text.split(|&byte| byte == b';').filter_map(|part| std::str::from_utf8(part).ok()?.parse().ok()).collect()
}

/// An X colour: `rgb:RR/GG/BB` with one to four hexadecimal digits each, `rgba:` with a fourth part, or `#RRGGBB`.
fn colour_of(text: &[u8]) -> Option<[u8; 3]> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(digits) = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii()) {
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        return Some([channel(0)?, channel(2)?, channel(4)?]);
    }
    let parts = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut channels = parts.split('/').map(|part| {
        let value = u32::from_str_radix(part, 16).ok().filter(|_| (1..=4).contains(&part.len()))?;
        let full = (1_u32 << (4 * part.len())) - 1;
        Some(((value * 255 + full / 2) / full) as u8)
    });
    Some([channels.next()??, channels.next()??, channels.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KITTY: &[u8] = b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\\x1b]11;rgb:1e1e/2020/ffff\x1b\\\x1b[6;20;10t\x1b[?62;52;c";

    fn read(bytes: &[u8]) -> Answers {
        Replies::default().feed(bytes).clone()
    }

    #[test]
    fn a_whole_answer() {
        let answers = read(KITTY);
        assert_eq!(
            answers,
            Answers {
                kitty: Some(true),
                kitty_files: None,
                cell_px: Some((10, 20)),
                area_px: None,
                background: Some([0x1e, 0x20, 0xff]),
                name: Some("kitty(0.42.1)".into()),
                attributes: Some(vec![62, 52]),
                interrupted: false,
            }
        );
        assert_eq!(answers.count(), 5);
        assert!(!answers.sixel());
    }

    #[test]
    fn split_anywhere_it_reads_the_same() {
        let whole = read(KITTY);
        for at in 0..KITTY.len() {
            let mut replies = Replies::default();
            replies.feed(&KITTY[..at]);
            assert_eq!(*replies.feed(&KITTY[at..]), whole, "split at {at}");
            assert!(!replies.in_the_middle());
        }
        let mut replies = Replies::default();
        for byte in KITTY {
            replies.feed(&[*byte]);
        }
        assert_eq!(*replies.answers(), whole);
    }

    #[test]
    fn sixel_is_attribute_four_but_not_class_four() {
        assert!(read(b"\x1b[?62;4;6;22c").sixel());
        assert!(read(b"\x1b[?65;1;9;4c").sixel());
        assert!(!read(b"\x1b[?4;6c").sixel());
        assert!(!read(b"\x1b[?62;42;14c").sixel());
        assert!(!read(b"\x1b[?1;2c").sixel());
    }

    #[test]
    fn a_refusal_is_an_answer() {
        assert_eq!(read(b"\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\").kitty, Some(false));
    }

    #[test]
    fn the_answer_about_files_is_its_own() {
        let answers = read(b"\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;EBADF:no such file\x1b\\");
        assert_eq!((answers.kitty, answers.kitty_files), (Some(true), Some(false)));
        assert_eq!(read(b"\x1b_Gi=32;OK\x1b\\").kitty_files, Some(true));
    }

    #[test]
    fn keys_between_replies_do_no_harm_and_control_c_is_seen() {
        let answers = read(b"jk\x1b[A\x1b_Gi=31;OK\x1b\\c\x1b[200~\x1b[?1;2c\x1bOP");
        assert_eq!(answers.kitty, Some(true));
        assert_eq!(answers.attributes, Some(vec![1, 2]));
        assert!(!answers.interrupted);
        assert!(read(b"a\x03").interrupted);
    }

    #[test]
    fn garbage_leaves_nothing_known() {
        for garbage in [
            &b"\xff\xfe\x00\x9b\x1b"[..],
            b"\x1b[6;0;0t\x1b[4t\x1b[6;70000;3t",
            b"\x1b]11;rgb:zz/00/00\x07\x1b]11;rgb:1/2\x07\x1b]11;#12345\xc3\xa9\x07",
            b"\x1b[?\x1b[;;;\x18",
        ] {
            assert_eq!(read(garbage), Answers::default(), "{garbage:?}");
        }
        let endless = [b"\x1b_G".as_slice(), &vec![b'x'; 10_000], b"\x1b[?1;4c"].concat();
        assert!(read(&endless).sixel(), "a string without an end must not swallow what follows");
    }

    #[test]
    fn colours_of_every_depth() {
        assert_eq!(colour_of(b"rgb:f/0/8"), Some([255, 0, 136]));
        assert_eq!(colour_of(b"rgb:ff/00/80"), Some([255, 0, 128]));
        assert_eq!(colour_of(b"rgba:ffff/0000/8080/ffff"), Some([255, 0, 128]));
        assert_eq!(colour_of(b"#0a0B0c"), Some([10, 11, 12]));
    }
}
