//! Numbers as files store them, little-endian, and tensors as views on runs of them, turned into dense f32.

use half::{bf16, f16};

use super::Problem;
use crate::Tensor;

/// What a stored run of numbers is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    /// Bytes a number takes.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Appends every number in `bytes` as f32.
    fn append(self, bytes: &[u8], out: &mut Vec<f32>) {
        fn each<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, to_f32: impl Fn([u8; N]) -> f32) {
            out.extend(bytes.as_chunks::<N>().0.iter().map(|&chunk| to_f32(chunk)));
        }
        match self {
            Self::F64 => each(bytes, out, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => each(bytes, out, f32::from_le_bytes),
            Self::F16 => each(bytes, out, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => each(bytes, out, |b| bf16::from_le_bytes(b).to_f32()),
            Self::I64 => each(bytes, out, |b| i64::from_le_bytes(b) as f32),
            Self::I32 => each(bytes, out, |b| i32::from_le_bytes(b) as f32),
            Self::I16 => each(bytes, out, |b| f32::from(i16::from_le_bytes(b))),
            Self::I8 => each(bytes, out, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 | Self::Bool => each(bytes, out, |[b]| f32::from(b)),
        }
    }
}

/// A tensor as a view on a run of numbers: element `i` is at `offset + Σ i·stride`.
#[derive(Clone, Debug)]
pub struct View {
    pub offset: usize,
    pub shape: Vec<usize>,
    pub stride: Vec<usize>,
}

impl View {
    /// The number of elements, which a hostile file may put beyond any memory.
    pub fn count(&self) -> u128 {
        self.shape.iter().fold(1, |n: u128, &extent| n.saturating_mul(extent as u128))
    }

    /// Takes the elements out of `bytes`, the stored run.
    pub fn take(&self, element: Element, bytes: &[u8]) -> Result<Tensor, Problem> {
        let size = element.size();
        let available = bytes.len() / size;
        let outside = || {
            Problem::Damaged(format!(
                "a tensor of shape {:?} with strides {:?} from element {} lies outside its {available} stored values",
                self.shape, self.stride, self.offset
            ))
        };
        let count = usize::try_from(self.count()).map_err(|_| outside())?;
        if self.shape.len() != self.stride.len() {
            return Err(outside());
        }
        let mut values = Vec::new();
        if count > 0 {
            let last = self.shape.iter().zip(&self.stride).try_fold(self.offset, |at, (&extent, &stride)| {
                (extent - 1).checked_mul(stride).and_then(|step| at.checked_add(step))
            });
            if last.is_none_or(|last| last >= available) {
                return Err(outside());
            }
            values.reserve_exact(count);
            if self.is_contiguous() {
                element.append(&bytes[self.offset * size..][..count * size], &mut values);
            } else {
                self.walk(|at| element.append(&bytes[at * size..][..size], &mut values));
            }
        }
        Ok(Tensor::new(self.shape.clone(), values).expect("as many values as the shape holds"))
    }

    fn is_contiguous(&self) -> bool {
        let mut step = 1;
        self.shape.iter().zip(&self.stride).rev().all(|(&extent, &stride)| {
            let fits = extent == 1 || stride == step;
            step *= extent;
            fits
        })
    }

    /// Calls `visit` with the position of every element, row-major.
    fn walk(&self, mut visit: impl FnMut(usize)) {
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        loop {
            visit(at);
            let mut axis = self.shape.len();
            loop {
                let Some(next) = axis.checked_sub(1) else { return };
                axis = next;
                index[axis] += 1;
                at += self.stride[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.stride[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
    }
}
