//! SHA-256 of what goes in and what comes out, by which a result can be told to be the same.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Of a file's bytes, in hex.
pub fn sha256_of(file: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(file)?, &mut digest)?;
    Ok(format!("{:x}", digest.finalize()))
}

/// Of values as little-endian f32, in hex: what `tail -c` of the `.npy` that holds them would give.
pub fn sha256_of_values(values: &[f32]) -> String {
    let mut digest = Sha256::new();
    for chunk in values.chunks(4096) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
        digest.update(bytes);
    }
    format!("{:x}", digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_bytes() {
        let one = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(one.path(), 1.0f32.to_le_bytes()).unwrap();
        // `printf '\0\0\200?' | sha256sum`
        let expected = "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c";
        assert_eq!(sha256_of(one.path()).unwrap(), expected);
        assert_eq!(sha256_of_values(&[1.0]), expected);
    }
}
