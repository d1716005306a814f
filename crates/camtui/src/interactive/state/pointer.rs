//! The mouse: choosing by a click, dragging borders and the picture, looking closer with the wheel, reading a point.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::analyst::{Class, Target};
use super::super::browser::Line;
use super::super::command::Command;
use super::super::dialog::Dialog;
use super::super::look::Mode;
use super::super::view;
use super::{Effect, State};

/// How much closer one turn of the wheel looks.
const WHEEL: f32 = 1.25;

/// What the mouse holds while a button is down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// The border right of the list.
    Browser,
    /// The border left of the predictions.
    Side,
    /// The picture, by the cell where it was last.
    Picture(u16, u16),
}

impl State {
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Vec<Effect> {
        let at = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.press(at),
            MouseEventKind::Down(MouseButton::Right) => self.read(at),
            MouseEventKind::Drag(MouseButton::Left) => self.drag(at),
            MouseEventKind::Up(_) => {
                self.held = Held::Nothing;
                Vec::new()
            }
            MouseEventKind::ScrollUp => self.wheel(at, -1),
            MouseEventKind::ScrollDown => self.wheel(at, 1),
            _ => Vec::new(),
        }
    }

    fn press(&mut self, at: Position) -> Vec<Effect> {
        let Some(areas) = self.areas() else { return Vec::new() };
        if let Some(dialog) = self.dialogs.pop() {
            return self.press_dialog(dialog, at);
        }
        if let Some(browser) = areas.browser {
            if at.x == browser.right() && browser.top() <= at.y && at.y < browser.bottom() {
                self.held = Held::Browser;
                return Vec::new();
            }
            if browser.contains(at) {
                let rows = view::browser::rows(self, browser);
                let hit = rows.into_iter().find(|row| row.area.contains(at));
                return match hit.map(|row| row.line) {
                    Some(Line::Picture(id)) => self.go_to(id),
                    _ => Vec::new(),
                };
            }
        }
        if let Some(side) = areas.side {
            if side.x > 0
                && at.x == side.x - 1
                && side.y == areas.picture.y
                && side.contains(Position::new(side.x, at.y))
            {
                self.held = Held::Side;
                return Vec::new();
            }
            if side.contains(at) {
                return match view::side::class_at(self, side, at) {
                    Some(index) => self.ask(|question| question.target = Target::One(Class::Index(index))),
                    None => Vec::new(),
                };
            }
        }
        if let Some(compare) = &self.compare {
            let hit = (0..compare.tiles.len())
                .find(|&tile| self.tile_area(tile).is_some_and(|area| joined(area).contains(at)));
            if let (Some(tile), Some(compare)) = (hit, &mut self.compare) {
                // A second click on the same tile opens it.
                if compare.cursor == tile {
                    return self.open_tile();
                }
                compare.cursor = tile;
            }
            return Vec::new();
        }
        if self.crosshair.is_some() {
            return self.read(at);
        }
        if areas.picture.contains(at) {
            self.held = Held::Picture(at.x, at.y);
        }
        Vec::new()
    }

    /// A click into a list chooses, one beside it closes it.
    fn press_dialog(&mut self, mut dialog: Dialog, at: Position) -> Vec<Effect> {
        if let Dialog::Palette(picker, _) | Dialog::Choose(_, picker) = &mut dialog
            && let Some(hit) = view::dialog::item_at(picker, self.size, at)
        {
            picker.cursor = hit;
            let key = if picker.several { "Space" } else { "Enter" };
            self.dialogs.push(dialog);
            return key.parse().map_or_else(|_| Vec::new(), |key| self.key(key));
        }
        if view::dialog::area(&dialog, self).contains(at) {
            self.dialogs.push(dialog);
        }
        Vec::new()
    }

    fn drag(&mut self, at: Position) -> Vec<Effect> {
        let Some(areas) = self.areas() else { return Vec::new() };
        match self.held {
            Held::Nothing => Vec::new(),
            Held::Browser => {
                let by = i32::from(at.x) - areas.browser.map_or(0, |area| i32::from(area.right()));
                self.panes.widen_browser(by);
                self.develop_all()
            }
            Held::Side => {
                let by = areas.side.map_or(0, |area| i32::from(area.x) - 1) - i32::from(at.x);
                self.panes.widen_side(by);
                self.develop_all()
            }
            Held::Picture(x, y) => {
                let Some(place) = self.picture_place() else { return Vec::new() };
                self.held = Held::Picture(at.x, at.y);
                let moved = |to: u16, from: u16, size: u16| {
                    (f32::from(from) - f32::from(to)) / f32::from(size.max(1))
                };
                let (dx, dy) = (moved(at.x, x, place.width), moved(at.y, y, place.height));
                if self.look.zoom.factor > 1.0 {
                    self.change(|look| look.zoom = look.zoom.panned(dx, dy))
                } else {
                    Vec::new()
                }
            }
        }
    }

    fn wheel(&mut self, at: Position, by: isize) -> Vec<Effect> {
        match self.dialogs.last_mut() {
            Some(Dialog::Palette(picker, _) | Dialog::Choose(_, picker)) => {
                picker.step(by);
                return Vec::new();
            }
            Some(Dialog::Help(down)) => {
                *down = down.saturating_add_signed(by as i16);
                return Vec::new();
            }
            Some(Dialog::Messages(up)) => {
                *up = up.saturating_add_signed(-by as i16);
                return Vec::new();
            }
            Some(_) => return Vec::new(),
            None => {}
        }
        let Some(areas) = self.areas() else { return Vec::new() };
        if areas.browser.is_some_and(|area| area.contains(at)) {
            return self.obey(if by > 0 { Command::NextPicture } else { Command::PreviousPicture });
        }
        if areas.side.is_some_and(|area| area.contains(at)) {
            return self.obey(if by > 0 { Command::NextClass } else { Command::PreviousClass });
        }
        if let Some(compare) = &mut self.compare {
            compare.step(by);
            return Vec::new();
        }
        let towards = self.point(at);
        self.zoom(if by < 0 { WHEEL } else { 1.0 / WHEEL }, towards)
    }

    /// The crosshair goes to a cell.
    fn read(&mut self, at: Position) -> Vec<Effect> {
        match self.point(at) {
            Some(point) => {
                self.crosshair = Some(point);
                self.develop()
            }
            None => Vec::new(),
        }
    }

    /// The point of the picture that a cell's middle shows, 0…1.
    fn point(&self, at: Position) -> Option<(f32, f32)> {
        let mut place = self.picture_place().filter(|place| place.contains(at))?;
        if self.look.mode == Mode::SideBySide {
            let half = place.width / 2;
            if at.x >= place.x + half {
                place.x += place.width - half;
            }
            place.width = half;
        }
        let share = |at: u16, from: u16, size: u16| {
            (f32::from(at.saturating_sub(from)) + 0.5) / f32::from(size.max(1))
        };
        let (left, top, right, bottom) = self.look.zoom.window();
        let (x, y) = (share(at.x, place.x, place.width), share(at.y, place.y, place.height));
        Some(((left + x * (right - left)).clamp(0.0, 1.0), (top + y * (bottom - top)).clamp(0.0, 1.0)))
    }
}

fn joined(area: super::super::layout::TileArea) -> Rect {
    area.title.union(area.picture).union(area.caption)
}
