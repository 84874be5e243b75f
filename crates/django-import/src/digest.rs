//! What rows amount to, in whatever order they come.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A checksum over rows that does not depend on their order: the sum of the SHA-256 of each, modulo 2^256.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many rows.
    pub(super) rows: u64,
    parts: [u64; 4],
}

impl Sum {
    /// Adds a row by its canonical line.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.rows += 1;
        let hash = Sha256::digest(line);
        let mut carry = false;
        for (part, bytes) in self.parts.iter_mut().zip(hash.chunks_exact(8)) {
            let number = u64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
            let (sum, first) = part.overflowing_add(number);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *part = sum;
        }
    }

    /// The checksum, in hexadecimal.
    pub(super) fn hex(&self) -> String {
        self.parts
            .iter()
            .map(|part| hex::encode(part.to_le_bytes()))
            .collect()
    }
}

/// A short mark of a value: two that differ have different marks but by a chance that nobody will see.
pub(super) fn mark(value: &impl Serialize) -> u128 {
    let line = serde_json::to_vec(value).expect("texts and numbers are always JSON");
    let hash = Sha256::digest(line);
    u128::from_le_bytes(hash[..16].try_into().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_count_and_every_row_does() {
        let sum = |lines: &[&str]| {
            let mut sum = Sum::default();
            for line in lines {
                sum.add(line.as_bytes());
            }
            (sum.rows, sum.hex())
        };

        assert_eq!(sum(&["a", "b", "c"]), sum(&["c", "a", "b"]));
        assert_ne!(sum(&["a", "b"]).1, sum(&["a", "c"]).1);
        assert_ne!(sum(&["a", "a"]).1, sum(&["a"]).1);
        assert_eq!(sum(&["a"]).1, hex::encode(Sha256::digest("a")));
    }
}
