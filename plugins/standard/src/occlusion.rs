//! Occlusion: a patch slides over the picture, and what the score loses without what lies under it is noted there.
//!
//! Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. Patches, overlaps and borders
//! are as in Captum: the last patch of a row is cut off at the border, and where patches overlap the mean counts.
#![forbid(unsafe_code)]

use std::ops::Range;

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session};

use crate::baseline::{baseline, baseline_param};
use crate::batches::{in_batches, shape_of};
use crate::score::Score;

/// `seed·y(x) − seed·y(x with a patch masked)`, signed, one value a stride.
pub struct Occlusion;

impl Explainer for Occlusion {
    fn describe() -> Description {
        Description::new("occlusion", "Occlusion")
            .summary("y(x) − y(x with a patch masked), the mean over the patches that cover a place; signed, no ReLU")
            .reference("Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901")
            .needs_forward()
            .param(Param::int("window", 0).range(0..=65_536).help(
                "side of the patch in pixels of the model's input; 0: a seventh of the shorter side (32 of 224)",
            ))
            .param(Param::int("stride", 0).range(0..=65_536).help(
                "how far the patch moves in pixels, and so how fine the map is; 0: half the window. Halving it takes four \
                 times as long",
            ))
            .param(baseline_param("what the patch is filled with"))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let input = session.input()?;
        let (height, width) = (input.height(), input.width());
        let (window, stride) = sizes(params.int("window")?, params.int("stride")?, height, width)?;
        let fill = baseline(session, params.choice("baseline")?, input.planes().len())?;
        let score = Score::of(session)?;
        let whole = score.at(session.logits()?.data());

        let (rows, columns) = (patches(height, window, stride), patches(width, window, stride));
        let all: Vec<(&Range<usize>, &Range<usize>)> =
            rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))).collect();
        let (across_rows, across_columns) = (shares(&rows, height, stride), shares(&columns, width, stride));
        // A patch that is not known yet loses nothing.
        let map_of = |lost: &[f64]| {
            let lost = |i: usize, j: usize| lost.get(i * columns.len() + j).copied().unwrap_or(0.0);
            let mut map = Vec::with_capacity(across_rows.len() * across_columns.len());
            for down in &across_rows {
                for along in &across_columns {
                    let of_row =
                        |&(i, a): &(usize, f64)| along.iter().map(|(j, b)| b * lost(i, *j)).sum::<f64>() * a;
                    map.push(down.iter().map(of_row).sum());
                }
            }
            Map::from_f64(across_rows.len(), across_columns.len(), &map)
        };
        let mut lost = Vec::with_capacity(all.len());
        in_batches(session, all.len(), input.data().len(), |session, batch| {
            let mut inputs = Vec::with_capacity(batch.len() * input.data().len());
            for (row, column) in &all[batch.clone()] {
                for (plane, &value) in input.planes().zip(&fill) {
                    let begin = inputs.len();
                    inputs.extend_from_slice(plane);
                    for y in (*row).clone() {
                        inputs[begin + y * width..][(*column).clone()].fill(value);
                    }
                }
            }
            let logits = session.forward(&shape_of(batch.len(), input.shape()), &inputs)?;
            lost.extend(score.of_each(&logits).map(|left| whole - left));
            session.partial(|| Some(map_of(&lost)));
            Ok(())
        })?;

        Ok(map_of(&lost))
    }
}

/// Side and step of the patch in pixels, or why they can't be.
fn sizes(window: i64, stride: i64, height: usize, width: usize) -> Result<(usize, usize), Error> {
    let shorter = height.min(width);
    let window = match usize::try_from(window) {
        Ok(0) | Err(_) => (shorter / 7).max(1),
        Ok(window) => window,
    };
    let stride = match usize::try_from(stride) {
        Ok(0) | Err(_) => window.div_ceil(2),
        Ok(stride) => stride,
    };
    if window > shorter {
        return Err(Error::NotSupported(format!(
            "a window of {window} pixels does not fit into the model's input of {width} × {height}; take {shorter} at most"
        )));
    }
    if stride > window {
        return Err(Error::NotSupported(format!(
            "a stride of {stride} pixels with a window of {window} leaves gaps that no patch covers; take a stride of \
             {window} at most"
        )));
    }
    Ok((window, stride))
}

/// Where patches of side `window` lie along a side of `length`: one every `stride`, the last cut off at the end.
fn patches(length: usize, window: usize, stride: usize) -> Vec<Range<usize>> {
    let count = (length - window).div_ceil(stride) + 1;
    (0..count).map(|n| n * stride..(n * stride + window).min(length)).collect()
}

/// For each cell of the map along one side, the patches that cover it and the share that each has in its value: every
/// pixel is the mean of the patches over it, every cell the mean of its pixels. Cells are as many as strides fit, of equal
/// size to within a pixel, so that the map enlarged lies over the picture.
fn shares(patches: &[Range<usize>], length: usize, stride: usize) -> Vec<Vec<(usize, f64)>> {
    let cells = length.div_ceil(stride);
    (0..cells)
        .map(|cell| {
            let pixels = cell * length / cells..(cell + 1) * length / cells;
            let mut share = vec![0.0; patches.len()];
            for pixel in pixels.clone() {
                let over = patches.iter().filter(|p| p.contains(&pixel)).count();
                for (share, _) in share.iter_mut().zip(patches).filter(|(_, p)| p.contains(&pixel)) {
                    *share += 1.0 / (over * pixels.len()) as f64;
                }
            }
            share.into_iter().enumerate().filter(|(_, s)| *s > 0.0).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_cover_every_pixel_and_end_at_the_border() {
        assert_eq!(patches(224, 32, 16).len(), 13);
        assert_eq!(patches(10, 4, 3), [0..4, 3..7, 6..10]);
        assert_eq!(patches(11, 4, 3), [0..4, 3..7, 6..10, 9..11]);
        assert_eq!(patches(5, 5, 5).first(), Some(&(0..5)));
        for (length, window, stride) in [(224, 32, 16), (97, 13, 5), (8, 1, 1), (7, 7, 1), (10, 3, 3)] {
            let patches = patches(length, window, stride);
            assert!((0..length).all(|pixel| patches.iter().any(|p| p.contains(&pixel))));
            for cell in shares(&patches, length, stride) {
                assert!((cell.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
        assert_eq!(shares(&patches(8, 4, 2), 8, 2)[1], [(0, 0.5), (1, 0.5)]);
    }

    #[test]
    fn sizes_follow_the_input_where_they_are_not_given() {
        assert_eq!(sizes(0, 0, 224, 224), Ok((32, 16)));
        assert_eq!(sizes(0, 0, 32, 48), Ok((4, 2)));
        assert_eq!(sizes(0, 0, 3, 3), Ok((1, 1)));
        assert_eq!(sizes(15, 0, 224, 224), Ok((15, 8)));
        let says = |window, stride| sizes(window, stride, 224, 200).unwrap_err().to_string();
        assert_eq!(
            says(201, 0),
            "a window of 201 pixels does not fit into the model's input of 200 × 224; take 200 at most"
        );
        assert_eq!(
            says(8, 9),
            "a stride of 9 pixels with a window of 8 leaves gaps that no patch covers; take a stride of 8 at most"
        );
    }
}
