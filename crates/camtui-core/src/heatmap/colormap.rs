//! Colours for values 0…1, as tables of 256.
//!
//! `jet` is cv2's `COLORMAP_JET`, the one in most published CAM figures (matplotlib's differs by up to 33 levels).
//! It is neither even nor kind to the colour-blind: `turbo` looks alike and is even, `viridis` and its kin are even in
//! grey as well. Signed maps want `diverging`: blue below zero, white at zero, red above.

use super::tables;

/// A colour map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colormap {
    /// cv2's jet: dark blue, cyan, yellow, dark red.
    #[default]
    Jet,
    /// Turbo (Mikhailov 2019): a rainbow without jet's false edges.
    Turbo,
    /// matplotlib's default: violet, green, yellow.
    Viridis,
    /// Black, red, yellow, pale.
    Inferno,
    /// Black, violet, orange, pale.
    Magma,
    /// Black to white.
    Grey,
    /// Blue, white, red: for signed maps, whose zero is in the middle.
    Diverging,
}

impl Colormap {
    /// Every colour map with the name it has on the command line.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("jet", Self::Jet),
        ("turbo", Self::Turbo),
        ("viridis", Self::Viridis),
        ("inferno", Self::Inferno),
        ("magma", Self::Magma),
        ("grey", Self::Grey),
        ("diverging", Self::Diverging),
    ];

    /// The colour map of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, map)| map)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, map)| *map == self).map_or("", |(name, _)| name)
    }

    /// RGB for levels 0…255.
    pub fn table(self) -> [[u8; 3]; 256] {
        let from =
            |data: &[u8; 768]| std::array::from_fn(|i| [data[3 * i], data[3 * i + 1], data[3 * i + 2]]);
        match self {
            Self::Jet => std::array::from_fn(jet),
            Self::Turbo => from(&tables::TURBO),
            Self::Viridis => from(&tables::VIRIDIS),
            Self::Inferno => from(&tables::INFERNO),
            Self::Magma => from(&tables::MAGMA),
            Self::Grey => std::array::from_fn(|i| [i as u8; 3]),
            Self::Diverging => std::array::from_fn(diverging),
        }
    }
}

/// `255·clamp(1.5 − |4i/255 − c|)` for c = 3, 2, 1; every value is a half, and goes to the even number beside it.
fn jet(i: usize) -> [u8; 3] {
    [3, 2, 1].map(|c| {
        let distance = (4 * i as i32 - 255 * c).abs();
        // The cast clips.
        (382.5 - distance as f32).round_ties_even() as u8
    })
}

/// From white in the middle (between levels 127 and 128) straight to dark blue and dark red, with darkening ends so
/// that strong values differ in lightness too.
fn diverging(i: usize) -> [u8; 3] {
    let signed = (2 * i as i32 - 255) as f32 / 255.0;
    let strength = signed.abs();
    let fade = (255.0 * (1.0 - strength)).round() as u8;
    let strong = (255.0 - 115.0 * strength * strength).round() as u8;
    if signed < 0.0 { [fade, fade, strong] } else { [strong, fade, fade] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jet_is_opencvs() {
        // Written by tests/goldens/colormaps.py. OpenCV's own table rounds one of its 768 values the other way.
        let golden = include_bytes!("../../tests/data/jet.rgb");
        let table = Colormap::Jet.table();
        let differ: Vec<_> = (0..768).filter(|&i| table.as_flattened()[i] != golden[i]).collect();
        assert_eq!(differ, [159 * 3 + 2]);
        assert_eq!((table[159][2], golden[159 * 3 + 2]), (2, 1));
    }

    #[test]
    fn the_ends_are_what_they_should_be() {
        let ends = |map: Colormap| (map.table()[0], map.table()[255]);
        assert_eq!(ends(Colormap::Jet), ([0, 0, 128], [128, 0, 0]));
        assert_eq!(ends(Colormap::Viridis), ([68, 1, 84], [253, 231, 37]));
        assert_eq!(ends(Colormap::Inferno), ([0, 0, 4], [252, 255, 164]));
        assert_eq!(ends(Colormap::Magma), ([0, 0, 4], [252, 253, 191]));
        assert_eq!(ends(Colormap::Turbo), ([48, 18, 59], [122, 4, 3]));
        assert_eq!(ends(Colormap::Grey), ([0; 3], [255; 3]));
        assert_eq!(ends(Colormap::Diverging), ([0, 0, 140], [140, 0, 0]));
    }

    #[test]
    fn diverging_is_white_in_the_middle_and_its_halves_mirror() {
        let table = Colormap::Diverging.table();
        assert!(table[127].iter().chain(&table[128]).all(|&v| v >= 253));
        for i in 0..256 {
            let [r, g, b] = table[255 - i];
            assert_eq!(table[i], [b, g, r]);
        }
    }

    #[test]
    fn names_come_back() {
        for (name, map) in Colormap::NAMES {
            assert_eq!((Colormap::parse(name), map.name()), (Some(map), name));
        }
        assert_eq!(Colormap::parse("rainbow"), None);
    }
}
