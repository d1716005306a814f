//! What the next question will probably need again: decoded pictures and what models said of them, the least recently used
//! dropped first.

use std::sync::{Arc, Mutex, PoisonError};

/// Values by key, the most recently used last, no more than a given weight together.
pub struct Kept<K, V> {
    values: Mutex<Vec<(K, Arc<V>, usize)>>,
    most: usize,
}

impl<K: PartialEq, V> Kept<K, V> {
    /// Keeps values of this weight together, and always the latest.
    pub fn new(most: usize) -> Self {
        Self { values: Mutex::new(Vec::new()), most }
    }

    /// The value, if it is still there.
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let at = values.iter().position(|(known, ..)| known == key)?;
        let entry = values.remove(at);
        let value = Arc::clone(&entry.1);
        values.push(entry);
        Some(value)
    }

    /// Keeps a value.
    pub fn put(&self, key: K, value: V, weight: usize) -> Arc<V> {
        let value = Arc::new(value);
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.retain(|(known, ..)| *known != key);
        values.push((key, Arc::clone(&value), weight));
        let mut total: usize = values.iter().map(|(.., weight)| weight).sum();
        while total > self.most && values.len() > 1 {
            total -= values.remove(0).2;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_the_latest_stays() {
        let kept = Kept::new(3);
        for key in [1, 2, 3] {
            kept.put(key, key * 10, 1);
        }
        assert_eq!(kept.get(&1).as_deref(), Some(&10));
        kept.put(4, 40, 1);
        assert_eq!((kept.get(&2), kept.get(&1).as_deref()), (None, Some(&10)));
        kept.put(5, 50, 9);
        assert_eq!((kept.get(&5).as_deref(), kept.get(&4), kept.get(&1)), (Some(&50), None, None));
    }
}
