//! Class labels.
