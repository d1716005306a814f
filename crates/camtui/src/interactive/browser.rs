//! The list of pictures: what is in it, in which order, what is searched for, what is marked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::analyst::{NewPicture, PictureId, Prediction};
use super::field::Field;
use super::fuzzy;
use super::picture::Encoded;

/// One picture of the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path, names and place.
    pub picture: NewPicture,
    /// Whether it is marked.
    pub marked: bool,
    /// What a model sees in it, where that is known.
    pub class: Option<Prediction>,
    /// Why it cannot be shown.
    pub broken: bool,
    /// A small version of it, ready for the terminal.
    pub thumbnail: Option<Arc<Encoded>>,
}

/// How the list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name, folder after folder as they were named.
    #[default]
    Name,
    /// By the likeliest class's name, then by its probability.
    Class,
    /// By the likeliest class's probability, the least certain first.
    Probability,
}

impl Sort {
    /// Every order with its name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("name", Self::Name), ("class", Self::Class), ("probability", Self::Probability)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, sort)| *sort == self).map_or("", |(name, _)| name)
    }

    /// The order of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, sort)| sort)
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::NAMES.iter().position(|(_, sort)| *sort == self).unwrap_or(0);
        Self::NAMES[(at + 1) % Self::NAMES.len()].1
    }
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The folder of the pictures below it: that of this picture.
    Folder(PictureId),
    /// A picture.
    Picture(PictureId),
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// All pictures; each one's place is its id.
    pub entries: Vec<Entry>,
    /// Those that are listed, in the list's order.
    pub listed: Vec<PictureId>,
    /// What is searched for, while it is typed.
    pub search: Option<Field>,
    /// What was searched for.
    pub filter: String,
    /// The order.
    pub sort: Sort,
    /// Whether only marked pictures are listed.
    pub only_marked: bool,
}

impl Browser {
    /// A list of these.
    pub fn new(pictures: Vec<NewPicture>) -> Self {
        let mut browser = Self::default();
        browser.add(pictures);
        browser
    }

    /// Adds pictures at the end of all; the list is put in order anew.
    pub fn add(&mut self, pictures: Vec<NewPicture>) {
        // An id is a place in `entries`; whoever numbers them otherwise is not listened to.
        for picture in pictures {
            if picture.id == self.entries.len() {
                self.entries.push(Entry {
                    picture,
                    marked: false,
                    class: None,
                    broken: false,
                    thumbnail: None,
                });
            }
        }
        self.arrange();
    }

    /// Finds out anew what is listed and in which order.
    pub fn arrange(&mut self) {
        let wanted = |id: &PictureId| !self.only_marked || self.entries[*id].marked;
        let mut ids: Vec<PictureId> = (0..self.entries.len()).filter(wanted).collect();
        let filter = self.search.as_ref().map_or(self.filter.as_str(), Field::text);
        if !filter.trim().is_empty() {
            let names = ids.iter().map(|&id| self.entries[id].picture.path.as_str());
            ids = fuzzy::matching(filter, names).into_iter().map(|at| ids[at]).collect();
            // While typing the best match is first; the order of the list comes back with the list.
            self.listed = ids;
            return;
        }
        match self.sort {
            Sort::Name => {
                let folders = self.folders();
                let key = |id: PictureId| {
                    let picture = &self.entries[id].picture;
                    (folders[picture.folder.as_str()], &picture.name, id)
                };
                ids.sort_by(|&a, &b| key(a).cmp(&key(b)));
            }
            Sort::Class | Sort::Probability => ids.sort_by(|&a, &b| self.compare(a, b)),
        }
        self.listed = ids;
    }

    /// The folders' places: the first that was named is the first.
    fn folders(&self) -> HashMap<&str, usize> {
        let mut places = HashMap::new();
        for entry in &self.entries {
            let next = places.len();
            places.entry(entry.picture.folder.as_str()).or_insert(next);
        }
        places
    }

    /// Classified pictures before the others.
    fn compare(&self, a: PictureId, b: PictureId) -> std::cmp::Ordering {
        let (first, second) = (&self.entries[a].class, &self.entries[b].class);
        match (first, second) {
            (Some(x), Some(y)) if self.sort == Sort::Class => {
                (x.label.cmp(&y.label)).then(y.probability.total_cmp(&x.probability)).then(a.cmp(&b))
            }
            (Some(x), Some(y)) => x.probability.total_cmp(&y.probability).then(a.cmp(&b)),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => a.cmp(&b),
        }
    }

    /// The place of a picture in the list.
    pub fn place(&self, id: PictureId) -> Option<usize> {
        self.listed.iter().position(|&listed| listed == id)
    }

    /// The picture so many places on, round the ends; from one that is not listed, the first or last.
    pub fn step(&self, from: PictureId, by: isize) -> Option<PictureId> {
        let count = self.listed.len() as isize;
        if count == 0 {
            return None;
        }
        let to = match self.place(from) {
            Some(place) => (place as isize + by).rem_euclid(count),
            None if by < 0 => count - 1,
            None => 0,
        };
        Some(self.listed[to as usize])
    }

    /// The pictures that are probably looked at next.
    pub fn neighbours(&self, of: PictureId) -> Vec<PictureId> {
        let mut near: Vec<PictureId> = [1, -1, 2].into_iter().filter_map(|by| self.step(of, by)).collect();
        let mut seen = HashSet::from([of]);
        near.retain(|&id| seen.insert(id));
        near
    }

    /// The lines of the list; folders have lines of their own where there are several and the list is sorted by name.
    pub fn lines(&self) -> Vec<Line> {
        let folder = |id: PictureId| self.entries[id].picture.folder.as_str();
        let searching = self.search.is_some() || !self.filter.trim().is_empty();
        let several = self.listed.windows(2).any(|pair| folder(pair[0]) != folder(pair[1]));
        let mut lines = Vec::with_capacity(self.listed.len() + 8);
        for (at, &id) in self.listed.iter().enumerate() {
            if several
                && !searching
                && self.sort == Sort::Name
                && (at == 0 || folder(self.listed[at - 1]) != folder(id))
            {
                lines.push(Line::Folder(id));
            }
            lines.push(Line::Picture(id));
        }
        lines
    }

    /// How many are marked.
    pub fn marked(&self) -> usize {
        self.entries.iter().filter(|entry| entry.marked).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser() -> Browser {
        let picture = |(id, path): (usize, &str)| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            NewPicture { id, path: path.to_owned(), name: name.to_owned(), folder: folder.to_owned() }
        };
        Browser::new(
            ["b.jpg", "sub/cat.jpg", "a.jpg", "sub/dog.jpg"].into_iter().enumerate().map(picture).collect(),
        )
    }

    fn class(label: &str, probability: f32) -> Prediction {
        Prediction { index: 0, label: label.to_owned(), probability }
    }

    #[test]
    fn folders_come_with_lines_of_their_own() {
        let lines = browser().lines();
        let expected = [
            Line::Folder(2),
            Line::Picture(2),
            Line::Picture(0),
            Line::Folder(1),
            Line::Picture(1),
            Line::Picture(3),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn folders_stay_in_the_order_in_which_they_were_named() {
        let place = |(id, path): (usize, &str)| {
            let (folder, name) = path.split_once('/').unwrap();
            NewPicture { id, path: path.to_owned(), name: name.to_owned(), folder: folder.to_owned() }
        };
        let named = ["z/b.jpg", "a/c.jpg", "z/a.jpg"];
        assert_eq!(Browser::new(named.into_iter().enumerate().map(place).collect()).listed, [2, 0, 1]);
    }

    #[test]
    fn searching_lists_what_matches() {
        let mut browser = browser();
        browser.search = Some(Field::with("dog"));
        browser.arrange();
        assert_eq!(browser.listed, [3]);
        assert_eq!(browser.step(0, 1), Some(3), "from a picture that is not listed");
        browser.search = Some(Field::with("nothing"));
        browser.arrange();
        assert_eq!(browser.step(0, 1), None);
    }

    #[test]
    fn sorting_puts_what_is_not_classified_last() {
        let mut browser = browser();
        browser.entries[0].class = Some(class("wolf", 0.9));
        browser.entries[1].class = Some(class("cat", 0.4));
        browser.entries[3].class = Some(class("cat", 0.8));
        browser.sort = Sort::Class;
        browser.arrange();
        assert_eq!(browser.listed, [3, 1, 0, 2]);
        browser.sort = Sort::Probability;
        browser.arrange();
        assert_eq!(browser.listed, [1, 3, 0, 2]);
    }

    #[test]
    fn stepping_goes_round_and_marks_narrow() {
        let mut browser = browser();
        assert_eq!((browser.step(3, 1), browser.step(2, -1)), (Some(2), Some(3)));
        assert_eq!(browser.neighbours(2), [0, 3, 1]);
        browser.entries[1].marked = true;
        browser.only_marked = true;
        browser.arrange();
        assert_eq!((browser.listed.clone(), browser.marked()), (vec![1], 1));
        assert!(browser.neighbours(1).is_empty());
    }
}
