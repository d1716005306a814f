//! Room for decoded pictures: however many threads there are and however large the pictures, no more pixels are worked on
//! at once than there is room for. A picture that is larger than all of it is worked on alone.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use image::ImageReader;

use crate::inputs::Input;

/// Pixels that there is room for in a run: 64 million. Decoded, drawn over and encoded a pixel takes about ten bytes.
pub const PIXELS: u64 = 64_000_000;

/// See the [module](self).
pub struct Room {
    size: u64,
    taken: Mutex<u64>,
    left: Condvar,
}

/// A part of the room, given back when dropped.
pub struct Taken<'a> {
    room: &'a Room,
    pixels: u64,
}

impl Room {
    /// Room for `size` pixels.
    pub fn new(size: u64) -> Self {
        Self { size, taken: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits until there is room for so many, or all of it where they are more.
    pub fn take(&self, pixels: u64) -> Taken<'_> {
        let pixels = pixels.min(self.size);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken + pixels > self.size {
            taken = self.left.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += pixels;
        Taken { room: self, pixels }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.room.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.pixels;
        self.room.left.notify_all();
    }
}

/// How many pixels decoding this will make, as far as its header says; all there may be where it does not.
pub fn pixels(input: &Input) -> u64 {
    match input {
        Input::File { path, .. } => of_file(path).unwrap_or(u64::MAX),
        Input::Stdin(_) | Input::Tensor { .. } => 0,
    }
}

fn of_file(path: &Path) -> Option<u64> {
    // Opening a pipe would wait for whoever writes to it.
    if !path.is_file() {
        return None;
    }
    let (width, height) = ImageReader::open(path).ok()?.with_guessed_format().ok()?.into_dimensions().ok()?;
    Some(u64::from(width) * u64::from(height))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is() {
        let (room, now, most) = (Room::new(10), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..6_u64 {
                let (room, now, most) = (&room, &now, &most);
                scope.spawn(move || {
                    for n in 0..200 {
                        let wanted = (thread * 7 + n) % 13;
                        let taken = room.take(wanted);
                        let held = now.fetch_add(taken.pixels, Ordering::SeqCst) + taken.pixels;
                        most.fetch_max(held, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(taken.pixels, Ordering::SeqCst);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!((7..=10).contains(&most), "{most}");
        assert_eq!(*room.taken.lock().unwrap(), 0);
    }

    #[test]
    fn headers_say_how_much_is_wanted() {
        let chelsea = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/chelsea.png"));
        assert_eq!(of_file(chelsea), Some(451 * 300));
        assert_eq!(of_file(Path::new(file!())), None);
    }
}
