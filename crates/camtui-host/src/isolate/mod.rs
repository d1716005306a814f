//! Explainers that run in a process of their own.

pub mod confine;
