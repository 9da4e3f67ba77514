//! Weights in few bits: formats, packing, and what they cost. Host side, and the twin of the kernels.
//!
//! A weight matrix is `[k, n]`, as `y = x W` wants it: row i belongs to input i, column j to output channel j. Each weight
//! becomes a *code*, a small whole number, and stands for
//!
//! ```text
//! w ~ (code - zero) step            evenly spaced levels
//! w ~ table[code] step              NF4
//! ```
//!
//! with a step, and where asked for a zero, that is shared by the whole matrix, by a column, or by a group of G
//! neighbouring weights of a column.
//!
//! | text      | levels                                                              | step                     |
//! |-----------|---------------------------------------------------------------------|--------------------------|
//! | `int1`    | the sign: two levels at plus and minus the mean magnitude (Rastegari et al. 2016, XNOR-Net) | 2 mean \|w\| |
//! | `int2`-`int8` | b bits, symmetric: -(2^(b-1) - 1) .. 2^(b-1) - 1, 0 exact; the code 0 is not used | max \|w\| / (2^(b-1) - 1) |
//! | `uint2`-`uint8` | b bits with a zero point: 0 .. 2^b - 1, 0 exact (Jacob et al. 2018) | (max - min) / (2^b - 1), both counting 0 |
//! | `ternary` | -1, 0, 1 (Ma et al. 2024, BitNet b1.58)                             | mean \|w\|               |
//! | `nf4`     | 16 quantiles of a normal distribution (Dettmers et al. 2023, QLoRA) | max \|w\|                |
//!
//! # Rounding
//!
//! To the nearest level, and half a step up: the code of w is the largest whole q with `(q - 1/2) step <= w`. That is
//! decided by a product, not by a division, because WGSL lets a division be off by 2.5 units in the last place; sums, products
//! and comparisons it rounds as the CPU does. So both executors give equal bits. A step below 1e-30 counts as 0, and all
//! codes of its group stand for 0.
//!
//! # Packing
//!
//! Inputs are padded with 0 to `32 blocks`, columns to `stride`, a multiple of four, so that every kernel may read whole
//! vectors. Codes lie in *planes* of 1, 2, 4 or 8 bits, those that add up to b, the lowest bits first: 3 = 2 + 1, 5 = 4 + 1,
//! 6 = 4 + 2, 7 = 4 + 2 + 1. In a plane of v bits the word at `[i v / 32, j]` holds `32 / v` neighbouring inputs of column j,
//! the first in its lowest bits. A plane takes `[blocks v, stride]` words, so b bits a weight are exactly b bits: no width
//! wastes any, and a code is put together with one shift and one mask a plane. Neighbouring columns are neighbouring words:
//! what a row of invocations, or a SIMD loop, reads at once.
//!
//! Steps and zeros are 32-bit floats, counted in [`Format::bits_per_weight`]. Other programs store them in 16, and pay half.

use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// Inputs of a block: what the padding is counted in.
pub const BLOCK: usize = 32;

/// A step below this counts as 0, so that no executor's treatment of tiny numbers shows.
pub const SMALLEST_STEP: f32 = 1e-30;

/// The 16 levels of NF4, from the published implementation (bitsandbytes, `functional.py`).
pub const NF4: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The code of NF4 that stands for 0.
const NF4_ZERO: u32 = 7;

/// Which values a weight can take, up to the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Levels {
    /// b bits, 1 to 8, around 0; one bit is the sign.
    Symmetric(u32),
    /// b bits, 2 to 8, with a zero point.
    ZeroPoint(u32),
    /// -1, 0 and 1, in two bits.
    Ternary,
    /// The 16 levels of [`NF4`].
    Nf4,
}

/// What shares a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// The whole matrix.
    Tensor,
    /// A column: one output channel.
    Channel,
    /// So many neighbouring inputs of a column: 16, 32, 64 or 128.
    Group(usize),
}

/// How weights are stored. As text: `int4/group32`, `uint3/channel`, `nf4/group64`, `ternary/tensor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// The levels.
    pub levels: Levels,
    /// What shares a step.
    pub granularity: Granularity,
}

impl Levels {
    /// Bits of a code.
    pub fn bits(self) -> u32 {
        match self {
            Self::Symmetric(bits) | Self::ZeroPoint(bits) => bits,
            Self::Ternary => 2,
            Self::Nf4 => 4,
        }
    }

    /// The zero of all codes, where it is not stored: `w ~ (code - zero) step`.
    pub fn zero(self) -> f32 {
        match self {
            Self::Symmetric(1) => 0.5,
            Self::Symmetric(bits) => (1u32 << (bits - 1)) as f32,
            Self::Ternary => 1.0,
            Self::ZeroPoint(_) | Self::Nf4 => 0.0,
        }
    }

    /// The lowest and the highest code that is used.
    pub fn codes(self) -> (f32, f32) {
        match self {
            Self::Symmetric(1) => (0.0, 1.0),
            Self::Symmetric(bits) => (1.0, ((1u32 << bits) - 1) as f32),
            Self::ZeroPoint(bits) => (0.0, ((1u32 << bits) - 1) as f32),
            Self::Ternary => (0.0, 2.0),
            Self::Nf4 => (0.0, 15.0),
        }
    }

    /// The number the kernels know it by: symmetric, zero point, ternary, sign, NF4.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Symmetric(1) => 3,
            Self::Symmetric(_) => 0,
            Self::ZeroPoint(_) => 1,
            Self::Ternary => 2,
            Self::Nf4 => 4,
        }
    }

    /// What the step is measured by, and times what it is the step, for a group of `count` weights.
    fn step(self, range: Range, count: usize) -> f32 {
        let step = range.measure(self) * self.factor(count);
        if step < SMALLEST_STEP { 0.0 } else { step }
    }

    /// The step over its measure, rounded once, for a group of `count` weights.
    pub(crate) fn factor(self, count: usize) -> f32 {
        match self {
            Self::Symmetric(1) => (2.0 / count as f64) as f32,
            Self::Symmetric(bits) => 1.0 / ((1u32 << (bits - 1)) - 1) as f32,
            Self::ZeroPoint(bits) => 1.0 / ((1u32 << bits) - 1) as f32,
            Self::Ternary => (1.0 / count as f64) as f32,
            Self::Nf4 => 1.0,
        }
    }
}

/// What is known of a group of weights before their step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Range {
    /// The smallest, or 0.
    low: f32,
    /// The largest, or 0.
    high: f32,
    /// The sum of magnitudes.
    sum: f32,
}

impl Range {
    fn add(&mut self, w: f32) {
        self.low = self.low.min(w);
        self.high = self.high.max(w);
        self.sum += w.abs();
    }

    fn join(&mut self, other: Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.sum += other.sum;
    }

    fn measure(self, levels: Levels) -> f32 {
        match levels {
            Levels::Symmetric(1) | Levels::Ternary => self.sum,
            Levels::Symmetric(_) | Levels::Nf4 => self.high.max(-self.low),
            Levels::ZeroPoint(_) => self.high - self.low,
        }
    }
}

/// The largest whole q with `(q - 1/2) step <= w`.
fn nearest(w: f32, step: f32) -> f32 {
    let q = (w / step + 0.5).floor();
    // The division only has to be within a step: the products decide.
    if w < (q - 0.5) * step {
        q - 1.0
    } else if w >= (q + 0.5) * step {
        q + 1.0
    } else {
        q
    }
}

/// The code of a weight, and whether a level was there for it: whether nothing had to be clamped.
pub(crate) fn code(levels: Levels, w: f32, step: f32, zero: f32) -> (u32, bool) {
    match levels {
        Levels::Symmetric(1) => (u32::from(w >= 0.0), w.abs() <= step || step == 0.0),
        Levels::Nf4 if step == 0.0 => (NF4_ZERO, true),
        Levels::Nf4 => {
            let above = |pair: &[f32]| w > (pair[0] + pair[1]) * 0.5 * step;
            (NF4.windows(2).filter(|pair| above(pair)).count() as u32, true)
        }
        _ if step == 0.0 => (zero as u32, true),
        _ => {
            let (lowest, highest) = levels.codes();
            let q = nearest(w, step) + zero;
            (q.clamp(lowest, highest) as u32, q >= lowest && q <= highest)
        }
    }
}

/// What a code stands for.
pub(crate) fn value(levels: Levels, code: u32, step: f32, zero: f32) -> f32 {
    match levels {
        Levels::Nf4 => NF4[code as usize & 15] * step,
        _ => (code as f32 - zero) * step,
    }
}

impl Format {
    /// Levels and what shares a step.
    pub const fn new(levels: Levels, granularity: Granularity) -> Self {
        Self { levels, granularity }
    }

    /// Refuses widths and groups that are not built.
    pub fn check(self) -> Result<()> {
        let wrong = |message: String| Err(Error::data(self.to_string(), message));
        match self.levels {
            Levels::Symmetric(bits) if !(1..=8).contains(&bits) => return wrong("has 1 to 8 bits".into()),
            Levels::ZeroPoint(bits) if !(2..=8).contains(&bits) => return wrong("has 2 to 8 bits".into()),
            _ => {}
        }
        match self.granularity {
            Granularity::Group(size) if ![16, 32, 64, 128].contains(&size) => {
                wrong("groups are of 16, 32, 64 or 128".into())
            }
            _ => Ok(()),
        }
    }

    /// Where everything of a `[k, n]` matrix lies.
    pub fn packing(self, [k, n]: [usize; 2]) -> Packing {
        let blocks = k.div_ceil(BLOCK);
        let group = match self.granularity {
            Granularity::Group(size) => size,
            _ => blocks * BLOCK,
        };
        let mut planes = [0; 4];
        if self.levels.bits() == 8 {
            planes[0] = 8;
        } else {
            let widths = [4, 2, 1].into_iter().filter(|v| self.levels.bits() & v != 0);
            planes.iter_mut().zip(widths).for_each(|(plane, v)| *plane = v);
        }
        Packing { format: self, k, n, blocks, stride: n.next_multiple_of(4), group, groups: k.div_ceil(group), planes }
    }

    /// Bits a weight of a `[k, n]` matrix takes, steps, zeros and padding counted.
    pub fn bits_per_weight(self, shape: [usize; 2]) -> f64 {
        8.0 * self.packing(shape).bytes() as f64 / (shape[0] * shape[1]) as f64
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.levels {
            Levels::Symmetric(bits) => write!(f, "int{bits}/")?,
            Levels::ZeroPoint(bits) => write!(f, "uint{bits}/")?,
            Levels::Ternary => f.write_str("ternary/")?,
            Levels::Nf4 => f.write_str("nf4/")?,
        }
        match self.granularity {
            Granularity::Tensor => f.write_str("tensor"),
            Granularity::Channel => f.write_str("channel"),
            Granularity::Group(size) => write!(f, "group{size}"),
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown =
            || Error::data(text, "is not a format such as int4/group32, uint4/channel, nf4/group64, ternary/tensor");
        let (levels, granularity) = text.split_once('/').ok_or_else(unknown)?;
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| unknown());
        let levels = match levels {
            "ternary" => Levels::Ternary,
            "nf4" => Levels::Nf4,
            _ => match (levels.strip_prefix("uint"), levels.strip_prefix("int")) {
                (Some(bits), _) => Levels::ZeroPoint(number(bits)?),
                (_, Some(bits)) => Levels::Symmetric(number(bits)?),
                _ => return Err(unknown()),
            },
        };
        let granularity = match granularity {
            "tensor" => Granularity::Tensor,
            "channel" => Granularity::Channel,
            _ => Granularity::Group(number(granularity.strip_prefix("group").ok_or_else(unknown)?)? as usize),
        };
        let format = Self { levels, granularity };
        format.check()?;
        Ok(format)
    }
}

/// Where the codes, steps and zeros of one matrix lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The format.
    pub format: Format,
    /// Inputs.
    pub k: usize,
    /// Columns.
    pub n: usize,
    /// Blocks of 32 inputs, padded.
    pub blocks: usize,
    /// Words from one row to the next: the columns, padded to a multiple of four.
    pub stride: usize,
    /// Inputs that share a step; all of them, padded, where there are no groups.
    pub group: usize,
    /// Groups along the inputs.
    pub groups: usize,
    /// Bits of each plane, lowest bits of the code first, 0 where there is none.
    pub planes: [u32; 4],
}

impl Packing {
    /// Rows of packed words.
    pub fn rows(&self) -> usize {
        self.blocks * self.format.levels.bits() as usize
    }

    /// Shape of the steps, and of the zeros where there are any.
    pub fn steps(&self) -> [usize; 2] {
        if self.format.granularity == Granularity::Tensor { [1, 1] } else { [self.groups, self.stride] }
    }

    /// Whether zeros are stored.
    pub fn has_zeros(&self) -> bool {
        matches!(self.format.levels, Levels::ZeroPoint(_))
    }

    /// Bytes in all.
    pub fn bytes(&self) -> usize {
        let [groups, columns] = self.steps();
        4 * (self.rows() * self.stride + groups * columns * (1 + usize::from(self.has_zeros())))
    }

    /// The index of the step of input i and column j.
    pub fn step_at(&self, i: usize, j: usize) -> usize {
        if self.format.granularity == Granularity::Tensor { 0 } else { i / self.group * self.stride + j }
    }

    /// Planes as (first row, bits, shift in the code).
    pub(crate) fn planes(&self) -> impl Iterator<Item = (usize, u32, u32)> + '_ {
        let (mut row, mut shift) = (0, 0);
        self.planes.iter().take_while(|&&v| v > 0).map(move |&v| {
            let plane = (row, v, shift);
            row += self.blocks * v as usize;
            shift += v;
            plane
        })
    }

    /// The code of input i and column j.
    pub fn code(&self, packed: &[u32], i: usize, j: usize) -> u32 {
        self.planes()
            .map(|(row, v, shift)| {
                let bit = i * v as usize;
                let word = packed[(row + bit / 32) * self.stride + j];
                ((word >> (bit % 32)) & ((1 << v) - 1)) << shift
            })
            .sum()
    }

    /// Puts a code in; the place must hold 0.
    fn put(&self, packed: &mut [u32], i: usize, j: usize, code: u32) {
        for (row, v, shift) in self.planes() {
            let bit = i * v as usize;
            packed[(row + bit / 32) * self.stride + j] |= ((code >> shift) & ((1 << v) - 1)) << (bit % 32);
        }
    }

    /// The step and zero of every group of every column.
    pub(crate) fn measure(&self, w: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let levels = self.format.levels;
        let [rows, columns] = self.steps();
        let (mut steps, mut zeros) = (vec![0.0; rows * columns], vec![0.0; rows * columns]);
        let mut put = |at: usize, range: Range, count: usize| {
            let step = levels.step(range, count);
            steps[at] = step;
            zeros[at] = match levels {
                Levels::ZeroPoint(_) if step > 0.0 => nearest(-range.low, step),
                _ => levels.zero(),
            };
        };
        let mut whole = Range::default();
        for g in 0..self.groups {
            let inputs = g * self.group..((g + 1) * self.group).min(self.k);
            for j in 0..self.n {
                let mut range = Range::default();
                inputs.clone().for_each(|i| range.add(w[i * self.n + j]));
                if self.format.granularity == Granularity::Tensor {
                    whole.join(range);
                } else {
                    put(g * self.stride + j, range, inputs.len());
                }
            }
        }
        if self.format.granularity == Granularity::Tensor {
            put(0, whole, self.k * self.n);
        }
        (steps, zeros)
    }
}

/// A quantised matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// Where everything lies.
    pub packing: Packing,
    /// Codes: `[rows, stride]` words.
    pub packed: Vec<u32>,
    /// Steps: [`Packing::steps`].
    pub scales: Vec<f32>,
    /// Zeros, whole numbers, in the same shape, for formats with a zero point.
    pub zeros: Option<Vec<f32>>,
}

/// Quantises a `[k, n]` matrix.
///
/// # Errors
/// A format that is not built, or a number of weights that does not fill the shape.
///
/// ```
/// use engine::quant::{Format, quantize};
///
/// let w: Vec<f32> = (0..64 * 8).map(|i| (i as f32).sin()).collect();
/// let format: Format = "int4/group32".parse()?;
/// let q = quantize(&w, [64, 8], format)?;
/// assert_eq!(format.bits_per_weight([64, 8]), 5.0); // 4, and a 32-bit step for every 32
/// let worst = q.dequantize().iter().zip(&w).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
/// assert!(worst <= 0.5 / 7.0 + 1e-6); // half a step of at most 1/7
/// # Ok::<(), engine::Error>(())
/// ```
pub fn quantize(w: &[f32], shape: [usize; 2], format: Format) -> Result<Quantized> {
    format.check()?;
    if shape.contains(&0) || shape[0] * shape[1] != w.len() {
        return Err(Error::data("weights", format!("{} numbers do not fill {shape:?}", w.len())));
    }
    Ok(pack(w, format.packing(shape)))
}

/// The twin of the kernels.
pub(crate) fn pack(w: &[f32], packing: Packing) -> Quantized {
    let (scales, zeros) = packing.measure(w);
    let mut packed = vec![0; packing.rows() * packing.stride];
    for i in 0..packing.k {
        for j in 0..packing.n {
            let at = packing.step_at(i, j);
            let (code, _) = code(packing.format.levels, w[i * packing.n + j], scales[at], zeros[at]);
            packing.put(&mut packed, i, j, code);
        }
    }
    Quantized { packing, packed, scales, zeros: packing.has_zeros().then_some(zeros) }
}

impl Quantized {
    /// The `[k, n]` matrix that the codes stand for.
    pub fn dequantize(&self) -> Vec<f32> {
        let p = &self.packing;
        let mut out = Vec::with_capacity(p.k * p.n);
        for i in 0..p.k {
            for j in 0..p.n {
                let at = p.step_at(i, j);
                let zero = self.zeros.as_ref().map_or(p.format.levels.zero(), |zeros| zeros[at]);
                out.push(value(p.format.levels, p.code(&self.packed, i, j), self.scales[at], zero));
            }
        }
        out
    }

    /// Bytes in all.
    pub fn bytes(&self) -> usize {
        self.packing.bytes()
    }
}

/// Which weights are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outliers {
    /// This share of the weights, the largest in magnitude, as (place, value) pairs of 32 bits each (Dettmers et al. 2023,
    /// SpQR; Kim et al. 2023, SqueezeLLM).
    Share(f32),
    /// This many whole inputs, those with the largest weight, as dense rows. LLM.int8() (Dettmers et al. 2022) picks its
    /// inputs by the size of their activations, which a matrix alone does not know: see [`split_rows`].
    Inputs(usize),
}

/// A matrix taken apart: what will be quantised, with 0 in the places of what is kept, and what is kept.
///
/// A group's step follows its largest weight, so one outlier makes the levels of all its neighbours coarse. With the outlier
/// kept apart the step is that of the rest, and the product is `x W_rest + x W_kept`.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// `[k, n]`, to be quantised.
    pub rest: Vec<f32>,
    /// Places, row-major, and values of single weights.
    pub kept: Vec<(usize, f32)>,
    /// Inputs kept whole; their weights are among `kept` too.
    pub inputs: Vec<usize>,
}

impl Split {
    /// Bytes of what is kept: 8 a single weight; for whole inputs 4 a weight and 4 an input.
    pub fn bytes(&self) -> usize {
        if self.inputs.is_empty() { 8 * self.kept.len() } else { 4 * (self.kept.len() + self.inputs.len()) }
    }

    /// Puts what was kept back over a dequantised rest.
    pub fn restore(&self, rest: &mut [f32]) {
        self.kept.iter().for_each(|&(at, w)| rest[at] = w);
    }
}

/// Takes the outliers of a `[k, n]` matrix out.
///
/// # Errors
/// A number of weights that does not fill the shape, a share that is not from 0 to 1, more inputs than there are.
pub fn split_outliers(w: &[f32], [k, n]: [usize; 2], outliers: Outliers) -> Result<Split> {
    if k * n != w.len() || w.is_empty() {
        return Err(Error::data("weights", format!("{} numbers do not fill {:?}", w.len(), [k, n])));
    }
    match outliers {
        Outliers::Share(share) => {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::data("outliers", format!("a share of {share} is not from 0 to 1")));
            }
            let count = (f64::from(share) * w.len() as f64).round() as usize;
            let mut order: Vec<usize> = (0..w.len()).collect();
            order.sort_by(|&a, &b| w[b].abs().total_cmp(&w[a].abs()));
            order.truncate(count);
            order.sort_unstable();
            let mut rest = w.to_vec();
            let kept = order.into_iter().map(|at| (at, std::mem::take(&mut rest[at]))).collect();
            Ok(Split { rest, kept, inputs: vec![] })
        }
        Outliers::Inputs(count) => {
            let largest = |i: usize| w[i * n..(i + 1) * n].iter().fold(0.0f32, |m, w| m.max(w.abs()));
            let mut order: Vec<usize> = (0..k).collect();
            order.sort_by(|&a, &b| largest(b).total_cmp(&largest(a)));
            if count > k {
                return Err(Error::data("outliers", format!("there are {k} inputs, not {count}")));
            }
            split_rows(w, [k, n], &order[..count])
        }
    }
}

/// Takes whole inputs, rows of the `[k, n]` matrix, out: those whose activations are outliers, as in LLM.int8().
///
/// # Errors
/// A number of weights that does not fill the shape, an input that is not there.
pub fn split_rows(w: &[f32], [k, n]: [usize; 2], inputs: &[usize]) -> Result<Split> {
    if k * n != w.len() || inputs.iter().any(|&i| i >= k) {
        return Err(Error::data("outliers", format!("{inputs:?} are not all inputs of {:?}", [k, n])));
    }
    let mut inputs = inputs.to_vec();
    inputs.sort_unstable();
    inputs.dedup();
    let mut rest = w.to_vec();
    let places = inputs.iter().flat_map(|&i| i * n..(i + 1) * n);
    let kept = places.map(|at| (at, std::mem::take(&mut rest[at]))).collect();
    Ok(Split { rest, kept, inputs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    fn normal(count: usize) -> Vec<f32> {
        (0..count).map(|i| rng::normal([11, 5], i as u32)).collect()
    }

    fn formats() -> Vec<Format> {
        let mut levels: Vec<Levels> = (1..=8).map(Levels::Symmetric).chain((2..=8).map(Levels::ZeroPoint)).collect();
        levels.extend([Levels::Ternary, Levels::Nf4]);
        let granularities =
            [Granularity::Tensor, Granularity::Channel, Granularity::Group(16), Granularity::Group(128)];
        levels.iter().flat_map(|&l| granularities.map(|g| Format::new(l, g))).collect()
    }

    #[test]
    fn texts_name_formats() {
        for format in formats() {
            assert_eq!(format.to_string().parse::<Format>().expect("its own text"), format);
        }
        for text in
            ["", "int4", "int9/tensor", "int0/tensor", "uint1/tensor", "int4/group7", "fp8/tensor", "int/channel"]
        {
            assert!(text.parse::<Format>().is_err(), "{text}");
        }
    }

    #[test]
    fn codes_are_kept_and_levels_are_nearest() {
        let shape = [77, 7];
        let w = normal(shape[0] * shape[1]);
        for format in formats() {
            let q = quantize(&w, shape, format).expect("it fits");
            let p = q.packing;
            assert_eq!(q.packed.len(), p.rows() * p.stride);
            let back = q.dequantize();
            for i in 0..p.k {
                for j in 0..p.n {
                    let at = p.step_at(i, j);
                    let zero = q.zeros.as_ref().map_or(format.levels.zero(), |z| z[at]);
                    let (low, high) = format.levels.codes();
                    let w = w[i * p.n + j];
                    let nearest = (low as u32..=high as u32)
                        .map(|c| (value(format.levels, c, q.scales[at], zero) - w).abs())
                        .fold(f32::MAX, f32::min);
                    let error = (back[i * p.n + j] - w).abs();
                    assert!(error <= nearest + 1e-6, "{format} at [{i}, {j}]: {error}, not {nearest}");
                }
            }
        }
    }

    #[test]
    fn bits_are_what_they_say() {
        let bits = |text: &str| text.parse::<Format>().expect("a format").bits_per_weight([1024, 1024]);
        assert_eq!(bits("int4/group32"), 5.0);
        assert_eq!(bits("int3/group32"), 4.0);
        assert_eq!(bits("uint4/group32"), 6.0);
        assert_eq!(bits("int5/group128"), 5.25);
        assert!((bits("ternary/tensor") - 2.0).abs() < 1e-3);
        assert!((bits("int1/tensor") - 1.0).abs() < 1e-3);
    }

    #[test]
    fn halves_round_up_and_zero_is_exact() {
        // A step of exactly 1: the largest weight is 7.
        let w = [7.0, 0.5, -0.5, 1.5, -1.5, 0.0, 2.4999, -7.0];
        let q = quantize(&w, [8, 1], Format::new(Levels::Symmetric(4), Granularity::Channel)).expect("it fits");
        assert_eq!(q.dequantize(), [7.0, 1.0, 0.0, 2.0, -1.0, 0.0, 2.0, -7.0]);
        for format in formats() {
            let q = quantize(&[0.0; 64], [64, 1], format).expect("it fits");
            assert!(q.dequantize().iter().all(|w| *w == 0.0), "{format}");
            if format.levels != Levels::Symmetric(1) {
                let q = quantize(&[0.0, 3.0, -1.0, 0.0], [4, 1], format).expect("it fits");
                assert_eq!(q.dequantize()[0], 0.0, "{format}");
            }
        }
    }

    #[test]
    fn outliers_no_longer_coarsen_their_neighbours() {
        let mut w = normal(64 * 16);
        w[5 * 16 + 3] = 60.0;
        w[5 * 16 + 4] = -50.0;
        let format = Format::new(Levels::Symmetric(4), Granularity::Tensor);
        let error = |w: &[f32], back: &[f32]| w.iter().zip(back).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        let plain = error(&w, &quantize(&w, [64, 16], format).expect("it fits").dequantize());
        for outliers in [Outliers::Share(0.01), Outliers::Inputs(1)] {
            let split = split_outliers(&w, [64, 16], outliers).expect("it splits");
            let mut back = quantize(&split.rest, [64, 16], format).expect("it fits").dequantize();
            split.restore(&mut back);
            assert_eq!((back[83], back[84]), (60.0, -50.0));
            assert!(error(&w, &back) < 0.05 * plain, "{outliers:?}");
        }
        assert_eq!(split_outliers(&w, [64, 16], Outliers::Inputs(1)).expect("it splits").inputs, [5]);
        assert!(split_outliers(&w, [64, 16], Outliers::Share(1.5)).is_err());
        assert!(split_outliers(&w, [64, 16], Outliers::Inputs(65)).is_err());
        assert!(split_rows(&w, [64, 16], &[64]).is_err());
    }
}
