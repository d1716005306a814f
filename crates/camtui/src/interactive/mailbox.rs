//! How work reaches a worker: a box that holds the newest job of each kind, most urgent first. What is replaced before it was
//! begun is never done, which is what makes a held key cheap.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs by their kind; smaller kinds are more urgent.
#[derive(Debug)]
pub struct Mailbox<K, J> {
    jobs: Mutex<BTreeMap<K, J>>,
    filled: Condvar,
}

impl<K: Ord + Copy, J> Mailbox<K, J> {
    /// An empty box.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { jobs: Mutex::new(BTreeMap::new()), filled: Condvar::new() })
    }

    /// Nothing is ever done while the lock is held that could leave the box half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, J>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a job, in place of one of the same kind that is still there.
    pub fn post(&self, kind: K, job: J) {
        self.lock().insert(kind, job);
        self.filled.notify_one();
    }

    /// Takes jobs of these kinds away.
    pub fn withdraw(&self, unwanted: impl Fn(K) -> bool) {
        self.lock().retain(|kind, _| !unwanted(*kind));
    }

    /// Whether a job of this kind is there.
    pub fn holds(&self, kind: K) -> bool {
        self.lock().contains_key(&kind)
    }

    /// Whether nothing is left to do.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Waits for the most urgent job.
    pub fn take(&self) -> (K, J) {
        let mut jobs = self.lock();
        loop {
            if let Some(next) = jobs.pop_first() {
                return next;
            }
            jobs = self.filled.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_a_kind_replaces_and_the_most_urgent_goes_first() {
        let mailbox = Mailbox::new();
        for (kind, job) in [(3, "thumbnail"), (1, "old"), (2, "tile"), (1, "new")] {
            mailbox.post(kind, job);
        }
        mailbox.withdraw(|kind| kind == 2);
        assert_eq!([1, 2, 3].map(|kind| mailbox.holds(kind)), [true, false, true]);
        assert_eq!((mailbox.take(), mailbox.take()), ((1, "new"), (3, "thumbnail")));
        assert!(mailbox.is_empty());
    }
}
