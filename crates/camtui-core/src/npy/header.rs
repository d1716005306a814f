//! The header of an array file: a Python dictionary with the three keys `descr`, `fortran_order` and `shape`.

use super::NpyError;

/// The most axes NumPy itself allows.
const MAX_RANK: usize = 64;

/// What the header says.
pub(super) struct Header {
    pub kind: Kind,
    pub big_endian: bool,
    pub fortran: bool,
    pub shape: Vec<usize>,
}

/// The type of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    F32,
    F64,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    Bool,
}

impl Kind {
    /// Bytes a value takes.
    pub(super) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::F16 | Self::U16 | Self::I16 => 2,
            Self::F32 | Self::U32 | Self::I32 => 4,
            Self::F64 | Self::U64 | Self::I64 => 8,
        }
    }

    /// The value in the first [`Kind::size`] bytes.
    pub(super) fn value(self, bytes: &[u8], big_endian: bool) -> f32 {
        // Every type is widened from the same eight bytes, least significant first.
        let mut wide = [0u8; 8];
        let size = self.size();
        for (i, &byte) in bytes[..size].iter().enumerate() {
            wide[if big_endian { size - 1 - i } else { i }] = byte;
        }
        let bits = u64::from_le_bytes(wide);
        match self {
            Self::F16 => half::f16::from_bits(bits as u16).to_f32(),
            Self::F32 => f32::from_bits(bits as u32),
            Self::F64 => f64::from_bits(bits) as f32,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => bits as f32,
            Self::I8 => bits as i8 as f32,
            Self::I16 => bits as i16 as f32,
            Self::I32 => bits as i32 as f32,
            Self::I64 => bits as i64 as f32,
            Self::Bool => f32::from(u8::from(bits != 0)),
        }
    }

    /// From NumPy's code without its byte order, as `f4`.
    fn parse(code: &str) -> Option<Self> {
        Some(match code {
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "u4" => Self::U32,
            "u8" => Self::U64,
            "i1" => Self::I8,
            "i2" => Self::I16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "b1" => Self::Bool,
            _ => return None,
        })
    }
}

impl Header {
    /// Parses the dictionary; keys may come in any order, each exactly once.
    pub(super) fn parse(text: &str) -> Result<Self, NpyError> {
        let mut reader = Reader { rest: text };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        reader.expect('{')?;
        while !reader.take('}') {
            let key = reader.string()?;
            reader.expect(':')?;
            let twice = match key {
                "descr" => descr.replace(reader.descr()?).is_some(),
                "fortran_order" => fortran.replace(reader.boolean()?).is_some(),
                "shape" => shape.replace(reader.shape()?).is_some(),
                _ => return Err(NpyError::Header(format!("unknown key {key:?}"))),
            };
            if twice {
                return Err(NpyError::Header(format!("{key:?} comes twice")));
            }
            if !reader.take(',') {
                reader.expect('}')?;
                break;
            }
        }
        if !reader.rest.trim().is_empty() {
            return Err(NpyError::Header("something follows the dictionary".to_owned()));
        }
        let missing = |key: &str| NpyError::Header(format!("{key} is missing"));
        let (kind, big_endian) = descr.ok_or_else(|| missing("descr"))?;
        let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Self { kind, big_endian, fortran, shape })
    }
}

/// Takes Python literals off the front of a text.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(wanted);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), NpyError> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(&format!("'{wanted}'"))) }
    }

    fn unexpected(&self, wanted: &str) -> NpyError {
        let here: String = self.rest.chars().take(20).collect();
        NpyError::Header(format!("{wanted} expected at {here:?}"))
    }

    fn string(&mut self) -> Result<&'a str, NpyError> {
        let quote = if self.take('\'') {
            '\''
        } else if self.take('"') {
            '"'
        } else {
            return Err(self.unexpected("a string"));
        };
        let (text, rest) = self.rest.split_once(quote).ok_or_else(|| self.unexpected("a closing quote"))?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool, NpyError> {
        let rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn descr(&mut self) -> Result<(Kind, bool), NpyError> {
        if self.rest.trim_start().starts_with('[') {
            return Err(NpyError::Type("records of several fields".to_owned()));
        }
        let descr = self.string()?;
        let (big_endian, code) = match descr.split_at_checked(1) {
            Some((">", code)) => (true, code),
            Some(("<" | "|" | "=", code)) => (false, code),
            _ => (false, descr),
        };
        let kind = Kind::parse(code).ok_or_else(|| NpyError::Type(format!("values of type {descr:?}")))?;
        Ok((kind, big_endian))
    }

    fn shape(&mut self) -> Result<Vec<usize>, NpyError> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let rest = self.rest.trim_start();
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = rest.split_at(digits);
            let number = number.parse().map_err(|_| self.unexpected("a length"))?;
            // Python 2 wrote long integers with an L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if shape.len() == MAX_RANK {
                return Err(NpyError::Header(format!("more than {MAX_RANK} axes")));
            }
            shape.push(number);
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}
