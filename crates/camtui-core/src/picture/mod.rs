//! From a file to the model's input.
