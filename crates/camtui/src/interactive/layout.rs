//! Where things are on the screen: a pure function of its size, which both the view and the encoding of pictures obey.

use ratatui::layout::Rect;

/// The smallest screen that holds a picture, its predictions and the lines around them, in cells.
pub const SMALLEST: (u16, u16) = (40, 12);

/// Classes that are listed at most.
const MOST_PREDICTIONS: u16 = 10;
/// Classes that are listed under a picture.
const PREDICTIONS_BELOW: u16 = 5;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// One line: the picture's name and place.
    pub header: Rect,
    /// The picture.
    pub picture: Rect,
    /// The predictions, a line each.
    pub predictions: Rect,
    /// One line: target, explainer, layer.
    pub legend: Rect,
    /// One line: diagnostics, or what is being done.
    pub notes: Rect,
    /// One line: key hints.
    pub footer: Rect,
}

/// The parts of a screen of this size, or nothing if it is too small.
pub fn areas(cols: u16, rows: u16) -> Option<Areas> {
    if cols < SMALLEST.0 || rows < SMALLEST.1 {
        return None;
    }
    let line = |y| Rect::new(0, y, cols, 1);
    let middle = rows - 4;
    let (picture, predictions) = split(cols, middle);
    Some(Areas {
        header: line(0),
        picture,
        predictions,
        legend: line(rows - 3),
        notes: line(rows - 2),
        footer: line(rows - 1),
    })
}

/// Picture and predictions side by side or one above the other, whichever leaves a square picture larger.
fn split(cols: u16, middle: u16) -> (Rect, Rect) {
    let side = (cols / 3).clamp(20, 44);
    let beside = Rect::new(0, 1, cols - side - 1, middle);
    let above = Rect::new(0, 1, cols, middle.saturating_sub(PREDICTIONS_BELOW + 1));
    // A cell is about twice as high as wide.
    let square = |area: Rect| area.width.min(2 * area.height);
    if square(beside) >= square(above) {
        (beside, Rect::new(cols - side, 1, side, middle.min(MOST_PREDICTIONS)))
    } else {
        (above, Rect::new(0, above.bottom() + 1, cols, PREDICTIONS_BELOW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_on_the_screen_and_never_on_each_other() {
        for cols in 0..140 {
            for rows in 0..70 {
                let Some(areas) = areas(cols, rows) else {
                    assert!(cols < 40 || rows < 12);
                    continue;
                };
                let all =
                    [areas.header, areas.picture, areas.predictions, areas.legend, areas.notes, areas.footer];
                let screen = Rect::new(0, 0, cols, rows);
                for (at, area) in all.iter().enumerate() {
                    assert!(
                        !area.is_empty() && screen.intersection(*area) == *area,
                        "{area:?} on {cols}×{rows}"
                    );
                    assert!(all[..at].iter().all(|other| !other.intersects(*area)), "{cols}×{rows}");
                }
            }
        }
    }

    #[test]
    fn the_picture_gets_the_better_arrangement() {
        let wide = areas(120, 40).unwrap();
        assert_eq!((wide.picture.width, wide.picture.height), (79, 36), "predictions beside it");
        let tall = areas(60, 60).unwrap();
        assert_eq!((tall.picture.width, tall.picture.height), (60, 50), "predictions below it");
    }
}
