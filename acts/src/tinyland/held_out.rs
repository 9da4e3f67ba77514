//! What is never trained on. Each rule looks only at the content, so it holds in every world, seed and phrasing.

use super::dice::{fingerprint, mix};
use super::world::{Composed, Fact};

/// The longest gap, in words, between a subject and its verb in training. Longer ones are held out.
pub const LONGEST_TRAINED_GAP: usize = 6;

/// A fact that is stated but never asked about in training: one in ten.
pub fn question(fact: &Fact) -> bool {
    fingerprint(&format!("{:?} {}", fact.relation, fact.subject)).is_multiple_of(10)
}

/// A composition that is neither stated nor asked about in training: one in five.
pub fn composed(composed: &Composed) -> bool {
    fingerprint(&format!("{:?} {}", composed.steps, composed.subject)).is_multiple_of(5)
}

/// A sum, in either order of its terms, that is neither given nor worked in training: one in ten of those with both terms
/// above nine. The sums of digits that a worked sum is made of are never held out.
pub fn sum(a: usize, b: usize) -> bool {
    a.min(b) > 9 && mix(mix(a.min(b) as u64) ^ a.max(b) as u64).is_multiple_of(10)
}

/// The opening of an agreement sentence, up to its verb, that is never seen in training: all with a gap longer than
/// [`LONGEST_TRAINED_GAP`] and one in twenty of the others, save those with no gap, which are too few to spare any.
pub fn agreement(prefix: &str, gap: usize) -> bool {
    gap > LONGEST_TRAINED_GAP || (gap > 0 && fingerprint(prefix).is_multiple_of(20))
}

/// Anything that is held out as a whole, by its text: one in twenty.
pub fn text(text: &str) -> bool {
    fingerprint(text).is_multiple_of(20)
}
