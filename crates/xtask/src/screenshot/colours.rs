//! The colours of the terminal that is painted: its own sixteen, the cube and the greys of the 256, and true ones.

use vt100::{Cell, Color};

/// A colour, red, green and blue.
pub type Rgb = [u8; 3];

/// A terminal's own colours.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub background: Rgb,
    pub foreground: Rgb,
    sixteen: [u32; 16],
}

/// Light letters on a dark ground.
pub const DARK: Theme = Theme {
    background: [0x16, 0x18, 0x1d],
    foreground: [0xd6, 0xd9, 0xde],
    sixteen: [
        0x24_27_2e, 0xe0_5f_65, 0x78_b8_6b, 0xd9_b3_5b, 0x62_9b_e6, 0xb8_7f_dd, 0x4f_b8_c4, 0xc3_c8_d0,
        0x6c_73_80, 0xf2_7d_83, 0x96_d0_8a, 0xee_cb_7a, 0x86_b6_f5, 0xcf_9d_ee, 0x74_d2_dc, 0xf3_f5_f8,
    ],
};

/// Dark letters on a light ground.
pub const LIGHT: Theme = Theme {
    background: [0xfa, 0xfa, 0xf8],
    foreground: [0x2b, 0x2e, 0x36],
    sixteen: [
        0x2b_2e_36, 0xbf_2f_3a, 0x36_7d_2c, 0x96_6a_00, 0x1f_5f_bf, 0x87_40_b3, 0x0b_76_84, 0x9a_9f_a8,
        0x6b_70_7a, 0xd6_45_4f, 0x4a_96_3e, 0xb3_82_0f, 0x37_78_d8, 0x9f_58_cc, 0x1d_8f_9e, 0xff_ff_ff,
    ],
};

impl Theme {
    fn colour(&self, colour: Color, default: Rgb) -> Rgb {
        match colour {
            Color::Default => default,
            Color::Rgb(r, g, b) => [r, g, b],
            Color::Idx(index @ 0..=15) => {
                let [_, r, g, b] = self.sixteen[usize::from(index)].to_be_bytes();
                [r, g, b]
            }
            Color::Idx(index @ 16..=231) => {
                let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                let index = index - 16;
                [level(index / 36), level(index / 6 % 6), level(index % 6)]
            }
            Color::Idx(index) => [8 + 10 * (index - 232); 3],
        }
    }

    /// A cell's letters and ground, all attributes considered.
    pub fn of(&self, cell: &Cell) -> (Rgb, Rgb) {
        let mut letters = self.colour(cell.fgcolor(), self.foreground);
        let mut ground = self.colour(cell.bgcolor(), self.background);
        if cell.inverse() {
            (letters, ground) = (ground, letters);
        }
        if cell.dim() {
            letters = mixed(ground, letters, 0.55);
        }
        (letters, ground)
    }
}

/// `share` of `over` on what is below it.
pub fn mixed(below: Rgb, over: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|channel| {
        let (below, over) = (f32::from(below[channel]), f32::from(over[channel]));
        (below + (over - below) * share).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(text: &str) -> (Rgb, Rgb) {
        let mut parser = vt100::Parser::new(1, 2, 0);
        parser.process(text.as_bytes());
        DARK.of(parser.screen().cell(0, 0).unwrap())
    }

    #[test]
    fn every_kind_of_colour() {
        assert_eq!(colours("a"), (DARK.foreground, DARK.background));
        assert_eq!(colours("\x1b[7ma"), (DARK.background, DARK.foreground));
        assert_eq!(colours("\x1b[31;44ma"), ([0xe0, 0x5f, 0x65], [0x62, 0x9b, 0xe6]));
        assert_eq!(colours("\x1b[38;5;16;48;5;231ma"), ([0; 3], [255; 3]));
        assert_eq!(colours("\x1b[38;5;110;48;5;244ma"), ([135, 175, 215], [128; 3]));
        assert_eq!(colours("\x1b[38;2;1;2;3;48;2;4;5;6ma"), ([1, 2, 3], [4, 5, 6]));
        assert_eq!(colours("\x1b[2;38;2;100;100;100;48;2;0;0;0ma").0, [55; 3]);
    }
}
