//! A screenshot in at most 256 colours, for pages that are read over a line: a third of the bytes, and hardly a difference
//! to be seen. Letters and grounds keep their exact colours, which are few and cover most; the photographs share the rest.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use color_quant::NeuQuant;
use image::RgbImage;

/// Colours that are kept exactly, the commonest first.
const EXACT: usize = 24;
/// All colours.
const ALL: usize = 256;

/// Writes a picture as a PNG with a palette.
pub fn write(image: &RgbImage, to: impl Write) -> Result<()> {
    let (palette, indices) = reduced(image);
    let mut encoder = png::Encoder::new(to, image.width(), image.height());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(())
}

/// The colours, and for each pixel which one it has.
fn reduced(image: &RgbImage) -> (Vec<[u8; 3]>, Vec<u8>) {
    let mut counts: BTreeMap<[u8; 3], usize> = BTreeMap::new();
    for pixel in image.pixels() {
        *counts.entry(pixel.0).or_default() += 1;
    }
    let mut common: Vec<_> = counts.into_iter().collect();
    common.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    if common.len() <= ALL {
        let palette: Vec<[u8; 3]> = common.into_iter().map(|(colour, _)| colour).collect();
        let places: BTreeMap<_, _> =
            palette.iter().enumerate().map(|(at, colour)| (*colour, at as u8)).collect();
        let indices = image.pixels().map(|pixel| places[&pixel.0]).collect();
        return (palette, indices);
    }
    let exact: Vec<[u8; 3]> = common.into_iter().take(EXACT).map(|(colour, _)| colour).collect();
    let places: BTreeMap<_, _> = exact.iter().enumerate().map(|(at, colour)| (*colour, at as u8)).collect();
    let others: Vec<u8> = image
        .pixels()
        .filter(|pixel| !places.contains_key(&pixel.0))
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
        .collect();
    let learnt = NeuQuant::new(3, ALL - EXACT, &others);
    let mut palette = exact;
    palette.extend(learnt.color_map_rgb().chunks_exact(3).map(|c| [c[0], c[1], c[2]]));
    let mut indices = Vec::with_capacity(image.pixels().len());
    // What each pixel's colour was off by goes to its neighbours (Floyd and Steinberg), so that slow changes have no steps.
    let width = image.width() as usize;
    let mut below = vec![[0.0f32; 3]; width + 2];
    for row in image.rows() {
        let mut here = std::mem::replace(&mut below, vec![[0.0; 3]; width + 2]);
        for (x, pixel) in row.enumerate() {
            if let Some(at) = places.get(&pixel.0) {
                indices.push(*at);
                continue;
            }
            let wanted: [f32; 3] =
                std::array::from_fn(|c| (f32::from(pixel[c]) + here[x + 1][c]).clamp(0.0, 255.0));
            let [r, g, b] = wanted.map(|value| value.round() as u8);
            let at = EXACT + learnt.index_of(&[r, g, b, 255]);
            indices.push(at as u8);
            let off: [f32; 3] = std::array::from_fn(|c| (wanted[c] - f32::from(palette[at][c])) / 16.0);
            let pass = |to: &mut [f32; 3], share: f32| {
                for (sum, off) in to.iter_mut().zip(off) {
                    *sum += share * off;
                }
            };
            pass(&mut here[x + 2], 7.0);
            pass(&mut below[x], 3.0);
            pass(&mut below[x + 1], 5.0);
            pass(&mut below[x + 2], 1.0);
        }
    }
    (palette, indices)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn read(bytes: &[u8]) -> RgbImage {
        image::load_from_memory(bytes).unwrap().to_rgb8()
    }

    #[test]
    fn few_colours_stay_as_they_are() {
        let image = RgbImage::from_fn(20, 10, |x, y| Rgb([x as u8, y as u8, 7]));
        let mut bytes = Vec::new();
        write(&image, &mut bytes).unwrap();
        assert_eq!(read(&bytes), image);
    }

    #[test]
    fn many_colours_become_near_ones_and_the_ground_stays() {
        let ground = Rgb([24, 25, 29]);
        let image =
            RgbImage::from_fn(
                200,
                120,
                |x, y| if y < 60 { ground } else { Rgb([x as u8, (y * 2) as u8, 90]) },
            );
        let mut bytes = Vec::new();
        write(&image, &mut bytes).unwrap();
        let back = read(&bytes);
        assert_eq!(back.get_pixel(3, 3), &ground);
        let error = |(a, b): (&Rgb<u8>, &Rgb<u8>)| {
            a.0.iter().zip(b.0).map(|(a, b)| f64::from(a.abs_diff(b)).powi(2)).sum::<f64>()
        };
        let mean = image.pixels().zip(back.pixels()).map(error).sum::<f64>() / f64::from(200 * 120);
        assert!(mean < 100.0, "{mean}");
    }
}
