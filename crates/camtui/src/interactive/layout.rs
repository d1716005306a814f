//! Where things are on the screen: pure functions of its size and of what is shown, which the view, the encoding of pictures
//! and the mouse all obey.

use ratatui::layout::Rect;

/// The smallest screen that holds a picture, its predictions and the lines around them, in cells.
pub const SMALLEST: (u16, u16) = (40, 12);

/// Bounds of a pane's width in columns.
const PANE: (u16, u16) = (14, 90);
/// Columns that the picture keeps, whatever the panes want.
const PICTURE_COLS: u16 = 24;
/// Lines of predictions under a picture.
const LINES_BELOW: u16 = 5;

/// Which panes are wanted, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panes {
    /// The list of pictures: shown, hidden, or where there is room.
    pub browser: Option<bool>,
    /// Its columns.
    pub browser_cols: u16,
    /// Predictions and settings: shown, hidden, or where there is room.
    pub side: Option<bool>,
    /// Its columns.
    pub side_cols: u16,
}

impl Default for Panes {
    fn default() -> Self {
        Self { browser: None, browser_cols: 28, side: None, side_cols: 38 }
    }
}

impl Panes {
    /// With the list so much wider.
    pub fn widen_browser(&mut self, by: i32) {
        self.browser_cols = widened(self.browser_cols, by);
    }

    /// With predictions and settings so much wider.
    pub fn widen_side(&mut self, by: i32) {
        self.side_cols = widened(self.side_cols, by);
    }
}

fn widened(cols: u16, by: i32) -> u16 {
    (i32::from(cols) + by).clamp(i32::from(PANE.0), i32::from(PANE.1)) as u16
}

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// One line: the picture's name and place.
    pub header: Rect,
    /// The list of pictures, if shown. The column to its right is a border.
    pub browser: Option<Rect>,
    /// The picture, or the comparison.
    pub picture: Rect,
    /// Predictions and settings, if shown. Where they are beside the picture the column to their left is a border.
    pub side: Option<Rect>,
    /// One line: target, explainer, layer, model, look.
    pub legend: Rect,
    /// One line: diagnostics, messages, or what is being done.
    pub notes: Rect,
    /// One line: key hints.
    pub footer: Rect,
}

/// The parts of a screen of this size, or nothing if it is too small. While the list is `searched` it is shown in any case.
pub fn areas((cols, rows): (u16, u16), panes: Panes, several: bool, searched: bool) -> Option<Areas> {
    if cols < SMALLEST.0 || rows < SMALLEST.1 {
        return None;
    }
    let line = |y| Rect::new(0, y, cols, 1);
    let mut middle = Rect::new(0, 1, cols, rows - 4);
    let wide = |pane: u16, left: u16| left >= pane + 1 + PICTURE_COLS;

    let browser_cols = panes.browser_cols.min(cols.saturating_sub(PICTURE_COLS + 1)).max(PANE.0);
    let browser_wanted = searched || panes.browser.unwrap_or(several && cols >= 100);
    let browser = (browser_wanted && (wide(PANE.0, cols) || searched)).then(|| {
        let area = Rect::new(0, 1, browser_cols, middle.height);
        middle.x += browser_cols + 1;
        middle.width -= browser_cols + 1;
        area
    });

    let side = panes.side.unwrap_or(true).then(|| {
        let side_cols = panes.side_cols.min((middle.width / 2).max(PANE.0 + 6));
        let beside = wide(side_cols, middle.width)
            .then(|| Rect::new(middle.x, 1, middle.width - side_cols - 1, middle.height));
        let below_rows = LINES_BELOW.min(middle.height / 3);
        let above = Rect::new(middle.x, 1, middle.width, middle.height - below_rows - 1);
        // A cell is about twice as high as wide.
        let square = |area: Rect| area.width.min(2 * area.height);
        match beside {
            Some(picture) if square(picture) >= square(above) => {
                let side = Rect::new(picture.right() + 1, 1, side_cols, middle.height);
                middle = picture;
                side
            }
            _ => {
                let side = Rect::new(middle.x, above.bottom() + 1, middle.width, below_rows);
                middle = above;
                side
            }
        }
    });
    Some(Areas {
        header: line(0),
        browser,
        picture: middle,
        side,
        legend: line(rows - 3),
        notes: line(rows - 2),
        footer: line(rows - 1),
    })
}

/// The parts of one tile of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileArea {
    /// One line: what it shows.
    pub title: Rect,
    /// The picture.
    pub picture: Rect,
    /// One line: its cost and agreement.
    pub caption: Rect,
}

/// The least that a tile needs, its two lines of text included.
const SMALLEST_TILE: (u16, u16) = (12, 6);

/// Where the tiles of a comparison are: `count` of them, `across` side by side if there is room, fewer if not. Tiles that
/// do not fit below are not there; `first` is the row of tiles at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    area: Rect,
    count: usize,
    /// Tiles side by side.
    pub across: usize,
    /// Rows of tiles that fit.
    pub rows: usize,
}

impl Grid {
    /// The grid in an area.
    pub fn new(area: Rect, count: usize, across: usize) -> Self {
        let most_across = usize::from(area.width / SMALLEST_TILE.0).max(1);
        let across = across.clamp(1, most_across).min(count.max(1));
        let wanted_rows = count.div_ceil(across).max(1);
        let rows = usize::from(area.height / SMALLEST_TILE.1).clamp(1, wanted_rows);
        Self { area, count, across, rows }
    }

    /// The first row to show so that the tile is among those shown.
    pub fn first_row(&self, tile: usize) -> usize {
        (tile / self.across + 1).saturating_sub(self.rows)
    }

    /// Where a tile is when `first_row` is at the top.
    pub fn tile(&self, index: usize, first_row: usize) -> Option<TileArea> {
        let row = (index / self.across).checked_sub(first_row).filter(|row| *row < self.rows)?;
        if index >= self.count {
            return None;
        }
        let column = index % self.across;
        let cut = |total: u16, parts: usize, at: usize| (usize::from(total) * at / parts) as u16;
        let (x0, x1) =
            (cut(self.area.width, self.across, column), cut(self.area.width, self.across, column + 1));
        let (y0, y1) = (cut(self.area.height, self.rows, row), cut(self.area.height, self.rows, row + 1));
        // One column stays empty between neighbours.
        let width = (x1 - x0).saturating_sub(1).max(1);
        let (x, y, height) = (self.area.x + x0, self.area.y + y0, y1 - y0);
        Some(TileArea {
            title: Rect::new(x, y, width, 1),
            picture: Rect::new(x, y + 1, width, height.saturating_sub(2).max(1)),
            caption: Rect::new(x, y + height.saturating_sub(1), width, 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(areas: &Areas) -> Vec<Rect> {
        let mut all = vec![areas.header, areas.picture, areas.legend, areas.notes, areas.footer];
        all.extend(areas.browser);
        all.extend(areas.side);
        all
    }

    #[test]
    fn parts_lie_on_the_screen_and_never_on_each_other() {
        for cols in 0..240 {
            for rows in 0..70 {
                for browser in [None, Some(true), Some(false)] {
                    for (side, searched) in [(None, false), (Some(false), true), (Some(true), true)] {
                        let panes = Panes { browser, side, ..Panes::default() };
                        let Some(areas) = areas((cols, rows), panes, true, searched) else {
                            assert!(cols < 40 || rows < 12);
                            continue;
                        };
                        let screen = Rect::new(0, 0, cols, rows);
                        let all = all(&areas);
                        for (at, area) in all.iter().enumerate() {
                            assert!(
                                !area.is_empty() && screen.intersection(*area) == *area,
                                "{area:?} on {cols}×{rows} {panes:?}"
                            );
                            assert!(all[..at].iter().all(|other| !other.intersects(*area)), "{cols}×{rows}");
                        }
                        assert!(!searched || areas.browser.is_some());
                    }
                }
            }
        }
    }

    #[test]
    fn panes_give_way_to_the_picture() {
        let of = |size, panes| areas(size, panes, true, false).unwrap();
        let wide = of((160, 45), Panes::default());
        assert!(wide.browser.is_some() && wide.side.unwrap().x > wide.picture.x);
        let narrow = of((60, 60), Panes::default());
        assert!(narrow.browser.is_none() && narrow.side.unwrap().y > narrow.picture.y);
        let hidden = of((160, 45), Panes { browser: Some(false), side: Some(false), ..Panes::default() });
        assert_eq!(hidden.picture.width, 160);
        let mut greedy = Panes { browser: Some(true), ..Panes::default() };
        for _ in 0..50 {
            greedy.widen_browser(4);
            greedy.widen_side(4);
        }
        assert!(of((120, 40), greedy).picture.width >= PICTURE_COLS);
    }

    #[test]
    fn tiles_fill_their_area_and_scroll() {
        for (width, height) in [(24, 7), (100, 30), (200, 60), (39, 8)] {
            for count in 1..20 {
                for across in 1..8 {
                    let area = Rect::new(3, 2, width, height);
                    let grid = Grid::new(area, count, across);
                    for tile in 0..count {
                        let first = grid.first_row(tile);
                        let at = grid.tile(tile, first).unwrap();
                        for part in [at.title, at.picture, at.caption] {
                            assert!(!part.is_empty() && area.intersection(part) == part, "{part:?} {area:?}");
                        }
                        assert!(!at.picture.intersects(at.caption) && !at.picture.intersects(at.title));
                    }
                    assert_eq!(grid.tile(count, 0), None);
                }
            }
        }
        let grid = Grid::new(Rect::new(0, 0, 100, 30), 8, 4);
        assert_eq!((grid.across, grid.rows), (4, 2));
    }
}
