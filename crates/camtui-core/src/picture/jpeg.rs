//! Is a JPEG file all there?
//!
//! The decoder fills what is missing from a truncated file with grey, silently. A heat map over half a photo would be
//! explained as if it were the whole, so the file's markers are walked beforehand, as the end-of-image marker can only
//! be told from look-alikes inside thumbnails and entropy-coded data in that way (ITU-T T.81, annex B).

const END_OF_IMAGE: u8 = 0xd9;

/// Whether the end-of-image marker is reached.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    // Behind the start-of-image marker.
    let mut at = 2;
    loop {
        let Some(marker) = next_marker(bytes, &mut at) else { return false };
        match marker {
            END_OF_IMAGE => return true,
            // Restart markers and the like stand alone.
            0x01 | 0xd0..=0xd8 => {}
            // All others have a length. The data behind a scan's header is a gap like any other.
            _ => {
                let Some(&[high, low]) = bytes.get(at..at + 2) else { return false };
                at += usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
}

/// The code of the next marker from `at` on, leaving `at` behind it.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let gap = bytes.get(*at..)?.iter().position(|&b| b == 0xff)?;
        *at += gap + 1;
        // Any number of fill bytes may precede the code.
        while *bytes.get(*at)? == 0xff {
            *at += 1;
        }
        let code = bytes[*at];
        *at += 1;
        // A stuffed 00 makes the ff before it an ordinary byte of a scan.
        if code != 0 {
            return Some(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn only_the_end_of_the_picture_itself_counts() {
        let start = [0xff, 0xd8];
        // A segment that holds an end-of-image marker of its own, as a thumbnail does.
        let thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let scan = [0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 0xd9, 0xff, 0xd3, 9];
        let end = [0xff, 0xff, 0xd9];
        assert!(is_complete(&[&start[..], &thumbnail, &scan, &end].concat()));
        assert!(is_complete(&[&start[..], &thumbnail, &scan, &end, b"trailing bytes"].concat()));
        assert!(!is_complete(&[&start[..], &thumbnail, &scan].concat()));
        assert!(!is_complete(&[&start[..], &thumbnail[..6]].concat()));
        assert!(!is_complete(&start));
        assert!(!is_complete(&[]));
    }
}
