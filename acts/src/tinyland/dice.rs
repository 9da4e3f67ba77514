//! Seeded chance: the same numbers on every platform, and no state shared between places that draw.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::RngCore;

/// A small seeded source of choices.
#[derive(Debug, Clone)]
pub struct Dice(Pcg32);

impl Dice {
    /// Dice fixed by all of `parts`, so that a row of a batch can own its dice: `Dice::new(&[seed, step, row])`.
    pub fn new(parts: &[u64]) -> Self {
        let state = parts.iter().fold(0x71_4e_41, |state, &part| mix(state ^ mix(part)));
        Self(Pcg32::new(state, mix(state)))
    }

    /// A number in `0..bound`, by multiplying instead of taking a remainder. `bound` is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.0.next_u32()) * bound as u64) >> 32) as usize
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of a hundred throws.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, all equally likely.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// `count` different ones of `items`, in random order; all of them if there are fewer.
    pub fn pick_distinct<T: Copy>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut items = items.to_vec();
        let count = count.min(items.len());
        for place in 0..count {
            let other = self.between(place, items.len() - 1);
            items.swap(place, other);
        }
        items.truncate(count);
        items
    }

    /// An index of `weights`, with the chances that they give.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut ticket = self.below(weights.iter().sum());
        for (index, &weight) in weights.iter().enumerate() {
            if ticket < weight {
                return index;
            }
            ticket -= weight;
        }
        weights.len() - 1
    }
}

/// Scrambles a number so that neighbours end far apart (the finaliser of splitmix64).
pub fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number that depends on every byte of `text` and on nothing else (FNV-1a, then scrambled).
pub fn fingerprint(text: &str) -> u64 {
    mix(text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}
