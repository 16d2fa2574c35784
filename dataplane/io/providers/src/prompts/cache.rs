//! Spoken prompts, kept so that each is synthesised once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Oldest out when the samples outgrow the limit: prompts of a flow come round with every call, so
/// age is as good a measure as use, and it needs no bookkeeping on a hit.
pub(super) struct Cache {
    limit: usize,
    samples: usize,
    entries: HashMap<(String, String), Arc<[i16]>>,
    order: VecDeque<(String, String)>,
}

impl Cache {
    /// Holds at most `limit` samples.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            samples: 0,
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn get(&self, voice: &str, text: &str) -> Option<Arc<[i16]>> {
        self.entries
            .get(&(voice.to_owned(), text.to_owned()))
            .cloned()
    }

    pub(super) fn put(&mut self, voice: &str, text: &str, audio: Arc<[i16]>) {
        let key = (voice.to_owned(), text.to_owned());
        if audio.len() > self.limit || self.entries.contains_key(&key) {
            return;
        }
        self.samples += audio.len();
        self.entries.insert(key.clone(), audio);
        self.order.push_back(key);
        while self.samples > self.limit {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(gone) = self.entries.remove(&oldest) {
                self.samples -= gone.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_prompt_makes_room() {
        let mut cache = Cache::new(10);
        cache.put("slt", "one", vec![0; 6].into());
        cache.put("slt", "two", vec![0; 4].into());
        cache.put("slt", "three", vec![0; 1].into());
        assert!(cache.get("slt", "one").is_none());
        assert!(cache.get("slt", "two").is_some() && cache.get("slt", "three").is_some());
        cache.put("slt", "too long", vec![0; 11].into());
        assert!(cache.get("slt", "too long").is_none() && cache.get("slt", "two").is_some());
    }
}
