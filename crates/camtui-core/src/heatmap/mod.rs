//! From a small map to colours over a picture.
