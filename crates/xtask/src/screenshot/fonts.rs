//! Letters: from the first font that has them, sized so that a letter of the first one is as wide as a cell.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use fontdue::{Font, FontSettings};

use super::canvas::{Area, Canvas};
use super::colours::Rgb;

/// The fonts of a terminal.
pub struct Fonts {
    /// In the order in which a letter is looked for.
    regular: Vec<Font>,
    bold: Vec<Font>,
    /// Pixels to the em.
    size: f32,
    /// From the cell's top to the line that letters stand on.
    baseline: i32,
}

impl Fonts {
    /// Loads fonts for cells of so many pixels. The first regular one must have letters of one width.
    pub fn load(regular: &[&Path], bold: Option<&Path>, (width, height): (u16, u16)) -> Result<Self> {
        let all: Vec<Font> = regular.iter().map(|path| load(path)).collect::<Result<_>>()?;
        let bold = bold.map(load).transpose()?.into_iter().collect();
        let first = all.first().context("there must be a font")?;
        let em = 100.0;
        let size = em * f32::from(width) / first.metrics('0', em).advance_width;
        let lines =
            first.horizontal_line_metrics(size).context("the font does not say how high its lines are")?;
        // A line that is higher than the cell is made smaller, as terminals do.
        let size = size * (f32::from(height) / (lines.ascent - lines.descent)).min(1.0);
        let lines =
            first.horizontal_line_metrics(size).context("the font does not say how high its lines are")?;
        let above = (f32::from(height) - (lines.ascent - lines.descent)) / 2.0;
        Ok(Self { regular: all, bold, size, baseline: (above + lines.ascent).round() as i32 })
    }

    /// From the cell's top to the line that letters stand on.
    pub fn baseline(&self) -> i32 {
        self.baseline
    }

    /// Paints a letter into its cell or cells; an empty frame where no font has it.
    pub fn paint(&self, letter: char, bold: bool, canvas: &mut Canvas, area: Area, colour: Rgb) {
        let fonts = self.bold.iter().filter(|_| bold).chain(&self.regular);
        let Some(font) = fonts.into_iter().find(|font| font.has_glyph(letter)) else {
            frame(canvas, area, colour);
            return;
        };
        let (metrics, coverage) = font.rasterize(letter, self.size);
        // Another font's letters, and marks, are of other widths than the cell.
        let spare = if metrics.advance_width > 0.0 { area.width as f32 - metrics.advance_width } else { 0.0 };
        let left = area.left + (spare / 2.0).round() as i32 + metrics.xmin;
        let top = area.top + self.baseline - metrics.height as i32 - metrics.ymin;
        for (at, &share) in coverage.iter().enumerate() {
            let (x, y) = ((at % metrics.width) as i32, (at / metrics.width) as i32);
            canvas.blend(left + x, top + y, colour, f32::from(share) / 255.0);
        }
    }
}

#[cfg(test)]
impl Fonts {
    /// None: letters are frames, and what `shapes` knows is what it is.
    pub fn none() -> Self {
        Self { regular: Vec::new(), bold: Vec::new(), size: 10.0, baseline: 15 }
    }
}

fn load(path: &Path) -> Result<Font> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let font = Font::from_bytes(bytes, FontSettings::default());
    font.map_err(|error| anyhow!("{} is no font that can be used: {error}", path.display()))
}

fn frame(canvas: &mut Canvas, area: Area, colour: Rgb) {
    let (left, top) = (area.left + area.width / 6, area.top + area.height / 6);
    let (width, height) = (area.width - area.width / 3, area.height - area.height / 3);
    for (left, top, width, height) in [
        (left, top, width, 1),
        (left, top + height - 1, width, 1),
        (left, top, 1, height),
        (left + width - 1, top, 1, height),
    ] {
        canvas.fill(Area { left, top, width, height }, colour, 0.7);
    }
}
