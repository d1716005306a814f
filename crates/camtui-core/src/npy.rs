//! NumPy's array files.
