//! Loops over packed weights that the compiler turns into SIMD code: neighbouring columns are neighbouring words.

use crate::quant::{Levels, NF4, Packing};

/// A packed matrix where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    pub packing: Packing,
    pub words: &'a [u32],
    pub steps: &'a [f32],
    pub zeros: Option<&'a [f32]>,
}

/// Columns that are worked on at once: four vectors of sums, four of words, and room for the rest in sixteen registers.
pub(crate) const COLUMNS: usize = 16;

type Lanes = [f32; COLUMNS];

impl Packed<'_> {
    /// Steps, or zeros, of `COLUMNS` columns from `first` on, 0 past the last.
    fn spread(&self, values: &[f32], i: usize, first: usize) -> Lanes {
        let mut out = [0.0; COLUMNS];
        if self.packing.steps() == [1, 1] {
            out.fill(values[0]);
        } else {
            let count = COLUMNS.min(self.packing.stride - first);
            out[..count].copy_from_slice(&values[self.packing.step_at(i, first)..][..count]);
        }
        out
    }

    fn zeros(&self, i: usize, first: usize) -> Lanes {
        match self.zeros {
            Some(zeros) => self.spread(zeros, i, first),
            None => [self.packing.format.levels.zero(); COLUMNS],
        }
    }

    /// The words of one row and `COLUMNS` columns.
    fn row(&self, row: usize, first: usize) -> [u32; COLUMNS] {
        let words = &self.words[row * self.packing.stride + first..(row + 1) * self.packing.stride];
        let mut out = [0; COLUMNS];
        match words.first_chunk() {
            Some(whole) => out = *whole,
            None => out[..words.len()].copy_from_slice(words),
        }
        out
    }

    /// The weights of input `i`, all columns.
    pub fn dequantize_row(&self, i: usize, out: &mut [f32]) {
        let nf4 = self.packing.format.levels == Levels::Nf4;
        for (c, out) in out.chunks_mut(COLUMNS).enumerate() {
            let first = c * COLUMNS;
            let mut codes = [0; COLUMNS];
            for (row, bits, shift) in self.packing.planes() {
                let bit = i * bits as usize;
                let words = self.row(row + bit / 32, first);
                let (down, mask) = (bit % 32, (1 << bits) - 1);
                for (code, word) in codes.iter_mut().zip(words) {
                    *code |= ((word >> down) & mask) << shift;
                }
            }
            let (steps, zeros) = (self.spread(self.steps, i, first), self.zeros(i, first));
            let mut lanes = [0.0; COLUMNS];
            for j in 0..COLUMNS {
                let level = if nf4 { NF4[codes[j] as usize & 15] } else { codes[j] as i32 as f32 };
                lanes[j] = (level - zeros[j]) * steps[j];
            }
            out.copy_from_slice(&lanes[..out.len()]);
        }
    }

    /// `y[j] = sum_i x[i] w[i, first + j]` for up to `COLUMNS` columns.
    pub fn matvec(&self, x: &[f32], first: usize, y: &mut [f32]) {
        let p = &self.packing;
        let mut sums = [0.0; COLUMNS];
        for g in 0..p.groups {
            let inputs = g * p.group..((g + 1) * p.group).min(p.k);
            let mut part = [0.0; COLUMNS];
            for (row, bits, shift) in p.planes() {
                // A plane's bits count 2^shift each: so does its x, exactly.
                let weight = (1u32 << shift) as f32;
                match (bits, p.format.levels) {
                    (4, Levels::Nf4) => self.table_part(x, inputs.clone(), first, &mut part),
                    (8, _) => self.plane_part::<8, 4>(x, row, inputs.clone(), weight, first, &mut part),
                    (4, _) => self.plane_part::<4, 8>(x, row, inputs.clone(), weight, first, &mut part),
                    (2, _) => self.plane_part::<2, 16>(x, row, inputs.clone(), weight, first, &mut part),
                    _ => self.plane_part::<1, 32>(x, row, inputs.clone(), weight, first, &mut part),
                }
            }
            let all = crate::cpu::lanes::sum([&x[inputs.clone()]], |[x]| x);
            let (steps, zeros) = (self.spread(self.steps, inputs.start, first), self.zeros(inputs.start, first));
            for j in 0..COLUMNS {
                sums[j] += steps[j] * (part[j] - zeros[j] * all);
            }
        }
        y.copy_from_slice(&sums[..y.len()]);
    }

    /// Adds a plane of `BITS` bits, `EACH` inputs a word, over a group's inputs.
    #[inline(always)]
    fn plane_part<const BITS: u32, const EACH: usize>(
        &self,
        x: &[f32],
        plane: usize,
        inputs: std::ops::Range<usize>,
        weight: f32,
        first: usize,
        part: &mut Lanes,
    ) {
        let mask = (1u32 << BITS) - 1;
        let mut i = inputs.start;
        let mut sums = *part;
        while i < inputs.end {
            let skipped = i % EACH;
            let count = (EACH - skipped).min(inputs.end - i);
            let mut words = self.row(plane + i / EACH, first);
            if skipped > 0 {
                words.iter_mut().for_each(|w| *w >>= BITS * skipped as u32);
            }
            let mut add = |x: f32| {
                for j in 0..COLUMNS {
                    sums[j] += (words[j] & mask) as i32 as f32 * x;
                    words[j] >>= BITS;
                }
            };
            match x[i..i + count].first_chunk::<EACH>() {
                Some(whole) => whole.iter().for_each(|x| add(x * weight)),
                None => x[i..i + count].iter().for_each(|x| add(x * weight)),
            }
            i += count;
        }
        *part = sums;
    }

    fn table_part(&self, x: &[f32], inputs: std::ops::Range<usize>, first: usize, part: &mut Lanes) {
        for i in inputs {
            let words = self.row(i / 8, first);
            for j in 0..COLUMNS {
                part[j] += NF4[(words[j] >> (i % 8 * 4)) as usize & 15] * x[i];
            }
        }
    }
}
