//! Several explainers about one picture, side by side: one drawing, or one PNG whose text holds a record of each.
//!
//! In a file the photo stands first and a caption under each; on the screen the legend lines tell which is which, in the
//! same order.

use std::path::Path;
use std::sync::Arc;

use camtui_core::file::encode_png;
use camtui_core::heatmap::{Interpolation, Levels, Overlay, Style};
use camtui_core::picture::{Photo, Rect, resize::resize};
use camtui_core::{Recipe, heatmap::Heatmap};
use camtui_term::sanitise;
use font8x8::UnicodeFonts as _;

use super::artifact::{Artifact, write};
use super::setup::Setup;
use crate::pipeline::Problem;
use crate::pipeline::picture::Picture;

/// The longer side of a picture in a strip, in pixels.
const TILE: u32 = 448;
/// Pictures in a row at most.
const ACROSS: usize = 6;
/// Between pictures, and around captions.
const GAP: u32 = 6;
/// A letter's side.
const LETTER: u32 = 8;
/// Letters are drawn so many times as large as the font has them.
const SCALE: u32 = 2;
const PAPER: [u8; 3] = [255; 3];
const INK: [u8; 3] = [20; 3];

/// A picture in a strip.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What is written under it.
    pub caption: String,
    /// It.
    pub picture: Overlay,
}

impl Tile {
    /// `map` over what was explained, as small as a strip has it.
    pub fn new(
        picture: &Picture,
        recipe: &Recipe,
        map: &Heatmap,
        (interpolation, signed, style): (Interpolation, bool, Style),
        caption: String,
    ) -> Result<Self, String> {
        let (photo, seen) = small(picture, recipe)?;
        let levels = Levels::new(map, photo.width(), photo.height(), seen, interpolation, signed);
        let picture = levels.over(&photo, style).ok_or("the picture is too large to draw on")?;
        Ok(Self { caption, picture })
    }

    /// The photo alone.
    fn plain(picture: &Picture, recipe: &Recipe, caption: String) -> Result<Self, String> {
        let (photo, _) = small(picture, recipe)?;
        let pixels = photo.pixels().to_vec();
        let picture = Overlay::from_rgb(photo.width(), photo.height(), pixels);
        Ok(Self { caption, picture: picture.expect("a photo fills its size") })
    }
}

/// What is drawn over, no larger than a tile, and which part of it the model saw.
fn small(picture: &Picture, recipe: &Recipe) -> Result<(Arc<Photo>, Rect), String> {
    let (photo, seen) = picture.drawn(recipe)?;
    let longer = photo.width().max(photo.height());
    if longer <= TILE {
        return Ok((photo, seen));
    }
    let side = |pixels: u32| (pixels * TILE).div_ceil(longer).max(1);
    let (width, height) = (side(photo.width()), side(photo.height()));
    let (x, y) = (width as f32 / photo.width() as f32, height as f32 / photo.height() as f32);
    let seen = Rect { x0: seen.x0 * x, x1: seen.x1 * x, y0: seen.y0 * y, y1: seen.y1 * y };
    let pixels = resize(&photo, width, height);
    let photo = Photo::from_rgb(photo.name(), width, height, pixels).expect("resized to that size");
    Ok((Arc::new(photo), seen))
}

impl Setup {
    /// Makes one drawing of what the explainers made of one picture, model and target: `results` are theirs. The first of
    /// them carries it, the last one the name of the file it was written to.
    pub fn side_by_side(
        &self,
        index: usize,
        picture: &Picture,
        recipe: &Recipe,
        results: &mut [Result<Artifact, Problem>],
    ) -> Result<(), String> {
        if results.iter().any(|result| matches!(result, Err(Problem::Cancelled))) {
            return Ok(());
        }
        let mut artifacts: Vec<&mut Artifact> =
            results.iter_mut().filter_map(|result| result.as_mut().ok()).collect();
        let mut tiles: Vec<Tile> = artifacts.iter_mut().filter_map(|artifact| artifact.tile.take()).collect();
        if tiles.is_empty() {
            return Ok(());
        }
        let Some(to) = &self.png else {
            artifacts[0].overlay = Some(laid_out(&tiles, false));
            return Ok(());
        };
        let name = self.inputs[index].name();
        let file =
            Path::new(&name).file_name().map_or_else(|| name.clone(), |file| file.to_string_lossy().into());
        tiles.insert(0, Tile::plain(picture, recipe, sanitise(&file))?);
        let strip = laid_out(&tiles, true);
        let records: Vec<String> =
            artifacts.iter().filter_map(|artifact| Some(artifact.provenance.as_ref()?.to_string())).collect();
        let png = encode_png(strip.width(), strip.height(), strip.pixels(), &records.join("\n"))
            .map_err(|error| error.to_string())?;
        let path = to.path(index, &[]);
        write(&path, &png)?;
        artifacts.last_mut().expect("there is a tile, so there is an artifact").written.push(path);
        Ok(())
    }
}

/// The tiles in rows that are as long as one another.
fn laid_out(tiles: &[Tile], captions: bool) -> Overlay {
    let rows = tiles.len().div_ceil(ACROSS);
    let across = tiles.len().div_ceil(rows);
    let largest = |side: fn(&Overlay) -> u32| tiles.iter().map(|tile| side(&tile.picture)).max().unwrap_or(0);
    let (column, tall) = (largest(Overlay::width), largest(Overlay::height));
    let caption = if captions { LETTER * SCALE + 2 * GAP } else { 0 };
    let row = tall + caption;
    let size = |count: usize, each: u32| count as u32 * (each + GAP) - GAP;
    let mut paper = Paper::new(size(across, column), size(rows, row));
    for (nth, tile) in tiles.iter().enumerate() {
        let x = (nth % across) as u32 * (column + GAP) + (column - tile.picture.width()) / 2;
        let y = (nth / across) as u32 * (row + GAP);
        paper.paste(&tile.picture, x, y);
        if captions {
            let left = (nth % across) as u32 * (column + GAP);
            paper.write(&tile.caption, left, y + tall + GAP, column);
        }
    }
    Overlay::from_rgb(paper.width, paper.height, paper.pixels).expect("paper fills its size")
}

/// What a strip is drawn on.
struct Paper {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Paper {
    fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: PAPER.repeat(width as usize * height as usize) }
    }

    fn paste(&mut self, picture: &Overlay, left: u32, top: u32) {
        let bytes = picture.width() as usize * 3;
        for (y, row) in picture.pixels().chunks_exact(bytes.max(1)).enumerate() {
            let at = ((top as usize + y) * self.width as usize + left as usize) * 3;
            self.pixels[at..at + bytes].copy_from_slice(row);
        }
    }

    /// `text` in the middle of `width` pixels; the end of one that does not fit is kept, as names differ there.
    fn write(&mut self, text: &str, left: u32, top: u32, width: u32) {
        let scale = if text.chars().count() as u32 * LETTER * SCALE <= width { SCALE } else { 1 };
        let fits = (width / (LETTER * scale)) as usize;
        let skip = text.chars().count().saturating_sub(fits);
        let shown: Vec<char> = text.chars().skip(skip).collect();
        let start = left + (width - shown.len() as u32 * LETTER * scale) / 2;
        for (nth, letter) in shown.into_iter().enumerate() {
            let glyph = font8x8::BASIC_FONTS.get(letter).or_else(|| font8x8::LATIN_FONTS.get(letter));
            let rows =
                glyph.unwrap_or_else(|| font8x8::BASIC_FONTS.get('?').expect("a font has a question mark"));
            for y in 0..LETTER * scale {
                for x in 0..LETTER * scale {
                    if rows[(y / scale) as usize] >> (x / scale) & 1 == 1 {
                        let column = start + nth as u32 * LETTER * scale + x;
                        let at = ((top + y) as usize * self.width as usize + column as usize) * 3;
                        self.pixels[at..at + 3].copy_from_slice(&INK);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(width: u32, height: u32, caption: &str) -> Tile {
        let pixels = vec![100; (width * height * 3) as usize];
        Tile { caption: caption.into(), picture: Overlay::from_rgb(width, height, pixels).unwrap() }
    }

    fn at(strip: &Overlay, x: u32, y: u32) -> u8 {
        strip.pixels()[((y * strip.width() + x) * 3) as usize]
    }

    #[test]
    fn tiles_stand_side_by_side_in_rows_of_one_length() {
        let strip = laid_out(&[tile(40, 30, "a"), tile(20, 30, "b")], false);
        assert_eq!((strip.width(), strip.height()), (86, 30));
        assert_eq!(
            [0, 39, 40, 46, 56, 75, 76].map(|x| at(&strip, x, 0)),
            [100, 100, 255, 255, 100, 100, 255]
        );
        let seven = laid_out(&vec![tile(10, 10, "x"); 7], false);
        assert_eq!((seven.width(), seven.height()), (4 * 16 - 6, 26));
        assert_eq!(at(&seven, 50, 20), 255, "seven leave the eighth place empty");
    }

    #[test]
    fn captions_are_written_below_whatever_their_length() {
        let strip = laid_out(&[tile(60, 30, "cam"), tile(60, 30, "a name that does not fit · ü 中")], true);
        assert_eq!(strip.height(), 30 + 28);
        let ink = |from: u32, to: u32| {
            (30..58)
                .flat_map(|y| (from..to).map(move |x| (x, y)))
                .filter(|(x, y)| at(&strip, *x, *y) == 20)
                .count()
        };
        assert!(ink(0, 60) > 20 && ink(66, 126) > 20 && ink(60, 66) == 0);
        // A picture narrower than a letter has no caption, and that is all.
        assert_eq!(laid_out(&[tile(3, 3, "narrow")], true).width(), 3);
    }
}
