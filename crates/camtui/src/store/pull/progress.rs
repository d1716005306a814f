//! What the user sees of a running download: a bar on a terminal, a line or two elsewhere.

use camtui_term::sanitise;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Is told how far a download is.
pub trait Progress {
    /// So many bytes of the file are there.
    fn at(&self, bytes: u64);
    /// The connection failed for this reason and will be tried again.
    fn again(&self, why: &str);
    /// A plain line; what would steer a terminal is made visible.
    fn note(&self, line: &str);
    /// No more bytes will come.
    fn end(&self);
}

/// Progress on standard error. indicatif draws nothing where that is no terminal; notes appear in any case.
pub struct OnStderr(ProgressBar);

impl OnStderr {
    /// A bar for a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }
}

impl Progress for OnStderr {
    fn at(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    fn again(&self, why: &str) {
        self.note(&format!("{why}; trying again"));
    }

    fn note(&self, line: &str) {
        use std::io::Write;
        // Not `eprintln!`, which panics when nobody reads.
        self.0.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{}", sanitise(line));
        });
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
