//! Fused attention: FlashAttention-2 (Dao, 2023) with online softmax (Milakov and Gimelshein, 2018).
//!
//! `s_ij = scale q_i . k_j` over the keys that query i sees, `lse_i = log sum_j exp(s_ij)`,
//! `output_i = sum_j exp(s_ij - lse_i) v_j`. What [`Graph::attention`] computes, but no `[tq, tk]` tensor ever exists, so
//! memory grows with the length and not with its square. A query that sees nothing has output 0 and lse -1e30.
//!
//! q: `[b, h, tq, d]`; k: `[b, kv, tk, d]`; v: `[b, kv, tk, dv]`, h a multiple of kv, d and dv at most 128; output:
//! `[b, h, tq, dv]`; lse: `[b, h, tq]`. The backward pass keeps no weights: it makes them again from lse,
//! `p_ij = exp(s_ij - lse_i)`.

use shaders::Kernel;

use super::{
    Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Mask, Op, Tolerance, attr, float, for_rows_of, shape_error,
};
use crate::{
    DType, Error, Graph, Layout, Meta, Result, Shape, Tensor, Tier,
    cpu::{Matrix, exp, gemm, gemm_add, lanes},
    graph::Backward,
};

/// The log-sum-exp of a query that sees nothing: finite, because implementations may assume no infinity.
const HIDDEN: f32 = -1e30;

/// The most columns of a head: what the kernels' registers and workgroup memory hold.
pub const FLASH_COLUMNS: usize = 128;

/// Query rows that the CPU works on at once: scores take this many rows of memory, however many there are.
const BLOCK: usize = 64;

/// The kernels that compute it, in the order of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Tiles of keys in workgroup memory.
    Tiled,
    /// Blocks of rows and keys in registers.
    Register,
    /// Keys split over workgroups, for few queries.
    Decode,
}

impl Rung {
    /// The rung of that name; `auto` is none.
    fn parse(name: &str) -> Result<Option<Self>> {
        match name {
            "auto" => Ok(None),
            "tiled" => Ok(Some(Self::Tiled)),
            "register" => Ok(Some(Self::Register)),
            "decode" => Ok(Some(Self::Decode)),
            _ => Err(Error::data("rung", format!("`{name}` is not auto, tiled, register or decode"))),
        }
    }
}

/// What fused attention does besides its products.
#[derive(Debug, Clone, Copy, Default)]
pub struct FlashOptions {
    /// Factor of the scores; `None` is `1 / sqrt(d)`.
    pub scale: Option<f32>,
    /// Which keys a query sees.
    pub mask: Mask,
    /// Integers `[b]`: how many keys of each sequence are real. Those after them are padding, which no query sees.
    pub key_lengths: Option<Tensor>,
    /// The kernel, where the caller knows better than the op or wants to compare. One that cannot read the inputs as
    /// they lie gives way to `Tiled`.
    pub rung: Option<Rung>,
}

/// The tensors of one fused attention.
#[derive(Debug, Clone, Copy)]
pub struct FlashAttention {
    /// `[b, h, tq, dv]`
    pub output: Tensor,
    /// Log-sum-exp of the scores each query sees: `[b, h, tq]`.
    pub lse: Tensor,
}

#[derive(Debug, Clone, Copy)]
struct Flash {
    scale: f32,
    causal: bool,
    masked: bool,
    padded: bool,
    rung: Option<Rung>,
}

/// Lengths of the axes.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    b: usize,
    h: usize,
    kv: usize,
    tq: usize,
    tk: usize,
    d: usize,
    dv: usize,
}

impl Sizes {
    fn of(q: &Shape, k: &Shape, v: &Shape) -> Self {
        Self { b: q[0], h: q[1], kv: k[1], tq: q[2], tk: k[2], d: q[3], dv: v[3] }
    }

    /// Query heads that read one key head.
    fn group(&self) -> usize {
        self.h / self.kv
    }

    /// Query rows that read one key head.
    fn rows(&self) -> usize {
        self.group() * self.tq
    }
}

/// A strided `[b, heads, t, columns]` on the CPU.
struct Heads<'a> {
    data: &'a [f32],
    offset: usize,
    strides: [usize; 4],
}

impl<'a> Heads<'a> {
    fn of(input: &CpuInput<'a>) -> Self {
        Self { data: input.storage(), offset: input.layout.offset, strides: input.layout.four().1.map(|s| s as usize) }
    }

    fn at(&self, b: usize, head: usize, t: usize, c: usize) -> f32 {
        let [s0, s1, s2, s3] = self.strides;
        self.data[self.offset + b * s0 + head * s1 + t * s2 + c * s3]
    }

    /// One head from row `t` on.
    fn matrix(&self, b: usize, head: usize, t: usize) -> Matrix<'a> {
        let [s0, s1, row, col] = self.strides;
        Matrix { data: self.data, offset: self.offset + b * s0 + head * s1 + t * row, row, col }
    }
}

/// Whether loads of four can read it: its rows are fours, and lie and begin at fours.
fn in_fours(layout: &Layout) -> bool {
    let (columns, rows) = (layout.strides[3], &layout.strides[..3]);
    let words = [layout.shape[3], layout.offset].into_iter().chain(rows.iter().copied());
    columns == 1 && words.into_iter().all(|w| w.is_multiple_of(4))
}

/// A contiguous matrix in a slice.
fn matrix(data: &[f32], cols: usize) -> Matrix<'_> {
    Matrix { data, offset: 0, row: cols, col: 1 }
}

/// The same with rows and columns exchanged.
fn turned(m: Matrix<'_>) -> Matrix<'_> {
    Matrix { row: m.col, col: m.row, ..m }
}

/// The mask and the lengths, where there are some.
struct Sight<'a> {
    flash: Flash,
    mask: Option<&'a [f32]>,
    lengths: Option<&'a [u32]>,
}

impl Sight<'_> {
    /// How many keys, from the first on, padding and causality leave to query i.
    fn seen(&self, s: &Sizes, b: usize, i: usize) -> usize {
        let padded = self.lengths.map_or(s.tk, |lengths| s.tk.min(lengths[b] as usize));
        if self.flash.causal { padded.min((i + 1 + s.tk).saturating_sub(s.tq)) } else { padded }
    }

    fn hides(&self, s: &Sizes, i: usize, j: usize) -> bool {
        self.mask.is_some_and(|mask| mask[i * s.tk + j] == 0.0)
    }

    /// The scores of a query with those it does not see taken away: to be followed by an exponential that gives 0.
    fn hide(&self, s: &Sizes, i: usize, scores: &mut [f32]) {
        if let Some(mask) = self.mask {
            for (score, mask) in scores.iter_mut().zip(&mask[i * s.tk..]) {
                *score = if *mask == 0.0 { HIDDEN } else { *score };
            }
        }
    }
}

impl Flash {
    /// The input index of the mask and of the lengths, the first of them being `next`.
    fn extras(&self, next: usize) -> (Option<usize>, Option<usize>) {
        (self.masked.then_some(next), self.padded.then_some(next + usize::from(self.masked)))
    }

    fn sight<'a>(&self, inputs: &[CpuInput<'a>], next: usize) -> Sight<'a> {
        let (mask, lengths) = self.extras(next);
        Sight { flash: *self, mask: mask.map(|i| inputs[i].f32()), lengths: lengths.map(|i| inputs[i].u32()) }
    }

    /// What is wrong with the inputs, the mask and the lengths being the last of them.
    fn check(&self, op: &'static str, inputs: &[Meta], next: usize) -> Result<Sizes> {
        let count = next + usize::from(self.masked) + usize::from(self.padded);
        if inputs.len() != count {
            return Err(shape_error(op, format!("{count} inputs are wanted, {} were given", inputs.len()), inputs));
        }
        let (mask, lengths) = self.extras(next);
        if inputs.iter().enumerate().any(|(i, m)| (m.dtype == DType::U32) != (Some(i) == lengths)) {
            return Err(shape_error(op, "floats are wanted, and integers as key lengths", inputs));
        }
        let [q, k, v] = [0, 1, 2].map(|i| &inputs[i].shape);
        let right = q.len() == 4
            && k.len() == 4
            && v.len() == 4
            && [k[0], k[3]] == [q[0], q[3]]
            && v[..3] == k[..3]
            && q[1].is_multiple_of(k[1]);
        if !right {
            let message = "q [b, h, tq, d], k [b, kv, tk, d] and v [b, kv, tk, dv] are wanted, h a multiple of kv";
            return Err(shape_error(op, message, inputs));
        }
        let s = Sizes::of(q, k, v);
        if s.d > FLASH_COLUMNS || s.dv > FLASH_COLUMNS {
            return Err(shape_error(op, format!("a head has at most {FLASH_COLUMNS} columns"), inputs));
        }
        if mask.is_some_and(|i| *inputs[i].shape != [s.tq, s.tk]) {
            return Err(shape_error(op, format!("the mask must be [{}, {}]", s.tq, s.tk), inputs));
        }
        if lengths.is_some_and(|i| *inputs[i].shape != [s.b]) {
            return Err(shape_error(op, format!("the key lengths must be [{}]", s.b), inputs));
        }
        Ok(s)
    }

    /// Which kernel runs.
    fn choose(&self, tier: &Tier, s: &Sizes, inputs: &[Layout]) -> Rung {
        let rung = self.rung.unwrap_or(if s.tq <= 8 && s.tk >= 128 {
            Rung::Decode // one tile of queries a head is too little for a device; its keys are many
        } else if tier.software {
            Rung::Register // barriers and workgroup memory are dear
        } else {
            Rung::Tiled
        });
        if rung == Rung::Register && !inputs[..3].iter().all(in_fours) { Rung::Tiled } else { rung }
    }

    /// Workgroups that share the keys of one block of four rows, and keys of each.
    fn splits(s: &Sizes) -> (usize, usize) {
        // Enough to fill a large device, no finer than the 64 keys a workgroup takes at once.
        let blocks = s.b * s.kv * s.rows().div_ceil(4);
        let most = (512 / blocks).clamp(1, s.tk.div_ceil(64));
        let keys = s.tk.div_ceil(most).next_multiple_of(64);
        (s.tk.div_ceil(keys), keys)
    }

    /// A launch with what all kernels of the family are told.
    fn dispatch(&self, kernel: &'static Kernel, bindings: &[Bind], s: &Sizes, inputs: &[Layout]) -> Dispatch {
        Dispatch::new(kernel, bindings)
            .v("q_strides", inputs[0].four().1)
            .v("k_strides", inputs[1].four().1)
            .v("v_strides", inputs[2].four().1)
            .u("q_offset", inputs[0].offset)
            .u("k_offset", inputs[1].offset)
            .u("v_offset", inputs[2].offset)
            .u("batch", s.b)
            .u("heads", s.h)
            .u("kv_heads", s.kv)
            .u("queries", s.tq)
            .u("keys", s.tk)
            .u("d", s.d)
            .u("dv", s.dv)
            .u("causal", usize::from(self.causal))
            .u("masked", usize::from(self.masked))
            .u("padded", usize::from(self.padded))
            .f("scale", self.scale)
    }

    /// Pairs of a query and a key that is not left out as a whole, over all heads.
    fn pairs(&self, s: &Sizes) -> u64 {
        let seen = |i: usize| if self.causal { (i + 1 + s.tk).saturating_sub(s.tq) } else { s.tk };
        (s.b * s.h) as u64 * (0..s.tq).map(|i| seen(i) as u64).sum::<u64>()
    }
}

impl Op for Flash {
    fn name(&self) -> &'static str {
        "flash_attention"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let s = self.check(self.name(), inputs, 3)?;
        Ok(vec![Meta::f32(&[s.b, s.h, s.tq, s.dv])?, Meta::f32(&[s.b, s.h, s.tq])?])
    }

    fn reads_strides(&self, input: usize) -> bool {
        input < 3
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let inputs = &cpu.inputs;
        let s = Sizes::of(&inputs[0].layout.shape, &inputs[1].layout.shape, &inputs[2].layout.shape);
        let [q, k, v] = [0, 1, 2].map(|i| Heads::of(&inputs[i]));
        let sight = self.sight(inputs, 3);
        let [output, lse] = &mut cpu.outputs[..] else { return };
        let (output, lse): (&mut [f32], &mut [f32]) = (bytemuck::cast_slice_mut(output), bytemuck::cast_slice_mut(lse));
        let mut scores = vec![0.0; s.tk];
        for (r, (output, lse)) in output.chunks_mut(s.dv).zip(lse).enumerate() {
            let (b, head, i) = (r / s.tq / s.h, r / s.tq % s.h, r % s.tq);
            let kv = head / s.group();
            let seen = |j: usize| j < sight.seen(&s, b, i) && !sight.hides(&s, i, j);
            let mut m = HIDDEN;
            for j in 0..s.tk {
                scores[j] = self.scale * (0..s.d).map(|c| q.at(b, head, i, c) * k.at(b, kv, j, c)).sum::<f32>();
                m = if seen(j) { m.max(scores[j]) } else { m };
            }
            let mut sum = 0.0;
            output.fill(0.0);
            for j in (0..s.tk).filter(|&j| seen(j)) {
                let weight = (scores[j] - m).exp();
                sum += weight;
                for c in 0..s.dv {
                    output[c] += weight * v.at(b, kv, j, c);
                }
            }
            output.iter_mut().for_each(|o| *o /= sum.max(1e-37));
            *lse = if sum > 0.0 { m + sum.ln() } else { HIDDEN };
        }
    }

    /// A block of query rows at a time: one product gives its scores, one its output.
    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let inputs = &cpu.inputs;
        let s = Sizes::of(&inputs[0].layout.shape, &inputs[1].layout.shape, &inputs[2].layout.shape);
        let [q, k, v] = [0, 1, 2].map(|i| Heads::of(&inputs[i]));
        let sight = self.sight(inputs, 3);
        let [output, lse] = &mut cpu.outputs[..] else { return false };
        let (output, lse): (&mut [f32], &mut [f32]) = (bytemuck::cast_slice_mut(output), bytemuck::cast_slice_mut(lse));
        let mut blocks: Vec<(usize, usize, &mut [f32], &mut [f32])> = Vec::new();
        for (head, (output, lse)) in output.chunks_mut(s.tq * s.dv).zip(lse.chunks_mut(s.tq)).enumerate() {
            for (block, (output, lse)) in output.chunks_mut(BLOCK * s.dv).zip(lse.chunks_mut(BLOCK)).enumerate() {
                blocks.push((head, block * BLOCK, output, lse));
            }
        }
        let work = BLOCK.min(s.tq) * s.tk * (s.d + s.dv);
        for_rows_of(threads, work, &mut blocks, 1, |_, block| {
            let [(head, first, output, lse)] = block else { return };
            let (b, head) = (*head / s.h, *head % s.h);
            let kv = head / s.group();
            let rows = lse.len();
            // Causality and padding leave a prefix of the keys, the longest to the last row.
            let seen = sight.seen(&s, b, *first + rows - 1);
            if seen == 0 {
                output.fill(0.0);
                lse.fill(HIDDEN);
                return;
            }
            let mut scores = vec![0.0; rows * seen];
            let kt = turned(k.matrix(b, kv, 0));
            gemm(rows, seen, s.d, self.scale, q.matrix(b, head, *first), kt, &mut scores, 1);
            let mut sums = [0.0; BLOCK];
            for (r, row) in scores.chunks_mut(seen).enumerate() {
                let i = *first + r;
                let (mine, beyond) = row.split_at_mut(sight.seen(&s, b, i).min(seen));
                beyond.fill(0.0);
                sight.hide(&s, i, mine);
                let m = lanes::largest(mine).max(HIDDEN);
                if m > 0.5 * HIDDEN {
                    mine.iter_mut().for_each(|x| *x = exp(*x - m));
                    if sight.mask.is_some() {
                        // The clamped exponential leaves a trace of what is hidden.
                        mine.iter_mut().enumerate().filter(|(j, _)| sight.hides(&s, i, *j)).for_each(|(_, x)| *x = 0.0);
                    }
                    sums[r] = lanes::sum([mine], |[x]| x);
                    lse[r] = m + sums[r].ln();
                } else {
                    mine.fill(0.0);
                    lse[r] = HIDDEN;
                }
            }
            gemm(rows, s.dv, seen, 1.0, matrix(&scores, seen), v.matrix(b, kv, 0), output, 1);
            for (output, sum) in output.chunks_mut(s.dv).zip(sums) {
                let inverse = 1.0 / sum.max(1e-37);
                output.iter_mut().for_each(|o| *o *= inverse);
            }
        });
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let s = Sizes::of(&gpu.inputs[0].shape, &gpu.inputs[1].shape, &gpu.inputs[2].shape);
        if self.choose(gpu.tier, &s, gpu.inputs) != Rung::Decode {
            return vec![];
        }
        let parts = s.b * s.h * s.tq * Self::splits(&s).0;
        vec![parts * s.dv, parts * 2]
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let s = Sizes::of(&gpu.inputs[0].shape, &gpu.inputs[1].shape, &gpu.inputs[2].shape);
        let (mask, lengths) = self.extras(3);
        let bindings = |a: Bind, b: Bind| {
            let [mask, lengths] = [mask, lengths].map(|i| Bind::Input(i.unwrap_or(0)));
            [Bind::Input(0), Bind::Input(1), Bind::Input(2), mask, lengths, a, b]
        };
        let whole = bindings(Bind::Output(0), Bind::Output(1));
        let heads = s.b * s.kv;
        match self.choose(gpu.tier, &s, gpu.inputs) {
            Rung::Tiled => vec![
                self.dispatch(&shaders::ATTENTION_TILED, &whole, &s, gpu.inputs)
                    .groups([s.rows().div_ceil(64), 1, heads]),
            ],
            Rung::Register => {
                let kernel = &shaders::ATTENTION_REGISTER;
                let rows = 8 * kernel.workgroup_size[0] as usize;
                vec![self.dispatch(kernel, &whole, &s, gpu.inputs).groups([s.rows().div_ceil(rows), 1, heads])]
            }
            Rung::Decode => {
                let (splits, keys) = Self::splits(&s);
                let parts = bindings(Bind::Scratch(0), Bind::Scratch(1));
                let join = [Bind::Scratch(0), Bind::Scratch(1), Bind::Output(0), Bind::Output(1)];
                vec![
                    self.dispatch(&shaders::ATTENTION_DECODE, &parts, &s, gpu.inputs)
                        .u("splits", splits)
                        .u("split", keys)
                        .groups([splits, s.rows().div_ceil(4), heads]),
                    Dispatch::new(&shaders::ATTENTION_DECODE_REDUCE, &join)
                        .u("rows", s.b * s.h * s.tq)
                        .u("splits", splits)
                        .u("dv", s.dv)
                        .flat_groups(s.b * s.h * s.tq),
                ]
            }
        }
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let (output, lse) = (ask.outputs[0], ask.outputs[1]);
        let d_output = match ask.grads[0] {
            Some(grad) => grad,
            None => {
                let zero = g.scalar(0.0)?;
                let shape = g.shape(output).to_vec();
                g.expand(zero, &shape)?
            }
        };
        let op = FlashBackward { flash: *self, through_lse: ask.grads[1].is_some() };
        let mut inputs = ask.inputs[..3].to_vec();
        inputs.extend([output, lse, d_output]);
        inputs.extend(ask.grads[1]);
        inputs.extend(&ask.inputs[3..]);
        let mut grads: Vec<Option<Tensor>> = g.apply(op, &inputs)?.into_iter().map(Some).collect();
        grads.resize(ask.inputs.len(), None);
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        let s = Sizes::of(&inputs[0].shape, &inputs[1].shape, &inputs[2].shape);
        self.pairs(&s) * (2 * s.d + 2 * s.dv + 5) as u64
    }
}

/// With `p_ij = exp(s_ij - lse_i)`, `D_i = sum_c dO_ic O_ic - dlse_i` and `ds_ij = scale p_ij (dO_i . v_j - D_i)`:
/// `dq_i = sum_j ds_ij k_j`, `dk_j = sum_i ds_ij q_i`, `dv_j = sum_i p_ij dO_i`, the latter two over all heads that share
/// the key.
///
/// Inputs: q, k, v, output, lse, dO, then dlse, mask and key lengths, each where there is one. Outputs: dq, dk, dv.
#[derive(Debug, Clone, Copy)]
struct FlashBackward {
    flash: Flash,
    /// Whether a gradient reaches the log-sum-exp.
    through_lse: bool,
}

impl FlashBackward {
    /// The input index of what comes after dlse.
    fn next(&self) -> usize {
        6 + usize::from(self.through_lse)
    }

    /// `D_i` of a row, r its place among all.
    fn row_term(&self, s: &Sizes, inputs: &[CpuInput<'_>], d_output: &Heads<'_>, r: usize) -> f32 {
        let (b, head, i) = (r / s.tq / s.h, r / s.tq % s.h, r % s.tq);
        let output = &inputs[3].f32()[r * s.dv..(r + 1) * s.dv];
        let sum: f32 = output.iter().enumerate().map(|(c, o)| o * d_output.at(b, head, i, c)).sum();
        if self.through_lse { sum - inputs[6].f32()[r] } else { sum }
    }
}

impl Op for FlashBackward {
    fn name(&self) -> &'static str {
        "flash_attention_backward"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        self.flash.check(self.name(), inputs, self.next())?;
        Ok(inputs[..3].iter().map(|m| float(&m.shape)).collect())
    }

    fn reads_strides(&self, input: usize) -> bool {
        input < 3 || input == 5
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let inputs = &cpu.inputs;
        let s = Sizes::of(&inputs[0].layout.shape, &inputs[1].layout.shape, &inputs[2].layout.shape);
        let [q, k, v, d_output] = [0, 1, 2, 5].map(|i| Heads::of(&inputs[i]));
        let lse = inputs[4].f32();
        let sight = self.flash.sight(inputs, self.next());
        let mut outputs = cpu.outputs.iter_mut().map(|words| bytemuck::cast_slice_mut::<u32, f32>(words));
        let (Some(dq), Some(dk), Some(dv)) = (outputs.next(), outputs.next(), outputs.next()) else { return };
        [&mut *dq, &mut *dk, &mut *dv].into_iter().for_each(|d| d.fill(0.0));
        for r in 0..s.b * s.h * s.tq {
            let (b, head, i) = (r / s.tq / s.h, r / s.tq % s.h, r % s.tq);
            let kv = head / s.group();
            let term = self.row_term(&s, inputs, &d_output, r);
            for j in (0..sight.seen(&s, b, i)).filter(|&j| !sight.hides(&s, i, j)) {
                let score: f32 = (0..s.d).map(|c| q.at(b, head, i, c) * k.at(b, kv, j, c)).sum();
                let weight = (self.flash.scale * score - lse[r]).exp();
                let dp: f32 = (0..s.dv).map(|c| d_output.at(b, head, i, c) * v.at(b, kv, j, c)).sum();
                let slope = self.flash.scale * weight * (dp - term);
                let key = (b * s.kv + kv) * s.tk + j;
                for c in 0..s.d {
                    dq[r * s.d + c] += slope * k.at(b, kv, j, c);
                    dk[key * s.d + c] += slope * q.at(b, head, i, c);
                }
                for c in 0..s.dv {
                    dv[key * s.dv + c] += weight * d_output.at(b, head, i, c);
                }
            }
        }
    }

    /// A key head at a time, each with its own dk, dv and the dq of the heads that read it; within one, a block of rows
    /// at a time, five products each.
    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let inputs = &cpu.inputs;
        let s = Sizes::of(&inputs[0].layout.shape, &inputs[1].layout.shape, &inputs[2].layout.shape);
        let [q, k, v, d_output] = [0, 1, 2, 5].map(|i| Heads::of(&inputs[i]));
        let lse = inputs[4].f32();
        let sight = self.flash.sight(inputs, self.next());
        let mut outputs = cpu.outputs.iter_mut().map(|words| bytemuck::cast_slice_mut::<u32, f32>(words));
        let (Some(dq), Some(dk), Some(dv)) = (outputs.next(), outputs.next(), outputs.next()) else { return false };
        let mut heads: Vec<(&mut [f32], &mut [f32], &mut [f32])> = dq
            .chunks_mut(s.rows() * s.d)
            .zip(dk.chunks_mut(s.tk * s.d))
            .zip(dv.chunks_mut(s.tk * s.dv))
            .map(|((dq, dk), dv)| (dq, dk, dv))
            .collect();
        // Where there are fewer key heads than threads, the threads share each product instead.
        let (outer, inner) = if heads.len() < threads { (1, threads) } else { (threads, 1) };
        for_rows_of(outer, s.rows() * s.tk * (s.d + s.dv), &mut heads, 1, |z, grads| {
            let [(dq, dk, dv)] = grads else { return };
            let (b, kv) = (z / s.kv, z % s.kv);
            dk.fill(0.0);
            dv.fill(0.0);
            let mut weights = vec![0.0; BLOCK.min(s.tq) * s.tk];
            let mut slopes = weights.clone();
            for (block, dq) in dq.chunks_mut(s.tq * s.d).enumerate().flat_map(|(head, dq)| {
                dq.chunks_mut(BLOCK * s.d).enumerate().map(move |(block, dq)| ((head, block * BLOCK), dq))
            }) {
                let (head, first) = (kv * s.group() + block.0, block.1);
                let rows = dq.len() / s.d;
                let seen = sight.seen(&s, b, first + rows - 1);
                if seen == 0 {
                    dq.fill(0.0);
                    continue;
                }
                let (weights, slopes) = (&mut weights[..rows * seen], &mut slopes[..rows * seen]);
                let (keys, values) = (k.matrix(b, kv, 0), v.matrix(b, kv, 0));
                let (queries, d_rows) = (q.matrix(b, head, first), d_output.matrix(b, head, first));
                gemm(rows, seen, s.d, self.flash.scale, queries, turned(keys), weights, inner);
                gemm(rows, seen, s.dv, 1.0, d_rows, turned(values), slopes, inner);
                for (r, (weights, slopes)) in weights.chunks_mut(seen).zip(slopes.chunks_mut(seen)).enumerate() {
                    let i = first + r;
                    let at = (b * s.h + head) * s.tq + i;
                    let term = self.row_term(&s, inputs, &d_output, at);
                    let mine = sight.seen(&s, b, i).min(seen);
                    weights[mine..].fill(0.0);
                    slopes[mine..].fill(0.0);
                    let (weights, slopes) = (&mut weights[..mine], &mut slopes[..mine]);
                    weights.iter_mut().for_each(|w| *w = exp(*w - lse[at]));
                    if sight.mask.is_some() {
                        weights.iter_mut().enumerate().filter(|(j, _)| sight.hides(&s, i, *j)).for_each(|(_, w)| *w = 0.0);
                    }
                    slopes.iter_mut().zip(weights).for_each(|(ds, w)| *ds = self.flash.scale * *w * (*ds - term));
                }
                let (weights, slopes) = (matrix(weights, seen), matrix(slopes, seen));
                gemm_add(seen, s.dv, rows, 1.0, turned(weights), d_rows, &mut dv[..seen * s.dv], inner);
                gemm_add(seen, s.d, rows, 1.0, turned(slopes), queries, &mut dk[..seen * s.d], inner);
                gemm(rows, s.d, seen, 1.0, slopes, keys, dq, inner);
            }
        });
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        vec![3 * gpu.inputs[4].shape.count()]
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let s = Sizes::of(&gpu.inputs[0].shape, &gpu.inputs[1].shape, &gpu.inputs[2].shape);
        let (mask, lengths) = self.flash.extras(self.next());
        let [mask, lengths] = [mask, lengths].map(|i| Bind::Input(i.unwrap_or(0)));
        let d_lse = Bind::Input(if self.through_lse { 6 } else { 4 });
        let rows = Bind::Scratch(0);
        let dispatch = |kernel, bindings: &[Bind]| {
            self.flash
                .dispatch(kernel, bindings, &s, gpu.inputs)
                .v("d_out_strides", gpu.inputs[5].four().1)
                .u("d_out_offset", gpu.inputs[5].offset)
        };
        let first = [Bind::Input(3), Bind::Input(4), Bind::Input(5), mask, lengths, d_lse, rows];
        let shared = [Bind::Input(0), Bind::Input(1), Bind::Input(2), mask, Bind::Input(5), rows];
        let with = |outputs: &[usize]| {
            shared.iter().copied().chain(outputs.iter().map(|&i| Bind::Output(i))).collect::<Vec<Bind>>()
        };
        // As forward: software adapters do without barriers where the inputs allow.
        let wanted = self.flash.rung.map_or(gpu.tier.software, |rung| rung == Rung::Register);
        let register = wanted && [0, 1, 2, 5].into_iter().all(|i| in_fours(&gpu.inputs[i]));
        let (keys, queries, tile) = if register {
            let (keys, queries) = (&shaders::ATTENTION_BACKWARD_KEYS_REGISTER, &shaders::ATTENTION_BACKWARD_QUERIES_REGISTER);
            (keys, queries, 8 * keys.workgroup_size[0] as usize)
        } else {
            (&shaders::ATTENTION_BACKWARD_KEYS, &shaders::ATTENTION_BACKWARD_QUERIES, 32)
        };
        vec![
            dispatch(&shaders::ATTENTION_BACKWARD_ROWS, &first)
                .u("through_lse", usize::from(self.through_lse))
                .invocations(s.b * s.h * s.tq),
            dispatch(keys, &with(&[1, 2])).groups([s.tk.div_ceil(tile), 1, s.b * s.kv]),
            dispatch(queries, &with(&[0])).groups([s.rows().div_ceil(tile), 1, s.b * s.kv]),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: self.name(), reason: "second derivatives of attention are not built" })
    }

    /// Scores and weights again, then dp, dv, dk and dq.
    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        let s = Sizes::of(&inputs[0].shape, &inputs[1].shape, &inputs[2].shape);
        self.flash.pairs(&s) * (6 * s.d + 4 * s.dv + 7) as u64
    }
}

impl Graph {
    /// Attention of q `[b, h, tq, d]` to k `[b, kv, tk, d]` and v `[b, kv, tk, dv]`, h a multiple of kv, without its
    /// scores and weights ever being tensors.
    ///
    /// # Errors
    /// Where the shapes are not those, a head has more than 128 columns, or a mask does not fit.
    pub fn flash_attention(&mut self, q: Tensor, k: Tensor, v: Tensor, options: FlashOptions) -> Result<FlashAttention> {
        let given = if let Mask::Given(t) = options.mask { Some(t) } else { None };
        let op = Flash {
            scale: options.scale.unwrap_or(1.0 / (self.shape(q).last() as f32).sqrt()),
            causal: options.mask == Mask::Causal,
            masked: given.is_some(),
            padded: options.key_lengths.is_some(),
            rung: options.rung,
        };
        let inputs: Vec<Tensor> = [Some(q), Some(k), Some(v), given, options.key_lengths].into_iter().flatten().collect();
        let outputs = self.apply(op, &inputs)?;
        Ok(FlashAttention { output: outputs[0], lse: outputs[1] })
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "flash_attention",
        summary: "output = softmax(scale q k^T + mask) v and its log-sum-exp, no scores kept",
        inputs: &[
            ("q", "[b, h, tq, d]"),
            ("k", "[b, kv, tk, d], h a multiple of kv"),
            ("v", "[b, kv, tk, dv]; d and dv at most 128"),
            ("mask", "[tq, tk], not 0 where visible; optional"),
            ("key_lengths", "[b], integers, keys after which are padding; optional"),
        ],
        attrs: &[
            ("causal", "true or false (default false)"),
            ("scale", "factor of the scores (default 1 / sqrt(d))"),
            ("rung", "auto, tiled, register or decode: the GPU's kernel (default auto)"),
            ("lse", "false leaves the log-sum-exp out of the outputs (default true)"),
        ],
        build: |g, inputs, attrs| {
            let mask = match inputs.optional("mask") {
                Some(t) => Mask::Given(t),
                None if attr(attrs, "causal", false)? => Mask::Causal,
                None => Mask::None,
            };
            let scale = if attrs.contains_key("scale") { Some(attr(attrs, "scale", 1.0)?) } else { None };
            let key_lengths = inputs.optional("key_lengths");
            let rung = Rung::parse(&attr(attrs, "rung", "auto".to_string())?)?;
            let (q, k, v) = (inputs.get("q")?, inputs.get("k")?, inputs.get("v")?);
            let a = g.flash_attention(q, k, v, FlashOptions { scale, mask, key_lengths, rung })?;
            let mut outputs = vec![("output", a.output)];
            if attr(attrs, "lse", true)? {
                outputs.push(("lse", a.lse));
            }
            Ok(outputs)
        },
        cases: || {
            let mut make = Make::new(1300);
            let mut cases = Vec::new();
            for (label, b, h, kv, tq, tk, d, dv) in [
                ("size 1", 1, 1, 1, 1, 1, 1, 1),
                ("ragged", 2, 3, 3, 5, 7, 11, 13),
                ("grouped", 2, 6, 2, 3, 5, 4, 8),
                ("one key head", 1, 4, 1, 7, 7, 8, 8),
                // Tiles of 64 rows and 32 keys, of which the last are not full.
                ("several tiles", 1, 2, 2, 67, 71, 4, 4),
                // Heads of 37 queries share tiles.
                ("several heads a tile", 1, 4, 2, 37, 41, 8, 12),
                ("more queries than keys", 1, 2, 1, 9, 5, 4, 4),
                ("wide", 1, 1, 1, 3, 5, 128, 128),
                ("wide, odd", 1, 1, 1, 3, 5, 97, 101),
            ] {
                let inputs = vec![
                    ("q", make.normal(&[b, h, tq, d])),
                    ("k", make.normal(&[b, kv, tk, d])),
                    ("v", make.normal(&[b, kv, tk, dv])),
                ];
                for causal in [false, true] {
                    // Some rows see nothing there, and their log-sum-exp of -1e30 would drown the loss.
                    let lse = !(causal && tq > tk);
                    for rung in ["tiled", "register"] {
                        let kind = if causal { ", causal" } else { "" };
                        let case = Case::new(format!("{label}{kind}, {rung}"), inputs.clone())
                            .attr("causal", causal)
                            .attr("rung", rung)
                            .attr("lse", lse)
                            .tolerance(Tolerance::SUM)
                            .gradients(&["q", "k", "v"]);
                        cases.push(case);
                    }
                }
            }
            // One query a head, and a guess of three, over splits of 64 keys, the last not full.
            for (label, h, kv, tq, tk, d, dv) in
                [("one query", 3, 3, 1, 201, 8, 5), ("one query, grouped", 6, 2, 1, 130, 16, 16), ("a guess", 4, 2, 3, 77, 5, 70)]
            {
                let inputs = vec![
                    ("q", make.normal(&[2, h, tq, d])),
                    ("k", make.normal(&[2, kv, tk, d])),
                    ("v", make.normal(&[2, kv, tk, dv])),
                ];
                for causal in [false, true] {
                    let kind = if causal { ", causal" } else { "" };
                    cases.push(
                        Case::new(format!("{label}{kind}, decode"), inputs.clone())
                            .attr("causal", causal)
                            .attr("rung", "decode")
                            .tolerance(Tolerance::SUM)
                            .gradients(&["q", "k", "v"]),
                    );
                }
            }
            for rung in ["tiled", "register", "decode"] {
                let inputs = |make: &mut Make, scale: f32| {
                    vec![
                        ("q", make.floats(&[3, 2, 9, 4], scale, 0.0)),
                        ("k", make.floats(&[3, 1, 11, 4], scale, 0.0)),
                        ("v", make.normal(&[3, 1, 11, 8])),
                    ]
                };
                let mut mask = make.constant(&[9, 11], 1.0);
                if let crate::Data::F32(m) = &mut mask.data {
                    m[..11].fill(0.0); // the first query sees nothing
                    m[13..20].fill(0.0);
                    m[98] = 0.0;
                }
                let lengths = crate::HostTensor::u32(&[3], vec![11, 0, 6]).expect("a valid tensor");
                let mut masked = inputs(&mut make, 1.0);
                masked.push(("mask", mask));
                let case = |label: &str, inputs| {
                    Case::new(format!("{label}, {rung}"), inputs).attr("rung", rung).attr("lse", false)
                };
                cases.push(
                    case("masked, one row fully", masked.clone())
                        .attr("scale", 0.3)
                        .tolerance(Tolerance::SUM)
                        .gradients(&["q", "k", "v"]),
                );
                masked.push(("key_lengths", lengths.clone()));
                cases.push(case("masked and padded", masked).tolerance(Tolerance::SUM).gradients(&["q", "k", "v"]));
                let mut padded = inputs(&mut make, 1.0);
                padded.push(("key_lengths", lengths));
                // The second sequence is all padding.
                let padded = case("padded", padded).tolerance(Tolerance::SUM);
                cases.push(padded.clone().gradients(&["q", "k", "v"]));
                cases.push(padded.clone().attr("causal", true).gradients(&["q", "k", "v"]));
                cases.push(padded.attr("lse", true));
                // Scores of 1e6, whose last digits decide nothing where one key wins.
                cases.push(case("large", inputs(&mut make, 1e3)).tolerance(Tolerance::COMPOSED));
                let equal = vec![
                    ("q", make.constant(&[1, 1, 3, 4], 1.0)),
                    ("k", make.constant(&[1, 1, 3, 4], 1.0)),
                    ("v", make.normal(&[1, 1, 3, 4])),
                ];
                cases.push(case("all keys equal", equal).attr("causal", true).gradients(&["v"]));
            }
            cases
        },
    }]
}
