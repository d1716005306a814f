//! Numbers that stay in their file until they are read: a start pays for no copy of weights that are packed at once, and
//! the system has them back as soon as they are.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

/// A run of numbers in a file, mapped into memory. See [`Mapped::open`] for which files may be.
#[derive(Debug)]
pub struct Mapped {
    map: Mmap,
}

impl Mapped {
    /// `count` numbers (f32, little-endian) from byte `offset` on, a multiple of four.
    ///
    /// For files of the program's own cache, which are written beside and renamed, so that what is mapped never changes and
    /// never gets shorter: the system ends a process that reads behind the end of a mapped file. So a file that somebody else owns or
    /// may write is refused, as are one that is too short and a machine of the other byte order.
    pub fn open(path: &Path, offset: u64, count: usize) -> io::Result<Self> {
        let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
        let file = File::open(path)?;
        let facts = file.metadata()?;
        let bytes = count.checked_mul(4).ok_or_else(|| refused("more numbers than there can be"))?;
        if cfg!(target_endian = "big") || !offset.is_multiple_of(4) {
            return Err(refused("numbers that cannot be read in their place"));
        }
        if !facts.is_file() || offset.checked_add(bytes as u64).is_none_or(|end| end > facts.len()) {
            return Err(refused("no file of that length"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            if facts.uid() != rustix::process::geteuid().as_raw() || facts.mode() & 0o022 != 0 {
                return Err(refused("a file that others may change"));
            }
        }
        // SAFETY: nobody but this user may write the file, and this program replaces such files and never writes into
        // them; that is the contract of this function.
        let map = unsafe { MmapOptions::new().offset(offset).len(bytes).map(&file)? };
        Ok(Self { map })
    }
}

impl AsRef<[f32]> for Mapped {
    fn as_ref(&self) -> &[f32] {
        let bytes = &self.map[..];
        // SAFETY: a page is aligned and the offset in it a multiple of four; any four bytes are a number.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / 4) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, numbers: &[f32]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("camtui-conv-{name}-{}", std::process::id()));
        std::fs::write(&path, numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        path
    }

    #[test]
    fn numbers_are_read_where_they_lie_even_when_the_file_is_gone() {
        let numbers: Vec<f32> = (0..5000).map(|x| x as f32).collect();
        let path = file("read", &numbers);
        let mapped = Mapped::open(&path, 4 * 1500, 3000).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(mapped.as_ref(), &numbers[1500..4500]);
    }

    #[test]
    fn what_may_not_be_mapped_is_refused() {
        let path = file("refused", &[0.0; 100]);
        assert!(Mapped::open(&path, 4, 100).is_err(), "the file ends earlier");
        assert!(Mapped::open(&path, u64::MAX - 3, 4).is_err(), "no such place");
        assert!(Mapped::open(&path, 2, 4).is_err(), "between two numbers");
        assert!(Mapped::open(&std::env::temp_dir(), 0, 0).is_err(), "a folder");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
            assert!(Mapped::open(&path, 0, 100).is_err(), "others may write it");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(Mapped::open(&path, 0, 100).is_ok());
            if std::os::unix::fs::chown(&path, Some(1), None).is_ok() {
                assert!(Mapped::open(&path, 0, 100).is_err(), "somebody else owns it");
            } else {
                println!("skipped: only root can give a file to somebody else");
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}
