//! Frames: a small part in postcard, then the values of its tensors as they lie in memory.
//!
//! Both ends run on one machine and from one build, so values need no byte order and messages no versions. The
//! reading end believes no length: the small part and the number of values have bounds, and memory for values is
//! taken as they arrive. Tensors go through the socket itself: a layer of a hundred kilobytes costs some tens of
//! microseconds, and there is no shared page that one side could change or cut while the other reads it.

use std::io::{self, Read, Write};

use camtui_plugin::abi::MAX_RANK;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of a frame's small part.
const SMALL_LIMIT: usize = 16 << 20;
/// Most tensors of a frame: a map, all its channels and its terms.
const TENSOR_LIMIT: usize = 258;
/// Most values of all tensors of a frame: 1 GiB.
pub(super) const VALUE_LIMIT: usize = 1 << 28;
/// As many values are made room for at once.
const STEP: usize = 1 << 20;
/// Tensors of no more bytes are written together with the small part.
const TOGETHER: usize = 1 << 14;

/// A tensor that came through the socket. Its shape multiplies to the number of its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Values {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// A tensor to send.
pub(super) type View<'a> = (&'a [usize], &'a [f32]);

/// Why there is no frame.
#[derive(Debug)]
pub(super) enum WireError {
    /// The other end is gone; or reading was given up.
    Gone,
    /// What came is no frame.
    Broken(String),
}

impl From<io::Error> for WireError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Sends `body` and `tensors`.
pub(super) fn send<T: Serialize>(to: &mut impl Write, body: &T, tensors: &[View<'_>]) -> io::Result<()> {
    let shapes: Vec<&[usize]> = tensors.iter().map(|(shape, _)| *shape).collect();
    let mut bytes = postcard::to_extend(&(body, shapes), vec![0; 4]).map_err(io::Error::other)?;
    let small = bytes.len() - 4;
    let values: usize = tensors.iter().map(|(_, data)| data.len()).sum();
    if small > SMALL_LIMIT || tensors.len() > TENSOR_LIMIT || values > VALUE_LIMIT {
        return Err(io::Error::other("a message is too large to be sent"));
    }
    bytes[..4].copy_from_slice(&(small as u32).to_ne_bytes());
    for (_, data) in tensors {
        let data: &[u8] = bytemuck::cast_slice(data);
        if bytes.len() + data.len() <= TOGETHER {
            bytes.extend_from_slice(data);
        } else {
            to.write_all(&bytes)?;
            bytes.clear();
            to.write_all(data)?;
        }
    }
    to.write_all(&bytes)
}

/// The next frame.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> Result<(T, Vec<Values>), WireError> {
    let broken = |what: &str| WireError::Broken(what.to_owned());
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let small = u32::from_ne_bytes(head) as usize;
    if small > SMALL_LIMIT {
        return Err(broken("it announced a message longer than any"));
    }
    let mut bytes = vec![0; small];
    from.read_exact(&mut bytes)?;
    let (body, shapes): (T, Vec<Vec<u64>>) =
        postcard::from_bytes(&bytes).map_err(|_| broken("it sent something that is no message"))?;
    if shapes.len() > TENSOR_LIMIT {
        return Err(broken("it announced more tensors than there can be"));
    }
    let larger = || broken("it announced a tensor larger than there can be");
    let mut left = VALUE_LIMIT;
    let mut expected = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let shape: Option<Vec<usize>> = shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        let shape = shape.filter(|shape| shape.len() <= MAX_RANK).ok_or_else(larger)?;
        let count = shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent)).ok_or_else(larger)?;
        left = left.checked_sub(count).ok_or_else(larger)?;
        expected.push((shape, count));
    }
    let mut tensors = Vec::with_capacity(expected.len());
    for (shape, count) in expected {
        let mut data = Vec::new();
        while data.len() < count {
            let had = data.len();
            data.resize(count.min(had + STEP), 0.0);
            from.read_exact(bytemuck::cast_slice_mut(&mut data[had..]))?;
        }
        tensors.push(Values { shape, data });
    }
    Ok((body, tensors))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn sent(body: &(u32, String), tensors: &[View<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes, body, tensors).unwrap();
        bytes
    }

    fn broken(bytes: &[u8]) -> String {
        match receive::<(u32, String)>(&mut &bytes[..]).unwrap_err() {
            WireError::Broken(what) => what,
            WireError::Gone => "gone".into(),
        }
    }

    #[test]
    fn what_is_sent_arrives() {
        let large: Vec<f32> = (0..3 * STEP / 2).map(|n| n as f32).collect();
        let body = (7, "seven".to_owned());
        let tensors: [View<'_>; 3] = [(&[2, 1], &[0.5, -1.5]), (&[large.len()], &large), (&[0, 9], &[])];
        let bytes = sent(&body, &tensors);
        let (back, values) = receive::<(u32, String)>(&mut &bytes[..]).unwrap();
        assert_eq!(back, body);
        for (sent, came) in tensors.iter().zip(&values) {
            assert_eq!((sent.0, sent.1), (&came.shape[..], &came.data[..]));
        }
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn no_length_is_believed() {
        assert_eq!(broken(&[]), "gone");
        assert_eq!(broken(&u32::MAX.to_ne_bytes()), "it announced a message longer than any");
        assert_eq!(broken(&[3, 0, 0, 0, 0xff, 0xff, 0xff]), "it sent something that is no message");
        let frame = |shapes: &[&[u64]]| {
            let mut bytes = postcard::to_extend(&((1u32, ""), shapes), vec![0; 4]).unwrap();
            let small = (bytes.len() - 4) as u32;
            bytes[..4].copy_from_slice(&small.to_ne_bytes());
            bytes
        };
        let larger = "it announced a tensor larger than there can be";
        assert_eq!(broken(&frame(&[&[u64::MAX, 2]])), larger);
        assert_eq!(broken(&frame(&[&[1 << 28], &[1]])), larger);
        assert_eq!(broken(&frame(&[&[1; 9]])), larger);
        assert_eq!(broken(&frame(&vec![&[0u64][..]; 300])), "it announced more tensors than there can be");
        // Announced and never sent: the end is seen, and no gigabyte was taken for it.
        assert_eq!(broken(&frame(&[&[1 << 28]])), "gone");
    }

    #[test]
    fn cut_frames_are_told_from_whole_ones() {
        let bytes = sent(&(1, "x".repeat(40)), &[(&[5], &[1.0; 5])]);
        for length in 0..bytes.len() {
            assert_eq!(broken(&bytes[..length]), "gone", "{length}");
        }
    }
}
