//! A counter-based generator: the same numbers in any order, on any executor.
//!
//! Threefry-2x32 with 20 rounds (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011), as in JAX.
//! Additions, rotations and exclusive ors only, so the WGSL twin gives the same bits.

const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];

/// Two random words for a key and a two-word counter.
pub fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1BD1_1BDA];
    let mut x = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    for group in 0..5 {
        for r in ROTATIONS[group % 2] {
            x[0] = x[0].wrapping_add(x[1]);
            x[1] = x[1].rotate_left(r) ^ x[0];
        }
        x[0] = x[0].wrapping_add(keys[(group + 1) % 3]);
        x[1] = x[1].wrapping_add(keys[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    x
}

/// Two random words for element `i` of a stream.
pub fn bits(key: [u32; 2], i: u32) -> [u32; 2] {
    threefry(key, [i, 0])
}

/// A float in (0, 1), never 0 or 1: the middle of one of 2^23 equal cells.
pub fn unit(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0)
}

/// A standard normal number for element `i` of a stream (Box-Muller).
pub fn normal(key: [u32; 2], i: u32) -> f32 {
    let [a, b] = bits(key, i);
    (-2.0 * unit(a).ln()).sqrt() * (std::f32::consts::TAU * unit(b)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the authors' own test suite (Random123, `kat_vectors`).
    #[test]
    fn threefry_gives_the_published_answers() {
        assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(threefry([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]), [0xc492_3a9c, 0x483d_f7a0]);
    }

    #[test]
    fn unit_stays_inside() {
        assert!(unit(0) > 0.0 && unit(u32::MAX) < 1.0);
    }
}
