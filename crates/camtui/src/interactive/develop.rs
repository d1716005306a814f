//! From an answer and a look to pixels: the picture's part at exactly the size that is shown, the map upsampled to it,
//! coloured and laid over.
//!
//! Each step is kept until what it depends on changes, so another opacity or colour map costs one pass over the pixels.

use std::sync::Arc;

use camtui_core::heatmap::{Colormap, Emphasis, Interpolation, Levels, Shown, Style};
use camtui_core::picture::{Photo, Rect};
use image::{RgbaImage, imageops};
use rayon::prelude::*;

use super::analyst::Explanation;
use super::look::{Look, Mode, Zoom};

/// The gap between two pictures side by side, as a share of their width.
const GAP: f32 = 0.02;

/// What is to be seen.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The answer.
    pub explanation: Arc<Explanation>,
    /// Another answer about the same picture, whose map is taken away from the first's.
    pub minus: Option<Arc<Explanation>>,
    /// How it is drawn.
    pub look: Look,
    /// A point of the picture that is marked, 0…1.
    pub crosshair: Option<(f32, f32)>,
}

impl Scene {
    /// Width and height of what is seen, in any unit.
    pub fn shape(&self) -> (u32, u32) {
        let photo = &self.explanation.photo;
        match self.look.mode {
            Mode::SideBySide => ((photo.width() as f32 * (2.0 + GAP)).round() as u32, photo.height()),
            _ => (photo.width(), photo.height()),
        }
    }

    fn signed(&self) -> bool {
        self.look.signed || self.minus.is_some()
    }
}

/// Makes scenes into pixels, and keeps what the next scene may use again.
#[derive(Default)]
pub struct Developer {
    part: Option<(PartKey, Arc<Vec<u8>>)>,
    shown: Option<(ShownKey, Arc<Shown>)>,
    levels: Option<(ShownKey, PartKey, Arc<Levels>)>,
}

/// What the resized part of a photo depends on.
#[derive(Clone, PartialEq)]
struct PartKey {
    photo: usize,
    zoom: Zoom,
    size: (u32, u32),
}

/// What a map with its scale depends on.
#[derive(Clone, PartialEq)]
struct ShownKey {
    explanation: usize,
    minus: usize,
    interpolation: Interpolation,
    signed: bool,
}

impl Developer {
    /// The scene at exactly `width`×`height` pixels.
    pub fn develop(&mut self, scene: &Scene, (width, height): (u32, u32)) -> RgbaImage {
        let (width, height) = (width.max(1), height.max(1));
        if scene.look.mode == Mode::SideBySide {
            let gap = (width as f32 * GAP / (2.0 + GAP)).round() as u32;
            let half = (width.saturating_sub(gap) / 2).max(1);
            let one = |mode| Scene { look: Look { mode, ..scene.look }, ..scene.clone() };
            let mut both = RgbaImage::new(width, height);
            let plain = self.develop(&one(Mode::Picture), (half, height));
            let over = self.develop(&one(Mode::Overlay), (half, height));
            imageops::replace(&mut both, &plain, 0, 0);
            imageops::replace(&mut both, &over, i64::from(width - half), 0);
            return both;
        }
        let key = PartKey {
            photo: Arc::as_ptr(&scene.explanation.photo) as usize,
            zoom: scene.look.zoom,
            size: (width, height),
        };
        let pixels = match scene.look.mode {
            Mode::Map => vec![0; width as usize * height as usize * 3],
            _ => self.part(&key, &scene.explanation.photo).as_ref().clone(),
        };
        let mut pixels = if scene.look.mode == Mode::Picture {
            pixels
        } else {
            let (levels, shown) = self.levels(scene, &key);
            let alpha = if scene.look.mode == Mode::Map { 1.0 } else { f32::from(scene.look.alpha) / 100.0 };
            let floor = scene.look.top.map_or(0, |percent| shown.floor(f32::from(percent) / 100.0));
            let contours = if scene.look.contours { (width / 400).max(1) } else { 0 };
            let style = Style { alpha, colormap: colours(scene) };
            match levels.draw(pixels, style, Emphasis { floor, contours }) {
                Some(overlay) => overlay.into_pixels(),
                None => vec![0; width as usize * height as usize * 3],
            }
        };
        if let Some(point) = scene.crosshair {
            mark(&mut pixels, (width, height), scene.look.zoom, point);
        }
        opaque(&pixels, width, height)
    }

    /// The visible part of the photo at its size on the screen, RGB.
    fn part(&mut self, key: &PartKey, photo: &Photo) -> Arc<Vec<u8>> {
        if let Some((known, pixels)) = &self.part
            && known == key
        {
            return Arc::clone(pixels);
        }
        let pixels = Arc::new(resized(photo, key.zoom, key.size));
        self.part = Some((key.clone(), Arc::clone(&pixels)));
        pixels
    }

    fn levels(&mut self, scene: &Scene, part: &PartKey) -> (Arc<Levels>, Arc<Shown>) {
        let explanation = &scene.explanation;
        let key = ShownKey {
            explanation: Arc::as_ptr(explanation) as usize,
            minus: scene.minus.as_ref().map_or(0, |other| Arc::as_ptr(other) as usize),
            interpolation: scene.look.interpolation,
            signed: scene.signed(),
        };
        let shown = match &self.shown {
            Some((known, shown)) if *known == key => Arc::clone(shown),
            _ => {
                let shown = Arc::new(shown(scene));
                self.shown = Some((key.clone(), Arc::clone(&shown)));
                shown
            }
        };
        if let Some((of, at, levels)) = &self.levels
            && *of == key
            && at == part
        {
            return (Arc::clone(levels), shown);
        }
        let (left, top, right, bottom) = scene.look.zoom.window();
        let photo = &explanation.photo;
        let across = |x: f32| (x / photo.width() as f32 - left) / (right - left) * part.size.0 as f32;
        let down = |y: f32| (y / photo.height() as f32 - top) / (bottom - top) * part.size.1 as f32;
        let seen = explanation.seen;
        let seen = Rect { x0: across(seen.x0), y0: down(seen.y0), x1: across(seen.x1), y1: down(seen.y1) };
        let levels = Arc::new(shown.part(part.size, seen));
        self.levels = Some((key, part.clone(), Arc::clone(&levels)));
        (levels, shown)
    }
}

/// The scene's map with the scale it has over the whole picture.
pub fn shown(scene: &Scene) -> Shown {
    let explanation = &scene.explanation;
    let map = match &scene.minus {
        None => explanation.shown_map(scene.look.signed),
        Some(other) => camtui_core::heatmap::difference(
            &explanation.shown_map(scene.look.signed),
            &other.shown_map(scene.look.signed),
            scene.look.interpolation,
            scene.look.signed,
        ),
    };
    let size = (explanation.photo.width(), explanation.photo.height());
    Shown::new(map, size, explanation.seen, scene.look.interpolation, scene.signed())
}

fn colours(scene: &Scene) -> Colormap {
    if scene.minus.is_some() { Colormap::Diverging } else { scene.look.colours() }
}

/// The window of the photo, resized.
fn resized(photo: &Photo, zoom: Zoom, (width, height): (u32, u32)) -> Vec<u8> {
    let (left, top, right, bottom) = zoom.window();
    let (w, h) = (f64::from(photo.width()), f64::from(photo.height()));
    let window = camtui_core::picture::resize::Part {
        left: f64::from(left) * w,
        top: f64::from(top) * h,
        width: f64::from(right - left) * w,
        height: f64::from(bottom - top) * h,
    };
    camtui_core::picture::resize::resize_part(photo, window, width, height)
}

/// A cross through a point, dark and light so that it is seen on everything.
fn mark(pixels: &mut [u8], (width, height): (u32, u32), zoom: Zoom, (x, y): (f32, f32)) {
    let (left, top, right, bottom) = zoom.window();
    let at = |point: f32, from: f32, to: f32, size: u32| ((point - from) / (to - from) * size as f32).floor();
    let (cx, cy) = (at(x, left, right, width), at(y, top, bottom, height));
    let thick = (width.max(height) / 500).max(1) as i64;
    let mut paint = |x: i64, y: i64, light: bool| {
        if (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y) {
            let at = (y as usize * width as usize + x as usize) * 3;
            pixels[at..at + 3].fill(if light { 255 } else { 0 });
        }
    };
    let (cx, cy) = (cx as i64, cy as i64);
    for offset in 0..thick {
        for x in 0..i64::from(width) {
            paint(x, cy + offset, (x / (4 * thick)) % 2 == 0);
        }
        for y in 0..i64::from(height) {
            paint(cx + offset, y, (y / (4 * thick)) % 2 == 0);
        }
    }
}

/// RGB as RGBA.
fn opaque(pixels: &[u8], width: u32, height: u32) -> RgbaImage {
    let mut out = vec![255u8; width as usize * height as usize * 4];
    let stride = width as usize;
    out.par_chunks_exact_mut(stride * 4).zip(pixels.par_chunks_exact(stride * 3)).for_each(|(to, from)| {
        for (to, from) in to.chunks_exact_mut(4).zip(from.chunks_exact(3)) {
            to[..3].copy_from_slice(from);
        }
    });
    RgbaImage::from_raw(width, height, out).unwrap_or_default()
}
