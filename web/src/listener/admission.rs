//! The memory that bodies on their way in take, over all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::limits::ALL_BODIES;

/// What all bodies take together (bytes).
#[derive(Debug, Clone, Default)]
pub(super) struct Bodies(Arc<AtomicUsize>);

impl Bodies {
    /// The share of a request that has not sent anything yet.
    pub(super) fn share(&self) -> Share {
        Share {
            all: self.clone(),
            bytes: 0,
        }
    }
}

/// What one body takes, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    all: Bodies,
    bytes: usize,
}

impl Share {
    /// Takes more; `false` where there is no room for it.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let before = self.all.0.fetch_add(bytes, Ordering::Relaxed);
        before + bytes <= ALL_BODIES
    }

    /// How much was taken so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_took_is_given_back() {
        let bodies = Bodies::default();
        let mut large = bodies.share();

        assert!(large.grow(ALL_BODIES));
        assert!(!bodies.share().grow(1));
        drop(large);
        assert!(bodies.share().grow(1));
    }
}
