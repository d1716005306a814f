//! NumPy's array files (`.npy`): how exact tensors come in and raw maps go out.
//!
//! Read: versions 1 to 3 of the format, floats, integers and booleans of any byte order, C or Fortran order, always
//! into f32. Written: version 1, little-endian f32, C order. What is in the file is never evaluated: the header is a
//! Python literal, and only the one form it can take is understood.
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::path::Path;

use crate::Tensor;
use crate::file::{ReadError, read_regular};

mod header;

use header::Header;

/// The most bytes that are read from a file: 1 GiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// The first bytes of every such file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read: NumPy itself never writes one of this length for the types read here.
const MAX_HEADER: usize = 64 * 1024;

/// The most values a tensor may have.
const MAX_VALUES: usize = 1 << 28;

/// Why an array was not read.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// The file could not be read at all.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is no `.npy` file.
    #[error("this is no NumPy array: it does not begin with \\x93NUMPY")]
    Magic,
    /// A version that does not exist yet.
    #[error("this NumPy array is of format version {0}.{1}; versions 1 to 3 are read")]
    Version(u8, u8),
    /// The header is longer than the file or than any header needs to be.
    #[error("the NumPy array's header claims {0} bytes, which cannot be")]
    HeaderLength(usize),
    /// The header is not the dictionary it should be.
    #[error("the NumPy array's header is damaged: {0}")]
    Header(String),
    /// A type of value that has no meaning as a pixel or an activation.
    #[error(
        "the NumPy array holds {0}; floats, integers and booleans are read (save it with .astype('float32'))"
    )]
    Type(String),
    /// More values than are taken.
    #[error("the NumPy array's shape {0:?} is too large: at most {MAX_VALUES} values are read")]
    TooLarge(Vec<usize>),
    /// The data is shorter or longer than the shape says.
    #[error("the NumPy array of shape {shape:?} needs {expected} bytes of data, and has {found}")]
    DataLength {
        /// The shape in the header.
        shape: Vec<usize>,
        /// The bytes that shape and type need.
        expected: usize,
        /// The bytes that follow the header.
        found: usize,
    },
}

/// Reads an array file as f32, row-major.
pub fn read(path: &Path) -> Result<Tensor, NpyError> {
    read_bytes(&read_regular(path, MAX_FILE_BYTES)?)
}

/// Reads an array from the bytes of its file as f32, row-major.
pub fn read_bytes(bytes: &[u8]) -> Result<Tensor, NpyError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(NpyError::Magic)?;
    let damaged = || NpyError::Header("the file ends within it".to_owned());
    let (&[major, minor], rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
            (u16::from_le_bytes(*length) as usize, rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return Err(NpyError::Version(major, minor)),
    };
    if length > MAX_HEADER || length > rest.len() {
        return Err(NpyError::HeaderLength(length));
    }
    let (text, data) = rest.split_at(length);
    let text = std::str::from_utf8(text).map_err(|_| NpyError::Header("it is not text".to_owned()))?;
    let Header { kind, big_endian, fortran, shape } = Header::parse(text)?;

    let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    let count =
        count.filter(|&count| count <= MAX_VALUES).ok_or_else(|| NpyError::TooLarge(shape.clone()))?;
    let expected = count * kind.size();
    if data.len() != expected {
        return Err(NpyError::DataLength { shape, expected, found: data.len() });
    }
    let values: Vec<f32> =
        data.chunks_exact(kind.size()).map(|bytes| kind.value(bytes, big_endian)).collect();
    let values = if fortran { row_major(&shape, &values) } else { values };
    Ok(Tensor::new(shape, values).expect("the number of values was checked against the shape"))
}

/// Reorders column-major values.
fn row_major(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let mut index = vec![0usize; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let offset = index.iter().zip(shape).rev().fold(0, |offset, (&i, &n)| offset * n + i);
        out.push(values[offset]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// The bytes of an array file: version 1, little-endian f32, row-major.
pub fn write(tensor: &Tensor) -> Vec<u8> {
    let shape: Vec<String> = tensor.shape().iter().map(ToString::to_string).collect();
    // Python writes a tuple of one with a comma after it.
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{comma}), }}", shape.join(", "));
    // The data begins at a multiple of 64 bytes, and the header ends in a newline: both are the format's rules.
    let prefix = MAGIC.len() + 4;
    let padded = (prefix + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(' ', padded - prefix - header.len() - 1));
    header.push('\n');

    let mut bytes = Vec::with_capacity(padded + tensor.data().len() * 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&u16::try_from(header.len()).expect("a shape takes few bytes").to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    for value in tensor.data() {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
