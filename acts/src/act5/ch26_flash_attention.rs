//! Chapter 26, FlashAttention: exact attention whose table of scores never exists.
//!
//! [`Slow`] is the algorithm in slow motion, on the host: one frame a visit of a query tile to a key tile. [`Bench`]
//! measures the naive composition against every fused kernel that runs on a device.
//!
//! Claims, asserted in `acts/tests/ch26_flash_attention.rs`:
//! - the tiled result differs from the plain one at rounding level, and it does differ: another order of the same sum;
//! - fused, memory grows with the length; naive, with its square;
//! - at long lengths the tiled way moves fewer bytes, unless a tile has too few rows for the width of a head.
//!
//! Time is measured and not asserted: it belongs to the machine.

use std::ops::Range;

#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

use engine::{
    Device, Graph, HostTensor, Program, Result, Store, Tensor,
    ops::{AttentionOptions, FLASH_COLUMNS, FlashOptions, Mask, Rung},
    rng,
};

/// Bytes of a number.
const WORD: u64 = 4;

/// Limits of the slow motion: what a picture of tiles can show.
pub const SLOW_POSITIONS: Range<usize> = 8..65;
/// Columns of a head in slow motion.
pub const SLOW_COLUMNS: Range<usize> = 2..33;
/// Rows, or columns, of a tile in slow motion.
pub const SLOW_TILE: Range<usize> = 4..33;

/// What the reader has set for the slow motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowSettings {
    /// Tokens: the table is n by n.
    pub n: usize,
    /// Columns of a head.
    pub d: usize,
    /// Queries of a tile.
    pub rows: usize,
    /// Keys of a tile.
    pub cols: usize,
    /// Whether a query sees only the keys up to its own place.
    pub causal: bool,
    /// Seed of queries, keys and values, all of unit variance.
    pub seed: u32,
}

impl SlowSettings {
    /// The same within the limits.
    pub fn clamped(self) -> Self {
        let within = |x: usize, limits: Range<usize>| x.clamp(limits.start, limits.end - 1);
        let n = within(self.n, SLOW_POSITIONS);
        Self {
            n,
            d: within(self.d, SLOW_COLUMNS),
            rows: within(self.rows, SLOW_TILE).min(n),
            cols: within(self.cols, SLOW_TILE).min(n),
            ..self
        }
    }
}

/// What travels along with a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowState {
    /// The largest score so far; none before the first.
    pub m: Option<f32>,
    /// The sum of exponentials so far, measured from m.
    pub l: f32,
}

/// One row of the current tile, before and after the visit.
#[derive(Clone, Debug, PartialEq)]
pub struct RowVisit {
    /// Which query.
    pub row: usize,
    /// Before.
    pub before: RowState,
    /// After.
    pub after: RowState,
    /// e to the old maximum less the new one: what everything so far is multiplied by. 0 where there was nothing.
    pub repair: f32,
    /// The old sum after repair.
    pub repaired: f32,
    /// The exponentials of this tile, summed.
    pub arrived: f32,
    /// The weighted sum of values so far, not yet divided.
    pub output: Vec<f32>,
}

/// Bytes by one way of doing it, from the beginning to the end of a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Read from main memory.
    pub read: u64,
    /// Written to main memory.
    pub written: u64,
    /// Held at most, beside queries, keys, values and the result.
    pub held: u64,
}

impl Counters {
    /// To and from memory.
    pub fn moved(&self) -> u64 {
        self.read + self.written
    }
}

/// One frame: a query tile meets a key tile.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Which query tile.
    pub query_tile: usize,
    /// Which key tile.
    pub key_tile: usize,
    /// Its queries.
    pub rows: Range<usize>,
    /// Its keys.
    pub cols: Range<usize>,
    /// The block's scores, row after row; masked ones are `None`.
    pub scores: Vec<Option<f32>>,
    /// The rows of the tile.
    pub states: Vec<RowVisit>,
    /// Whether this was the tile's last visit, so that its rows were divided and written.
    pub finished: bool,
    /// The naive way, when it has come as far in the table.
    pub naive: Counters,
    /// The tiled way.
    pub tiled: Counters,
}

impl Visit {
    /// What a row of the tile adds: each key that it sees with its score and the exponential of that, measured from the
    /// new maximum.
    pub fn terms(&self, r: usize) -> Vec<(usize, f32, f32)> {
        let Some(m) = self.states.get(r).and_then(|s| s.after.m) else { return vec![] };
        let news = self.scores.iter().skip(r * self.cols.len()).take(self.cols.len());
        self.cols.clone().zip(news).filter_map(|(j, s)| s.map(|s| (j, s, (s - m).exp()))).collect()
    }
}

/// What a tile of the table is, at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileState {
    /// Not yet visited.
    Ahead,
    /// Its scores exist now.
    Current,
    /// Its scores were used and forgotten.
    Past,
    /// Wholly above the diagonal: never computed.
    Skipped,
}

/// Tiled attention in slow motion: stands before the first visit, or after one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    settings: SlowSettings,
    visits: Vec<Visit>,
    output: Vec<f32>,
    plain: Vec<f32>,
    at: usize,
}

impl Slow {
    /// All visits for settings, which are clamped; stands before the first.
    pub fn new(settings: SlowSettings) -> Self {
        let settings = settings.clamped();
        let SlowSettings { n, d, seed, .. } = settings;
        let [q, k, v] = [0, 1, 2].map(|which| normals(seed, which, n * d));
        let (visits, output) = visits(&settings, &q, &k, &v);
        Self { settings, visits, output, plain: plain(&settings, &q, &k, &v), at: 0 }
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &SlowSettings {
        &self.settings
    }

    /// How many visits there are.
    pub fn len(&self) -> usize {
        self.visits.len()
    }

    /// There is always a visit.
    pub fn is_empty(&self) -> bool {
        self.visits.is_empty()
    }

    /// How many visits are done.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to where that many visits are done; beyond the last is the last.
    pub fn go(&mut self, at: usize) {
        self.at = at.min(self.visits.len());
    }

    /// One visit on; whether there was one.
    pub fn step(&mut self) -> bool {
        let on = self.at < self.visits.len();
        self.at += usize::from(on);
        on
    }

    /// One visit back; whether there was one.
    pub fn back(&mut self) -> bool {
        let on = self.at > 0;
        self.at -= usize::from(on);
        on
    }

    /// The visit last done.
    pub fn frame(&self) -> Option<&Visit> {
        self.frame_at(self.at)
    }

    /// The visit after which that many are done.
    pub fn frame_at(&self, at: usize) -> Option<&Visit> {
        self.visits.get(at.checked_sub(1)?)
    }

    /// Tiles down and across.
    pub fn tiles(&self) -> [usize; 2] {
        [self.settings.n.div_ceil(self.settings.rows), self.settings.n.div_ceil(self.settings.cols)]
    }

    /// What a tile is when that many visits are done.
    pub fn tile_at(&self, at: usize, query_tile: usize, key_tile: usize) -> TileState {
        if skipped(&self.settings, query_tile, key_tile) {
            return TileState::Skipped;
        }
        let place = |v: &Visit| (v.query_tile, v.key_tile);
        match self.frame_at(at) {
            Some(now) if place(now) == (query_tile, key_tile) => TileState::Current,
            Some(now) if place(now) > (query_tile, key_tile) => TileState::Past,
            _ => TileState::Ahead,
        }
    }

    /// The finished output, `[n, d]`.
    pub fn output(&self) -> &[f32] {
        &self.output
    }

    /// Plain attention on the same numbers.
    pub fn plain(&self) -> &[f32] {
        &self.plain
    }

    /// The largest difference between the two, and the same in units of the last place.
    pub fn difference(&self) -> Difference {
        Difference::between(&self.output, &self.plain, self.settings.d)
    }
}

/// Seeded numbers of unit variance.
fn normals(seed: u32, which: u32, count: usize) -> Vec<f32> {
    (0..count).map(|i| rng::normal([seed, 2600 + which], i as u32)).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn skipped(s: &SlowSettings, query_tile: usize, key_tile: usize) -> bool {
    let last_row = (query_tile * s.rows + s.rows).min(s.n) - 1;
    s.causal && key_tile * s.cols > last_row
}

fn visits(s: &SlowSettings, q: &[f32], k: &[f32], v: &[f32]) -> (Vec<Visit>, Vec<f32>) {
    let (n, d) = (s.n, s.d);
    let scale = 1.0 / (d as f32).sqrt();
    let (mut list, mut output) = (Vec::new(), Vec::new());
    let mut naive = Counters::default();
    let mut tiled = Counters::default();
    for query_tile in 0..n.div_ceil(s.rows) {
        let rows = query_tile * s.rows..(query_tile * s.rows + s.rows).min(n);
        let tile_words = (rows.len() * d) as u64;
        let mut states: Vec<RowVisit> = rows
            .clone()
            .map(|row| RowVisit {
                row,
                before: RowState::default(),
                after: RowState::default(),
                repair: 0.0,
                repaired: 0.0,
                arrived: 0.0,
                output: vec![0.0; d],
            })
            .collect();
        naive.read += WORD * tile_words;
        tiled.read += WORD * tile_words;
        for key_tile in 0..n.div_ceil(s.cols) {
            let cols = key_tile * s.cols..(key_tile * s.cols + s.cols).min(n);
            let cells = (rows.len() * cols.len()) as u64;
            // Keys and values are read once by whoever keeps the table: that is the best it can do.
            if query_tile == 0 {
                naive.read += WORD * 2 * (cols.len() * d) as u64;
            }
            // Scores out, in for the softmax, weights out, in for the product with the values; and both exist at once.
            naive.written += WORD * 2 * cells;
            naive.read += WORD * 2 * cells;
            naive.held += WORD * 2 * cells;
            if skipped(s, query_tile, key_tile) {
                continue;
            }
            let mut scores = Vec::with_capacity(cells as usize);
            for state in &mut states {
                let query = &q[state.row * d..(state.row + 1) * d];
                let news: Vec<Option<f32>> = cols
                    .clone()
                    .map(|j| (!(s.causal && j > state.row)).then(|| scale * dot(query, &k[j * d..(j + 1) * d])))
                    .collect();
                state.before = state.after;
                let m = news.iter().flatten().copied().fold(state.before.m, |m, x| Some(m.map_or(x, |m| m.max(x))));
                // A row that has seen nothing has nothing to repair.
                state.repair = match (state.before.m, m) {
                    (Some(old), Some(new)) => (old - new).exp(),
                    _ => 0.0,
                };
                state.repaired = state.repair * state.before.l;
                state.output.iter_mut().for_each(|o| *o *= state.repair);
                state.arrived = 0.0;
                for (score, j) in news.iter().zip(cols.clone()) {
                    let (Some(score), Some(m)) = (score, m) else { continue };
                    let weight = (score - m).exp();
                    state.arrived += weight;
                    state.output.iter_mut().zip(&v[j * d..]).for_each(|(o, v)| *o += weight * v);
                }
                state.after = RowState { m, l: state.repaired + state.arrived };
                scores.extend(news);
            }
            tiled.read += WORD * 2 * (cols.len() * d) as u64;
            // What the fast memory has room for: the three tiles, the block, the output so far, m and l.
            let words = 2 * tile_words + 2 * (cols.len() * d) as u64 + cells + 2 * rows.len() as u64;
            tiled.held = tiled.held.max(WORD * words);
            list.push(Visit {
                query_tile,
                key_tile,
                rows: rows.clone(),
                cols,
                scores,
                states: states.clone(),
                finished: false,
                naive,
                tiled,
            });
        }
        // The result goes out; the tiled way keeps a log-sum-exp a row for the backward pass.
        naive.written += WORD * tile_words;
        tiled.written += WORD * (tile_words + rows.len() as u64);
        for state in &states {
            output.extend(state.output.iter().map(|o| o / state.after.l));
        }
        if let Some(last) = list.last_mut() {
            (last.finished, last.naive, last.tiled) = (true, naive, tiled);
        }
    }
    (list, output)
}

/// Attention as it is written, a row at a time, with the whole row known.
fn plain(s: &SlowSettings, q: &[f32], k: &[f32], v: &[f32]) -> Vec<f32> {
    let d = s.d;
    let scale = 1.0 / (d as f32).sqrt();
    let mut output = vec![0.0; s.n * d];
    for (row, output) in output.chunks_mut(d).enumerate() {
        let seen = if s.causal { row + 1 } else { s.n };
        let scores: Vec<f32> = k.chunks(d).take(seen).map(|key| scale * dot(&q[row * d..(row + 1) * d], key)).collect();
        let m = scores.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = scores.iter().map(|s| (s - m).exp()).sum();
        for (score, value) in scores.iter().zip(v.chunks(d)) {
            let weight = (score - m).exp() / sum;
            output.iter_mut().zip(value).for_each(|(o, v)| *o += weight * v);
        }
    }
    output
}

/// How far two results are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// The largest difference.
    pub absolute: f64,
    /// The largest difference in units of the last place of the largest number of its row. A number near zero is what is
    /// left of larger ones that cancelled, so its own last place says nothing of the rounding.
    pub ulps: f64,
}

impl Difference {
    /// Between rows of that many columns. A number that is none makes both infinite.
    pub fn between(a: &[f32], b: &[f32], columns: usize) -> Self {
        let mut out = Self::default();
        for (a, b) in a.chunks(columns.max(1)).zip(b.chunks(columns.max(1))) {
            let largest = b.iter().fold(f32::MIN_POSITIVE, |m, x| m.max(x.abs()));
            let ulp = f64::from(f32::from_bits(largest.to_bits() + 1)) - f64::from(largest);
            for (a, b) in a.iter().zip(b) {
                let apart = (f64::from(*a) - f64::from(*b)).abs();
                let apart = if apart.is_finite() { apart } else { f64::INFINITY };
                out.absolute = out.absolute.max(apart);
                out.ulps = out.ulps.max(apart / ulp);
            }
        }
        out
    }

    /// The larger of each.
    fn or(self, other: Self) -> Self {
        Self { absolute: self.absolute.max(other.absolute), ulps: self.ulps.max(other.ulps) }
    }
}

/// What the reader has set for the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Tokens.
    pub n: usize,
    /// Columns of a head.
    pub d: usize,
    /// Heads.
    pub heads: usize,
    /// Whether queries do not look ahead.
    pub causal: bool,
    /// Whether the gradients are computed too.
    pub backward: bool,
    /// Seed of the inputs.
    pub seed: u32,
}

/// The lengths that are measured.
pub const POSITIONS: Range<usize> = 16..2049;

/// The most heads.
pub const MOST_HEADS: usize = 8;

/// Operations that one run may take on one thread of a browser, which must answer in between.
const CPU_WORK: u64 = 400_000_000;

/// Operations that one run may take on an adapter that is a processor pretending.
const SOFTWARE_WORK: u64 = 2_000_000_000;

/// Why a length was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// One run would keep the page from answering.
    Processor,
    /// The adapter is software.
    SoftwareAdapter,
    /// The table of scores is larger than a buffer that a kernel may bind, in bytes.
    Binding(u64),
}

impl Setting {
    /// What the device can run, and why, where that is less.
    pub fn clamped(self, device: &Device) -> (Self, Option<Limit>) {
        let mut s = Self {
            n: self.n.clamp(POSITIONS.start, POSITIONS.end - 1),
            d: self.d.clamp(4, FLASH_COLUMNS) / 4 * 4,
            heads: self.heads.clamp(1, MOST_HEADS),
            ..self
        };
        let over = |s: &Self| {
            let cells = (s.heads * s.n * s.n) as u64;
            let work = cells * (if s.backward { 14 * s.d + 20 } else { 4 * s.d + 5 }) as u64;
            match device.as_gpu().map(engine::GpuDevice::tier) {
                None if work > CPU_WORK => Some(Limit::Processor),
                Some(tier) if tier.software && work > SOFTWARE_WORK => Some(Limit::SoftwareAdapter),
                Some(tier) if WORD * cells > tier.max_binding_bytes => Some(Limit::Binding(tier.max_binding_bytes)),
                _ => None,
            }
        };
        let mut limit = None;
        while let Some(why) = over(&s) {
            limit = Some(why);
            if s.n / 2 < POSITIONS.start {
                break;
            }
            s.n /= 2;
        }
        (s, limit)
    }

    fn mask(&self) -> Mask {
        if self.causal { Mask::Causal } else { Mask::None }
    }
}

/// A way of computing attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Scores, softmax, product: three ops, the table a tensor.
    Naive,
    /// The fused op. On a GPU with a kernel of the ladder; the CPU knows only one way.
    Fused(Option<Rung>),
}

impl Variant {
    /// All that differ on a device, naive first.
    pub fn all(device: &Device) -> Vec<Self> {
        let fused: &[Option<Rung>] = match device {
            Device::Cpu(_) => &[None],
            Device::Gpu(_) => &[Some(Rung::Tiled), Some(Rung::Register), Some(Rung::Decode)],
        };
        std::iter::once(Self::Naive).chain(fused.iter().map(|&rung| Self::Fused(rung))).collect()
    }

    /// A name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Fused(None) => "fused, blocks of 64 rows",
            Self::Fused(Some(Rung::Tiled)) => "fused, tiled",
            Self::Fused(Some(Rung::Register)) => "fused, in registers",
            Self::Fused(Some(Rung::Decode)) => "fused, for decoding",
        }
    }
}

/// By which clock a time was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The GPU's own: kernels alone.
    Device,
    /// The page's: from the call to the end, waiting included.
    Host,
}

/// What one way costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Which way.
    pub variant: Variant,
    /// Median time of a run.
    pub time_ms: f64,
    /// By which clock.
    pub clock: Clock,
    /// Kernel launches; ops on the CPU.
    pub launches: usize,
    /// Bytes the program holds, inputs and results counted.
    pub bytes_held: u64,
    /// Bytes asked of memory, caches apart. Of ordinary ops: every input and output once, the least there can be. Of the
    /// fused kernels: what their tiles read again and again is counted each time.
    pub bytes_moved: u64,
    /// From the naive output; none for itself.
    pub difference: Option<Difference>,
    /// From the naive gradients.
    pub gradient_difference: Option<Difference>,
    /// The largest error of some rows of the output, which are worked out here in 64 bits.
    pub error: f64,
    /// Whether the engine would choose it here.
    pub chosen: bool,
    /// The kernels that ran, as (name, source, workgroups); none on the CPU.
    pub kernels: Vec<(&'static str, &'static str, [u32; 3])>,
}

/// A compiled way.
struct Compiled {
    program: Program,
    inputs: Vec<Tensor>,
    fetch: Vec<Tensor>,
}

impl Compiled {
    async fn new(device: &Device, s: &Setting, variant: Variant) -> Result<Self> {
        let mut g = Graph::new();
        let shape = [1, s.heads, s.n, s.d];
        let (q, k, v) = (g.input("q", &shape)?, g.input("k", &shape)?, g.input("v", &shape)?);
        let output = match variant {
            Variant::Naive => g.attention(q, k, v, AttentionOptions { scale: None, mask: s.mask() })?.output,
            Variant::Fused(rung) => {
                g.flash_attention(q, k, v, FlashOptions { mask: s.mask(), rung, ..FlashOptions::default() })?.output
            }
        };
        let (mut inputs, mut fetch) = (vec![q, k, v], vec![output]);
        if s.backward {
            // Any gradient of the output will do; this one is given.
            let slope = g.input("slope", &shape)?;
            inputs.push(slope);
            let product = g.mul(output, slope)?;
            let loss = g.sum_all(product)?;
            fetch.extend(g.gradients(loss, &[q, k, v])?);
        }
        let program = Program::compile(device, &g, &fetch, &Store::new(device)).await?;
        Ok(Self { program, inputs, fetch })
    }

    /// The kernels of every step.
    fn kernels(&self, device: &Device) -> Vec<(&'static str, &'static str, [u32; 3])> {
        let Some(gpu) = device.as_gpu() else { return vec![] };
        let steps = 0..self.program.plan().steps.len();
        let launches = steps.flat_map(|at| self.program.kernels(at, gpu.tier()));
        launches.map(|d| (d.kernel.name, d.kernel.source, d.groups)).collect()
    }

    fn bytes_moved(&self, device: &Device, s: &Setting, variant: Variant) -> u64 {
        let plan = self.program.plan();
        let heads = s.heads as u64;
        let of_step = |(at, step): (usize, &engine::exec::Step)| match step.op.name() {
            "flash_attention" => {
                let again = match variant {
                    // The unfinished output waits in memory: out and in for every 16 keys.
                    Variant::Fused(Some(Rung::Register)) => 2 * s.d * keys_read(s, 8, 16) / 16 * 8,
                    // The parts of a row go out and are joined.
                    Variant::Fused(Some(Rung::Decode)) => {
                        let kernels =
                            device.as_gpu().map(|gpu| self.program.kernels(at, gpu.tier())).unwrap_or_default();
                        let splits = kernels.first().map_or(1, |k| k.groups[0] as usize);
                        2 * s.n * splits * (s.d + 2)
                    }
                    _ => 0,
                };
                heads * (tiled_bytes(s, variant.tile()) + WORD * again as u64)
            }
            "flash_attention_backward" => heads * backward_bytes(s),
            _ => step.bytes(),
        };
        plan.steps.iter().enumerate().map(of_step).sum()
    }
}

impl Variant {
    /// Queries that share what is read of the keys, and keys that are read at a time.
    fn tile(self) -> [usize; 2] {
        match self {
            Self::Fused(Some(Rung::Register)) => [8, 16],
            Self::Fused(Some(Rung::Decode)) => [4, 64],
            Self::Naive | Self::Fused(_) => [64, 32],
        }
    }
}

/// Bytes that the naive forward pass of one head must move: every tensor of every stage once.
pub fn naive_bytes(s: &Setting) -> u64 {
    WORD * (4 * s.n * s.d + 4 * s.n * s.n) as u64
}

/// Bytes that a tiled forward pass of one head moves: queries and results once, keys and values once a query tile.
pub fn tiled_bytes(s: &Setting, [rows, cols]: [usize; 2]) -> u64 {
    let keys = keys_read(s, rows, cols);
    WORD * (2 * s.n * s.d + s.n + 2 * keys * s.d) as u64
}

/// Keys that all query tiles together read.
fn keys_read(s: &Setting, rows: usize, cols: usize) -> usize {
    let of_tile = |tile: usize| {
        let seen = if s.causal { ((tile + 1) * rows).min(s.n) } else { s.n };
        seen.next_multiple_of(cols).min(s.n)
    };
    (0..s.n.div_ceil(rows)).map(of_tile).sum()
}

/// Bytes of the fused backward pass of one head: a term a row; then every tile of 32 keys reads the queries that see it,
/// and every tile of 32 queries the keys it sees.
fn backward_bytes(s: &Setting) -> u64 {
    const TILE: usize = 32;
    let across = keys_read(s, TILE, TILE);
    let rows = 2 * s.n * s.d + s.n + 3 * s.n;
    let keys = 4 * s.n * s.d + across * (2 * s.d + 3);
    let queries = 3 * s.n * s.d + 3 * s.n + across * 2 * s.d;
    WORD * (rows + keys + queries) as u64
}

/// Bytes that a way holds, compiled and not run.
pub async fn bytes_held(device: &Device, s: &Setting, variant: Variant) -> Result<u64> {
    Ok(Compiled::new(device, s, variant).await?.program.bytes())
}

/// Bytes that a way moves by [`Measured::bytes_moved`]'s count.
pub async fn bytes_moved(device: &Device, s: &Setting, variant: Variant) -> Result<u64> {
    Ok(Compiled::new(device, s, variant).await?.bytes_moved(device, s, variant))
}

/// Runs that are timed.
const RUNS: usize = 5;

/// Rows of the output that are worked out in 64 bits.
const EXACT_ROWS: usize = 8;

/// How far a measurement has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Pieces done.
    pub done: usize,
    /// Pieces in all.
    pub total: usize,
    /// The way that this piece finished.
    pub finished: Option<Measured>,
}

/// A measurement, in pieces short enough to stop between.
pub struct Bench {
    device: Device,
    setting: Setting,
    variants: Vec<Variant>,
    values: Vec<HostTensor>,
    /// The naive output and gradients.
    reference: Vec<Vec<f32>>,
    /// The kernel that the engine would choose.
    chosen: Option<&'static str>,
    running: Option<(Compiled, Measured)>,
    times_ms: Vec<f64>,
    done: usize,
}

impl Bench {
    /// Ready to measure; a setting beyond what the device can run is cut, see [`Setting::clamped`].
    pub fn new(device: &Device, setting: Setting) -> Result<Self> {
        let (s, _) = setting.clamped(device);
        let shape = [1, s.heads, s.n, s.d];
        let values = (0..if s.backward { 4 } else { 3 })
            .map(|which| HostTensor::f32(&shape, normals(s.seed, which, s.heads * s.n * s.d)))
            .collect::<Result<_>>()?;
        Ok(Self {
            device: device.clone(),
            setting: s,
            variants: Variant::all(device),
            values,
            reference: vec![],
            chosen: None,
            running: None,
            times_ms: vec![],
            done: 0,
        })
    }

    /// What is measured.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The next piece: a way is compiled, run and compared, or timed once. `None` when all is done.
    pub async fn advance(&mut self) -> Result<Option<Progress>> {
        let pieces = 1 + RUNS;
        let total = self.variants.len() * pieces;
        let Some(&variant) = self.variants.get(self.done / pieces) else { return Ok(None) };
        let mut finished = None;
        match self.running.take() {
            None => {
                self.times_ms.clear();
                self.running = Some(self.compare(variant).await?);
            }
            Some((mut compiled, mut measured)) => {
                let (time_ms, clock) = time(&self.device, &mut compiled.program).await?;
                self.times_ms.push(time_ms);
                if self.times_ms.len() < RUNS {
                    self.running = Some((compiled, measured));
                } else {
                    self.times_ms.sort_by(f64::total_cmp);
                    (measured.time_ms, measured.clock) = (self.times_ms[RUNS / 2], clock);
                    finished = Some(measured);
                }
            }
        }
        self.done += 1;
        Ok(Some(Progress { done: self.done, total, finished }))
    }

    async fn compare(&mut self, variant: Variant) -> Result<(Compiled, Measured)> {
        let s = self.setting;
        if self.chosen.is_none() && variant != Variant::Naive {
            let auto = Compiled::new(&self.device, &s, Variant::Fused(None)).await?;
            self.chosen = auto.kernels(&self.device).first().map(|k| k.0);
        }
        let mut compiled = Compiled::new(&self.device, &s, variant).await?;
        for (input, value) in compiled.inputs.iter().zip(&self.values) {
            compiled.program.write(*input, value)?;
        }
        let results = compiled.program.run_and_read(&compiled.fetch).await?;
        let results: Vec<Vec<f32>> = results.iter().map(|t| t.as_f32().map(<[f32]>::to_vec)).collect::<Result<_>>()?;
        let error = self.error(&results[0])?;
        let (mut difference, mut gradient_difference) = (None, None);
        if variant == Variant::Naive {
            self.reference = results;
        } else {
            let mut list = results.iter().zip(&self.reference).map(|(a, b)| Difference::between(a, b, s.d));
            difference = list.next();
            gradient_difference = list.reduce(Difference::or);
        }
        let kernels = compiled.kernels(&self.device);
        let chosen = match variant {
            Variant::Naive => false,
            Variant::Fused(None) => true,
            Variant::Fused(_) => self.chosen.is_some() && kernels.first().map(|k| k.0) == self.chosen,
        };
        let measured = Measured {
            variant,
            time_ms: 0.0,
            clock: Clock::Host,
            launches: compiled.program.launches(),
            bytes_held: compiled.program.bytes(),
            bytes_moved: compiled.bytes_moved(&self.device, &s, variant),
            difference,
            gradient_difference,
            error,
            chosen,
            kernels,
        };
        Ok((compiled, measured))
    }

    /// The largest error of some rows, spread over all.
    fn error(&self, output: &[f32]) -> Result<f64> {
        let Setting { n, d, heads, causal, .. } = self.setting;
        let [q, k, v] = [self.values[0].as_f32()?, self.values[1].as_f32()?, self.values[2].as_f32()?];
        let scale = 1.0 / (d as f64).sqrt();
        let mut largest = 0.0f64;
        for at in 0..EXACT_ROWS.min(heads * n) {
            let place = (at + 1) * heads * n / EXACT_ROWS.min(heads * n) - 1;
            let (head, row) = (place / n, place % n);
            let of = |x: &'_ [f32], j: usize| -> Range<usize> {
                let start = (head * n + j) * d;
                start..(start + d).min(x.len())
            };
            let query = &q[of(q, row)];
            let scores: Vec<f64> = (0..if causal { row + 1 } else { n })
                .map(|j| {
                    let products = query.iter().zip(&k[of(k, j)]).map(|(a, b)| f64::from(*a) * f64::from(*b));
                    scale * products.sum::<f64>()
                })
                .collect();
            let m = scores.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - m).exp()).sum();
            let mut exact = vec![0.0; d];
            for (j, score) in scores.iter().enumerate() {
                let weight = (score - m).exp() / sum;
                exact.iter_mut().zip(&v[of(v, j)]).for_each(|(o, v)| *o += weight * f64::from(*v));
            }
            for (a, b) in output[of(output, row)].iter().zip(&exact) {
                let apart = (f64::from(*a) - b).abs();
                largest = largest.max(if apart.is_finite() { apart } else { f64::INFINITY });
            }
        }
        Ok(largest)
    }

    /// The whole measurement.
    pub async fn finish(mut self) -> Result<Vec<Measured>> {
        let mut list = Vec::new();
        while let Some(progress) = self.advance().await? {
            list.extend(progress.finished);
        }
        Ok(list)
    }
}

/// One run by the best clock there is.
async fn time(device: &Device, program: &mut Program) -> Result<(f64, Clock)> {
    if device.as_gpu().is_some_and(|gpu| gpu.tier().timestamps) {
        let time_ms = program.profile().await?.iter().map(|t| t.time_ms).sum();
        return Ok((time_ms, Clock::Device));
    }
    let start = Instant::now();
    program.run()?;
    program.finish().await?;
    Ok((start.elapsed().as_secs_f64() * 1e3, Clock::Host))
}
