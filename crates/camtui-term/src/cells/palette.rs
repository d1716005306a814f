//! Colours in the palettes of terminals that do not have all of them.

/// The entry of xterm's palette of 256 that is nearest to a colour: its cube of 6×6×6 or its 24 greys.
pub fn ansi256(colour: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest_step =
        |value: u8| (0..6_u8).min_by_key(|&at| value.abs_diff(STEPS[usize::from(at)])).unwrap_or(0);
    let [r, g, b] = colour.map(nearest_step);
    let cube = [r, g, b].map(|at| STEPS[usize::from(at)]);
    let mean = colour.iter().map(|&value| u32::from(value)).sum::<u32>() / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23) as u8;
    if distance(colour, [8 + 10 * grey; 3]) < distance(colour, cube) {
        232 + grey
    } else {
        16 + 36 * r + 6 * g + b
    }
}

/// The entry of the sixteen named colours that is nearest to a colour, by xterm's values for them.
pub fn ansi16(colour: [u8; 3]) -> u8 {
    const NAMED: [[u8; 3]; 16] = [
        [0, 0, 0],
        [205, 0, 0],
        [0, 205, 0],
        [205, 205, 0],
        [0, 0, 238],
        [205, 0, 205],
        [0, 205, 205],
        [229, 229, 229],
        [127, 127, 127],
        [255, 0, 0],
        [0, 255, 0],
        [255, 255, 0],
        [92, 92, 255],
        [255, 0, 255],
        [0, 255, 255],
        [255, 255, 255],
    ];
    (0..16_u8).min_by_key(|&at| distance(colour, NAMED[usize::from(at)])).unwrap_or(0)
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.into_iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palette_entries_are_the_nearest() {
        assert_eq!(ansi256([255, 0, 0]), 196);
        assert_eq!(ansi256([0, 0, 0]), 16);
        assert_eq!(ansi256([128, 128, 128]), 244);
        assert_eq!(ansi256([95, 135, 175]), 67);
        assert_eq!(ansi256([238, 238, 238]), 255);
        assert_eq!(ansi16([250, 10, 10]), 9);
        assert_eq!(ansi16([200, 200, 0]), 3);
    }
}
