//! One graphics command: `ESC _ G key=value,… ; payload ESC \`, taken apart.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding is optional on the wire.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A command's keys and its payload as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    keys: BTreeMap<char, String>,
    payload: Vec<u8>,
}

impl Command {
    /// Takes apart what stands between `ESC _ G` and `ESC \`.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let end = body.iter().position(|&byte| byte == b';').unwrap_or(body.len());
        let text = std::str::from_utf8(&body[..end]).map_err(|_| "control data that is no text")?;
        let mut keys = BTreeMap::new();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no key=value"))?;
            let mut letters = key.chars();
            let (Some(key), None) = (letters.next(), letters.next()) else {
                return Err(format!("{key:?} is no key of one letter"));
            };
            if keys.insert(key, value.to_owned()).is_some() {
                return Err(format!("{key} is given twice"));
            }
        }
        Ok(Self { keys, payload: body.get(end + 1..).unwrap_or_default().to_vec() })
    }

    /// What to do; `t`, to transmit, where it is not said.
    pub fn action(&self) -> char {
        self.letter('a', 't')
    }

    /// A key whose value is a letter.
    pub fn letter(&self, key: char, otherwise: char) -> char {
        self.keys.get(&key).and_then(|value| value.chars().next()).unwrap_or(otherwise)
    }

    /// A key whose value is a number; 0 where it is not given or none.
    pub fn number(&self, key: char) -> u32 {
        self.keys.get(&key).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// The layer: the one number that may be negative.
    pub fn layer(&self) -> i32 {
        self.keys.get(&'z').and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Whether more chunks of the same command follow.
    pub fn has_more(&self) -> bool {
        self.number('m') == 1
    }

    /// Whether it may continue another one: such chunks say only whether more follow, and how quiet the answer is to be.
    pub fn continues(&self) -> bool {
        self.keys.keys().all(|key| matches!(key, 'm' | 'q'))
    }

    /// Appends the next chunk.
    pub fn append(&mut self, next: &Self) {
        self.payload.extend_from_slice(&next.payload);
        self.keys.insert('m', u32::from(next.has_more()).to_string());
    }

    /// The payload's bytes.
    pub fn decoded(&self) -> Result<Vec<u8>, String> {
        BASE64.decode(&self.payload).map_err(|error| format!("a payload that is not base64: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_payload_are_told_apart() {
        let command = Command::parse(b"a=T,f=32,i=7,z=-3,m=1;AAEC").unwrap();
        assert_eq!((command.action(), command.number('i'), command.layer()), ('T', 7, -3));
        assert!(command.has_more() && !command.continues());
        assert_eq!(command.decoded().unwrap(), [0, 1, 2]);
        assert_eq!(Command::parse(b"i=1").unwrap().action(), 't');
        for wrong in [&b"a"[..], b"aa=1", b"a=1,a=2", b"\xff=1"] {
            assert!(Command::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn chunks_make_one_payload() {
        let mut command = Command::parse(b"i=1,m=1;AAE").unwrap();
        let next = Command::parse(b"q=2,m=0;C").unwrap();
        assert!(next.continues());
        command.append(&next);
        assert!(!command.has_more());
        assert_eq!(command.decoded().unwrap(), [0, 1, 2]);
        assert!(Command::parse(b"a=t;*").unwrap().decoded().is_err());
    }
}
