//! Fills a part with the bytes of a file, over as many connections as it takes, within bounds.
//!
//! A connection that breaks is taken up again where it broke. What ends the attempt: an answer that will not
//! change, a server that offers another file, or several failures in a row with nothing to show for them.
//! Whether the bytes are the right ones is asked afterwards, of the file: here only lengths are watched.

use std::io::Read;
use std::time::{Duration, Instant};

use super::error::{Kept, PullError};
use super::part::Part;
use super::progress::Progress;
use super::request::{Answer, request};
use super::settings::Settings;
use crate::store::catalogue::Download;

/// Failures in a row before giving up.
const ATTEMPTS: u32 = 4;
/// A connection that brought this much was worth it: the failures are counted anew.
const WORTH_IT: u64 = 1 << 20;
/// Below this many bytes a second a connection counts as broken, so that a server cannot drip for ever.
const SLOWEST: u64 = 256;

/// Fills `part` up to the file's size. Returns whether bytes from different connections were put together,
/// so that a wrong hash may be the joint's fault.
pub fn download(
    file: &Download,
    settings: &Settings,
    part: &mut Part,
    progress: &dyn Progress,
) -> Result<bool, PullError> {
    // Longer than the file can be: left by something else.
    if part.len() > file.size {
        part.cut(0)?;
    }
    let mut joined = part.len() > 0;
    let mut heard = false;
    let mut failures = 0;
    while part.len() < file.size {
        let before = part.len();
        let why = match request(settings, before, file.size) {
            Answer::Bytes { from, body } => {
                heard = true;
                part.cut(from)?;
                joined = from > 0;
                match receive(body, file, settings, part, progress)? {
                    None => break,
                    Some(why) => {
                        if part.len() >= from + WORTH_IT {
                            failures = 0;
                        }
                        why
                    }
                }
            }
            Answer::NoSuchRange => {
                heard = true;
                part.cut(0)?;
                continue;
            }
            Answer::OtherLength { found, web_page } => {
                let (url, expected) = (settings.url.clone(), file.size);
                return Err(PullError::WrongOffer { url, found, expected, web_page });
            }
            Answer::Refused(status) => {
                let (url, help) = (settings.url.clone(), settings.help.clone());
                return Err(PullError::Status { url, status, help });
            }
            // The network may come back under a running download; when it was never there, waiting is no use.
            Answer::Failed { why, nobody } if nobody && !heard => {
                return Err(given_up(settings, part, why, 1));
            }
            Answer::Failed { why, .. } => why,
        };
        failures += 1;
        if failures == ATTEMPTS {
            return Err(given_up(settings, part, why, failures));
        }
        progress.again(&why);
        std::thread::sleep(settings.pause * 2_u32.pow(failures - 1));
    }
    Ok(joined)
}

/// Appends a body to the part. `None`: the file is full; otherwise why it is not.
fn receive(
    mut body: Box<dyn Read>,
    file: &Download,
    settings: &Settings,
    part: &mut Part,
    progress: &dyn Progress,
) -> Result<Option<String>, PullError> {
    let mut buffer = vec![0; 1 << 16];
    let mut window = Window::new(settings.silence);
    loop {
        progress.at(part.len());
        let count = match body.read(&mut buffer) {
            Ok(0) if part.len() < file.size => {
                return Ok(Some(format!("the connection ended after {} of {} bytes", part.len(), file.size)));
            }
            Ok(0) => return Ok(None),
            Ok(count) => count,
            // All the bytes are there: how the connection ended does not matter.
            Err(_) if part.len() == file.size => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        };
        if part.len() + count as u64 > file.size {
            let found = part.len() + count as u64;
            part.cut(0)?;
            let (url, expected) = (settings.url.clone(), file.size);
            return Err(PullError::WrongOffer { url, found, expected, web_page: false });
        }
        part.append(&buffer[..count])?;
        if window.too_slow(count as u64) {
            return Ok(Some(format!("fewer than {SLOWEST} bytes a second came")));
        }
    }
}

/// The bytes of the last stretch of time.
struct Window {
    length: Duration,
    start: Instant,
    bytes: u64,
}

impl Window {
    fn new(length: Duration) -> Self {
        Self { length, start: Instant::now(), bytes: 0 }
    }

    fn too_slow(&mut self, bytes: u64) -> bool {
        self.bytes += bytes;
        let passed = self.start.elapsed();
        if passed < self.length {
            return false;
        }
        let slow = (self.bytes as f64) < SLOWEST as f64 * passed.as_secs_f64();
        *self = Self::new(self.length);
        slow
    }
}

fn given_up(settings: &Settings, part: &Part, last: String, attempts: u32) -> PullError {
    let (url, help) = (settings.url.clone(), settings.help.clone());
    PullError::Unreachable { url, last, attempts, kept: Kept(part.len()), help }
}
