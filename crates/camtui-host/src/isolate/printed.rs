//! What a child prints. Its standard output and error are pipes that are read here: a plugin that prints must not
//! reach the terminal, and what it printed last often tells why it died.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

/// Most lines of a call that are kept.
const LINE_LIMIT: usize = 50;
/// Most bytes of a line.
const LENGTH_LIMIT: usize = 1_000;
/// Most bytes that are read at a stretch, so that one who prints without end does not keep the program from
/// looking at anything else.
const AT_ONCE: usize = 1 << 18;

/// One of the two pipes.
pub(super) struct Pipe {
    from: Option<Box<dyn Readable>>,
    partial: Vec<u8>,
    lines: Vec<String>,
    /// Lines printed, the ones that were not kept among them.
    count: usize,
    closed: bool,
}

/// A pipe's reading end.
pub(super) trait Readable: Read + AsFd + Send {}
impl<T: Read + AsFd + Send> Readable for T {}

/// What came out of a pipe in a call.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The first ones, without control characters.
    pub first: Vec<String>,
    /// How many there were.
    pub count: usize,
    /// Whether the child closed its end.
    pub closed: bool,
}

impl Pipe {
    pub fn new(from: impl Readable + 'static) -> std::io::Result<Self> {
        rustix::io::ioctl_fionbio(&from, true)?;
        let from: Option<Box<dyn Readable>> = Some(Box::new(from));
        Ok(Self { from, partial: Vec::new(), lines: Vec::new(), count: 0, closed: false })
    }

    /// To wait for; none once it is closed.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.from.as_ref().map(|from| from.as_fd())
    }

    /// Reads what is there now.
    pub fn drain(&mut self) {
        let mut bytes = [0; 8192];
        let mut left = AT_ONCE;
        while let Some(from) = &mut self.from
            && left > 0
        {
            match from.read(&mut bytes) {
                Ok(0) => {
                    self.from = None;
                    self.closed = true;
                }
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.add(&bytes[..count]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else if self.partial.len() < LENGTH_LIMIT {
                self.partial.push(byte);
            }
        }
    }

    fn end_line(&mut self) {
        self.count += 1;
        if self.lines.len() < LINE_LIMIT {
            self.lines.push(crate::clean(&String::from_utf8_lossy(&self.partial), LENGTH_LIMIT));
        }
        self.partial.clear();
    }

    /// All since the last time.
    pub fn take(&mut self) -> Lines {
        self.drain();
        if !self.partial.is_empty() {
            self.end_line();
        }
        let closed = std::mem::take(&mut self.closed);
        Lines { first: std::mem::take(&mut self.lines), count: std::mem::take(&mut self.count), closed }
    }

    /// The lines that were kept so far, and what is not a line yet.
    pub fn so_far(&self) -> impl Iterator<Item = String> {
        let partial = crate::clean(&String::from_utf8_lossy(&self.partial), LENGTH_LIMIT);
        self.lines.iter().cloned().chain((!partial.is_empty()).then_some(partial))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_are_bounded_and_clean() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut pipe = Pipe::new(reader).unwrap();
        assert!(pipe.take().first.is_empty());
        write!(writer, "red\x1b[31m\nnext\nhalf").unwrap();
        let lines = pipe.take();
        assert_eq!(lines.first, [r"red\u{1b}[31m", "next", "half"]);
        assert_eq!((lines.count, lines.closed), (3, false));
        for _ in 0..1_000 {
            writeln!(writer, "again").unwrap();
        }
        drop(writer);
        let lines = pipe.take();
        assert_eq!((lines.first.len(), lines.count, lines.closed), (LINE_LIMIT, 1_000, true));
        assert!(pipe.fd().is_none() && !pipe.take().closed);
    }
}
