//! The models camtui knows by name: one that is in the program, one that is pulled.
//!
//! Everything a pull must check stands here, so the rest of the store never decides what is right. An
//! installed model keeps the file name its publisher gave it, which carries the start of its hash: another
//! version would be another file.

use std::path::PathBuf;

use super::places::Places;

/// One model with a name.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What the user types: `-m resnet18`.
    pub name: &'static str,
    /// One line: what it is and was trained on.
    pub summary: &'static str,
    /// The licence of the weights, as an SPDX expression, with whose it is.
    pub licence: &'static str,
    /// How one comes to it.
    pub origin: Origin,
}

/// Where a model comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// Part of the program: always there.
    Embedded,
    /// A file somewhere on the network.
    Download(Download),
}

/// A file on the network and what it must be.
#[derive(Debug, Clone, Copy)]
pub struct Download {
    /// Its name there and here.
    pub file: &'static str,
    /// The folder it lies in, without a slash at the end.
    pub base: &'static str,
    /// Bytes.
    pub size: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: &'static str,
}

/// ResNet-18 as torchvision publishes it (`ResNet18_Weights.IMAGENET1K_V1`).
pub const RESNET18: Entry = Entry {
    name: "resnet18",
    summary: "ResNet-18, ImageNet-1k, torchvision's checkpoint",
    licence: "BSD-3-Clause (torchvision)",
    origin: Origin::Download(Download {
        file: "resnet18-f37072fd.pth",
        base: "https://download.pytorch.org/models",
        size: 46_830_571,
        sha256: "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    }),
};

/// The small classifier that is compiled into the program.
pub const EFFICIENTNET_LITE0: Entry = Entry {
    name: camtui_core::arch::embedded::NAME,
    summary: "EfficientNet-Lite0, ImageNet-1k, in the program itself",
    licence: "Apache-2.0",
    origin: Origin::Embedded,
};

/// Every model with a name, the default first.
pub const ENTRIES: &[Entry] = &[RESNET18, EFFICIENTNET_LITE0];

/// The model of this name, if there is one.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The file of an installed model; `None` for an unknown, an embedded, a missing or a half-copied one.
///
/// Only the size is looked at, because every start asks: `camtui model pull` checks the hash, before it
/// installs and again when it finds the model there.
pub fn installed(name: &str, places: &Places) -> Option<PathBuf> {
    installed_entry(find(name)?, places)
}

/// As [`installed`], for an entry at hand.
pub fn installed_entry(entry: &Entry, places: &Places) -> Option<PathBuf> {
    let Origin::Download(download) = entry.origin else { return None };
    let path = places.models().ok()?.join(download.file);
    let found = std::fs::metadata(&path).ok()?;
    (found.is_file() && found.len() == download.size).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_checkpoint_is_what_torchvision_publishes() {
        let Origin::Download(file) = find("resnet18").unwrap().origin else {
            panic!("resnet18 is downloaded")
        };
        assert_eq!(file.size, 46_830_571);
        assert_eq!(file.sha256, "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec");
        // PyTorch puts the first eight digits of the hash into the name.
        assert_eq!(file.file, format!("resnet18-{}.pth", &file.sha256[..8]));
    }

    #[test]
    fn a_half_copied_model_does_not_count_as_installed() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(|_| Some(folder.path().into()), None);
        assert_eq!(installed("resnet18", &places), None);
        let path = places.models().unwrap().join("resnet18-f37072fd.pth");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(46_830_570).unwrap();
        assert_eq!(installed("resnet18", &places), None);
        file.set_len(46_830_571).unwrap();
        assert_eq!(installed("resnet18", &places), Some(path));
        assert_eq!(installed("efficientnet-lite0", &places), None);
        assert_eq!(installed("no-such-model", &places), None);
    }
}
