//! Readers of weight files.
