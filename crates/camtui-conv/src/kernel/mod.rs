//! The arithmetic, written once over [`crate::simd::Simd`].

pub(crate) mod function;
pub(crate) mod tile;
pub(crate) mod transform;
