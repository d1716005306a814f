//! Looks out for changes in folders, so that a picture that is written there appears in the list. Changes come in swarms
//! (a file is made, written, renamed); one action is sent when a swarm is over.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::action::Action;
use super::workers::Report;

/// A swarm is over when nothing has come for so long.
const QUIET: Duration = Duration::from_millis(300);

/// Looks out until it is dropped. Where the system cannot do that, it does nothing, and says so once.
pub struct Watcher {
    notify: Option<RecommendedWatcher>,
    report: Report,
}

impl Watcher {
    /// Looks out for changes in these folders and below, and in those that are added; in none where there is no list.
    pub fn start(folders: Option<&[PathBuf]>, report: &Report) -> Self {
        let (sender, changes) = channel();
        let told = std::sync::Arc::clone(report);
        let thread = thread::Builder::new().name("camtui-watch".to_owned()).spawn(move || {
            while changes.recv().is_ok() {
                loop {
                    match changes.recv_timeout(QUIET) {
                        Ok(()) => {}
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
                told(Action::FolderChanged);
            }
        });
        let notify = if folders.is_none() || thread.is_err() { None } else { watcher(sender) };
        let mut watcher = Self { notify, report: std::sync::Arc::clone(report) };
        for folder in folders.unwrap_or_default() {
            watcher.add(folder);
        }
        watcher
    }

    /// Looks out in this folder as well.
    pub fn add(&mut self, folder: &Path) {
        if let Some(notify) = &mut self.notify
            && let Err(error) = notify.watch(folder, RecursiveMode::Recursive)
        {
            let folder = folder.display();
            (self.report)(Action::Said(format!("{folder} is not watched for new pictures: {error}")));
        }
    }
}

fn watcher(sender: Sender<()>) -> Option<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a picture is no change.
        if event.is_ok_and(|event| matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_))) {
            let _ = sender.send(());
        }
    })
    .ok()
}
