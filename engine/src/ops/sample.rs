//! From logits to a choice, without leaving the device: the largest, the k largest, or a draw.
//!
//! All work along the last axis and take the lowest place in a tie. A draw is the Gumbel-max trick (Gumbel 1954;
//! Maddison, Tarlow and Minka, *A\* sampling*, 2014): `argmax_j (x_j - T log(-log u_j))` with u uniform in (0, 1) is
//! distributed as `softmax(x / T)`, and needs neither a sum nor a sort. In this form T = 0 is the argmax.
//!
//! x: `[.., n]`, finite; places: integers `[..]`, or `[1]` where x has one axis. A choice has no slope, so none of these
//! has a gradient.

use super::{Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, shape_error};
use crate::{DType, Error, Graph, HostTensor, Meta, Result, Shape, Tensor, graph::Backward, rng};

/// The most that top-k finds: it looks through the row once for each.
const MOST: usize = 64;

/// The axes before the last.
fn rows_of(shape: &Shape) -> Vec<usize> {
    if shape.len() == 1 { vec![1] } else { shape[..shape.len() - 1].to_vec() }
}

fn no_gradient(op: &'static str) -> Result<Vec<Option<Tensor>>> {
    Err(Error::NoGradient { op, reason: "a choice has no slope" })
}

/// The place of the largest value; the lowest in a tie.
fn largest(values: impl Iterator<Item = f32>) -> usize {
    let mut best = (0, f32::MIN);
    for (j, value) in values.enumerate() {
        if value > best.1 {
            best = (j, value);
        }
    }
    best.0
}

#[derive(Debug, Clone)]
struct Argmax;

impl Argmax {
    fn run(cpu: &mut Cpu<'_>, threads: usize) {
        let x = cpu.inputs[0].f32();
        let cols = cpu.inputs[0].layout.shape.last();
        super::for_rows(threads, cpu.outputs[0], 1, |r, y| {
            y[0] = largest(x[r * cols..(r + 1) * cols].iter().copied()) as u32;
        });
    }
}

impl Op for Argmax {
    fn name(&self) -> &'static str {
        "argmax"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("argmax", inputs, 1)?;
        Ok(vec![Meta::u32(&rows_of(&inputs[0].shape))?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        Self::run(cpu, 1);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        Self::run(cpu, cpu.threads);
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        // The first of the top k, whose value nobody asked for.
        vec![top_k_dispatch(&gpu.inputs[0].shape, 1, [Bind::Scratch(0), Bind::Output(0)])]
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        vec![gpu.outputs[0].shape.count()]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        no_gradient("argmax")
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.count() as u64
    }
}

fn top_k_dispatch(shape: &Shape, k: usize, outputs: [Bind; 2]) -> Dispatch {
    let rows = shape.count() / shape.last();
    Dispatch::new(&shaders::TOP_K, &[Bind::Input(0), outputs[0], outputs[1]])
        .u("rows", rows)
        .u("cols", shape.last())
        .u("k", k)
        .flat_groups(rows)
}

#[derive(Debug, Clone)]
struct TopK {
    k: usize,
}

impl Op for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("top_k", inputs, 1)?;
        let mut shape = inputs[0].shape.to_vec();
        let cols = inputs[0].shape.last();
        if self.k == 0 || self.k > cols.min(MOST) {
            return Err(shape_error(
                "top_k",
                format!("k is {}, not 1 to {MOST} and no more than a row", self.k),
                inputs,
            ));
        }
        shape.pop();
        shape.push(self.k);
        Ok(vec![Meta::f32(&shape)?, Meta::u32(&shape)?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let x = cpu.inputs[0].f32();
        let cols = cpu.inputs[0].layout.shape.last();
        let [values, places] = &mut cpu.outputs[..] else { return };
        let values: &mut [f32] = bytemuck::cast_slice_mut(values);
        for ((x, values), places) in x.chunks(cols).zip(values.chunks_mut(self.k)).zip(places.chunks_mut(self.k)) {
            let mut order: Vec<usize> = (0..cols).collect();
            order.sort_by(|&a, &b| x[b].total_cmp(&x[a]).then(a.cmp(&b)));
            for ((value, place), &j) in values.iter_mut().zip(places).zip(&order) {
                (*value, *place) = (x[j], j as u32);
            }
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        vec![top_k_dispatch(&gpu.inputs[0].shape, self.k, [Bind::Output(0), Bind::Output(1)])]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        no_gradient("top_k")
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        (self.k * inputs[0].shape.count()) as u64
    }
}

/// `-log(-log u)`. Near u = 1, where the winners come from, log u is tiny and WGSL lets log be off by more than that:
/// there `-log(1 - w)` is summed as `w + w^2/2 + w^3/3 + ..`, here as in the kernel.
fn gumbel(word: u32) -> f32 {
    let u = rng::unit(word);
    let w = 1.0 - u;
    let minus_log_u = if w < 0.0625 { w * (1.0 + w * (0.5 + w * (1.0 / 3.0 + w * (0.25 + w * 0.2)))) } else { -u.ln() };
    -minus_log_u.ln()
}

fn key(seed: &CpuInput<'_>) -> [u32; 2] {
    [seed.u32()[0], seed.u32()[1]]
}

/// Inputs: logits, seed `[2]`, temperature `[1]`.
#[derive(Debug, Clone)]
struct Categorical;

impl Categorical {
    fn run(cpu: &mut Cpu<'_>, threads: usize) {
        let x = cpu.inputs[0].f32();
        let cols = cpu.inputs[0].layout.shape.last();
        let key = key(&cpu.inputs[1]);
        let temperature = cpu.inputs[2].f32()[0];
        super::for_rows(threads, cpu.outputs[0], 1, |r, y| {
            let x = &x[r * cols..(r + 1) * cols];
            let noisy = |(j, x): (usize, &f32)| {
                let [word, _] = rng::threefry(key, [r as u32, j as u32]);
                x + temperature * gumbel(word)
            };
            y[0] = largest(x.iter().enumerate().map(noisy)) as u32;
        });
    }
}

impl Op for Categorical {
    fn name(&self) -> &'static str {
        "categorical"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let [logits, seed, temperature] = inputs else {
            return Err(shape_error("categorical", "logits, a seed and a temperature are wanted", inputs));
        };
        if logits.dtype != DType::F32 || temperature.dtype != DType::F32 || temperature.shape.count() != 1 {
            return Err(shape_error("categorical", "logits and one temperature must be floats", inputs));
        }
        expect_seed("categorical", seed, inputs)?;
        Ok(vec![Meta::u32(&rows_of(&logits.shape))?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        Self::run(cpu, 1);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        Self::run(cpu, cpu.threads);
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let shape = &gpu.inputs[0].shape;
        let rows = shape.count() / shape.last();
        let bindings = [Bind::Input(0), Bind::Input(1), Bind::Input(2), Bind::Output(0)];
        vec![Dispatch::new(&shaders::CATEGORICAL, &bindings).u("rows", rows).u("cols", shape.last()).flat_groups(rows)]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        no_gradient("categorical")
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        // Twenty rounds of three operations, and a few for the noise.
        70 * inputs[0].shape.count() as u64
    }
}

fn expect_seed(op: &'static str, seed: &Meta, inputs: &[Meta]) -> Result<()> {
    if seed.dtype != DType::U32 || seed.shape.count() != 2 {
        return Err(shape_error(op, "a seed is two integers", inputs));
    }
    Ok(())
}

/// `y[i] = threefry(seed, (i, 0))`: the two words of [`rng::bits`].
#[derive(Debug, Clone)]
struct RandomBits {
    count: usize,
}

impl Op for RandomBits {
    fn name(&self) -> &'static str {
        "random_bits"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let [seed] = inputs else {
            return Err(shape_error("random_bits", "a seed is wanted", inputs));
        };
        expect_seed("random_bits", seed, inputs)?;
        Ok(vec![Meta::u32(&[self.count, 2])?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let key = key(&cpu.inputs[0]);
        for (i, y) in cpu.outputs[0].chunks_mut(2).enumerate() {
            y.copy_from_slice(&rng::bits(key, i as u32));
        }
    }

    fn gpu(&self, _gpu: &Gpu<'_>) -> Vec<Dispatch> {
        vec![
            Dispatch::new(&shaders::RANDOM_BITS, &[Bind::Input(0), Bind::Output(0)])
                .u("count", self.count)
                .invocations(self.count),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "random_bits", reason: "bits do not change by degrees with their seed" })
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        60 * self.count as u64
    }
}

impl Graph {
    /// The place of the largest along the last axis: integers `[..]`.
    pub fn argmax(&mut self, x: Tensor) -> Result<Tensor> {
        self.apply1(Argmax, &[x])
    }

    /// The `k` largest along the last axis, largest first, and their places: both `[.., k]`, `k` at most 64.
    pub fn top_k(&mut self, x: Tensor, k: usize) -> Result<(Tensor, Tensor)> {
        let outputs = self.apply(TopK { k }, &[x])?;
        Ok((outputs[0], outputs[1]))
    }

    /// One draw a row from `softmax(logits / temperature)`: integers `[..]`. `seed` is two integers, `temperature` one
    /// float; row r, column j uses number (r, j) of the seed's stream, so every run wants a seed of its own.
    pub fn categorical(&mut self, logits: Tensor, seed: Tensor, temperature: Tensor) -> Result<Tensor> {
        self.apply1(Categorical, &[logits, seed, temperature])
    }

    /// Two random words for each of `count` places: integers `[count, 2]`.
    pub fn random_bits(&mut self, seed: Tensor, count: usize) -> Result<Tensor> {
        self.apply1(RandomBits { count }, &[seed])
    }
}

fn seed(a: u32, b: u32) -> HostTensor {
    HostTensor::u32(&[2], vec![a, b]).expect("two integers")
}

/// Rows to choose from: no choice, ragged, many, far apart, ties in the middle, all equal.
fn choices(first: u32) -> impl Iterator<Item = (String, HostTensor)> {
    let mut make = Make::new(first);
    let mut list: Vec<(String, HostTensor)> = [&[1][..], &[9], &[3, 7], &[2, 5, 65], &[4, 300], &[131, 2]]
        .into_iter()
        .map(|shape| (format!("{shape:?}"), make.normal(shape)))
        .collect();
    list.push(("large".into(), make.floats(&[3, 70], 1e30, 0.0)));
    list.push(("all below 0".into(), make.floats(&[2, 67], 1.0, -100.0)));
    let ties = (0..2 * 150).map(|i| (i % 7) as f32).collect();
    list.push(("ties".into(), HostTensor::f32(&[2, 150], ties).expect("300 numbers")));
    list.push(("all equal".into(), make.constant(&[2, 100], 3.0)));
    list.into_iter()
}

pub(super) fn entries() -> Vec<Entry> {
    const SEED: (&str, &str) = ("seed", "two integers");
    vec![
        Entry {
            name: "argmax",
            summary: "y = the place of the largest along the last axis, the lowest in a tie",
            inputs: &[("x", "[.., n]")],
            attrs: &[],
            build: |g, inputs, _| Ok(vec![("y", g.argmax(inputs.get("x")?)?)]),
            cases: || {
                choices(1300).map(|(label, x)| Case::new(label, vec![("x", x)]).tolerance(Tolerance::EXACT)).collect()
            },
        },
        Entry {
            name: "top_k",
            summary: "values and places of the k largest along the last axis, largest first, the lowest place in a tie",
            inputs: &[("x", "[.., n]")],
            attrs: &[("k", "1 to 64 (default 1)")],
            build: |g, inputs, attrs| {
                let (values, places) = g.top_k(inputs.get("x")?, attr(attrs, "k", 1)?)?;
                Ok(vec![("values", values), ("places", places)])
            },
            cases: || {
                let mut cases = Vec::new();
                for (label, x) in choices(1320) {
                    for k in [1, 2, 5, 64] {
                        if k <= x.shape.last() {
                            let case = Case::new(format!("{label}, k = {k}"), vec![("x", x.clone())]).attr("k", k);
                            cases.push(case.tolerance(Tolerance::EXACT));
                        }
                    }
                }
                cases
            },
        },
        Entry {
            name: "categorical",
            summary: "y = argmax_j (x_j - T log(-log u_j)) along the last axis: a draw from softmax(x / T)",
            inputs: &[("logits", "[.., n]"), SEED, ("temperature", "[1], T; 0 for the argmax")],
            attrs: &[],
            build: |g, inputs, _| {
                let (seed, temperature) = (inputs.get("seed")?, inputs.get("temperature")?);
                Ok(vec![("y", g.categorical(inputs.get("logits")?, seed, temperature)?)])
            },
            cases: || {
                // Executors round log differently, so two places within some 1e-6 of each other could change ranks.
                // These shapes have some thousand places in all: a pair of winners that close is not among them.
                let mut cases = Vec::new();
                for (label, x) in choices(1340) {
                    for (n, temperature) in [0.0, 0.5, 1.0, 3.0].into_iter().enumerate() {
                        let inputs = vec![
                            ("logits", x.clone()),
                            ("seed", seed(n as u32, 12345)),
                            ("temperature", HostTensor::f32(&[1], vec![temperature]).expect("one number")),
                        ];
                        cases.push(Case::new(format!("{label}, at {temperature}"), inputs).tolerance(Tolerance::EXACT));
                    }
                }
                cases
            },
        },
        Entry {
            name: "random_bits",
            summary: "y[i] = threefry(seed, (i, 0)): two words, the same on every executor",
            inputs: &[SEED],
            attrs: &[("count", "places (default 1)")],
            build: |g, inputs, attrs| Ok(vec![("y", g.random_bits(inputs.get("seed")?, attr(attrs, "count", 1)?)?)]),
            cases: || {
                [(0, 0, 1), (u32::MAX, u32::MAX, 65), (0x1319_8a2e, 0x0370_7344, 1000)]
                    .into_iter()
                    .map(|(a, b, count)| {
                        let case =
                            Case::new(format!("{count} places"), vec![("seed", seed(a, b))]).attr("count", count);
                        case.tolerance(Tolerance::EXACT)
                    })
                    .collect()
            },
        },
    ]
}
