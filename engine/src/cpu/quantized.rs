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
        let p = &self.packing;
        for (row, bits, shift) in p.planes() {
            let bit = i * bits as usize;
            let words = &self.words[(row + bit / 32) * p.stride..][..out.len()];
            let (down, mask) = (bit % 32, (1u32 << bits) - 1);
            let codes = words.iter().map(|w| (w >> down) & mask);
            // Planes are added as floats, which hold such small whole numbers exactly.
            match (shift, p.format.levels) {
                (0, Levels::Nf4) => out.iter_mut().zip(codes).for_each(|(out, c)| *out = NF4[c as usize & 15]),
                (0, _) => out.iter_mut().zip(codes).for_each(|(out, c)| *out = c as i32 as f32),
                _ => out.iter_mut().zip(codes).for_each(|(out, c)| *out += (c << shift) as i32 as f32),
            }
        }
        let at = p.step_at(i, 0);
        match (p.steps() == [1, 1], self.zeros) {
            (true, zeros) => {
                let (step, zero) = (self.steps[0], zeros.map_or(p.format.levels.zero(), |zeros| zeros[0]));
                out.iter_mut().for_each(|out| *out = (*out - zero) * step);
            }
            (false, Some(zeros)) => {
                let spread = self.steps[at..].iter().zip(&zeros[at..]);
                out.iter_mut().zip(spread).for_each(|(out, (step, zero))| *out = (*out - zero) * step);
            }
            (false, None) => {
                let zero = p.format.levels.zero();
                out.iter_mut().zip(&self.steps[at..]).for_each(|(out, step)| *out = (*out - zero) * step);
            }
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
    fn plane_part<const BITS: u32, const EACH: usize>(
        &self,
        x: &[f32],
        plane: usize,
        inputs: std::ops::Range<usize>,
        weight: f32,
        first: usize,
        part: &mut Lanes,
    ) {
        let mut sums = *part;
        for at in inputs.start / EACH..inputs.end.div_ceil(EACH) {
            // Inputs of a word that are not of this group, or not at all, count 0.
            let mut xs = [0.0; EACH];
            let (from, to) = ((at * EACH).max(inputs.start), ((at + 1) * EACH).min(inputs.end));
            for (out, x) in xs[from - at * EACH..].iter_mut().zip(&x[from..to]) {
                *out = x * weight;
            }
            let row = &self.words[(plane + at) * self.packing.stride + first..(plane + at + 1) * self.packing.stride];
            match row.first_chunk::<COLUMNS>() {
                Some(words) => add_word::<BITS, EACH>(words, &xs, &mut sums),
                None => {
                    let mut words = [0; COLUMNS];
                    words[..row.len()].copy_from_slice(row);
                    add_word::<BITS, EACH>(&words, &xs, &mut sums);
                }
            }
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

/// `sums[j] += sum_b xs[b] code(words[j], b)`: `EACH` codes a word, unrolled, all columns side by side.
#[inline(always)]
fn add_word<const BITS: u32, const EACH: usize>(words: &[u32; COLUMNS], xs: &[f32; EACH], sums: &mut Lanes) {
    let mask = (1u32 << BITS) - 1;
    let mut words = *words;
    for x in xs {
        for j in 0..COLUMNS {
            sums[j] += (words[j] & mask) as i32 as f32 * x;
        }
        words = words.map(|w| w >> BITS);
    }
}
