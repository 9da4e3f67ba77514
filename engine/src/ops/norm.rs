//! Layer normalisation (Ba, Kiros and Hinton, 2016) and root-mean-square normalisation (Zhang and Sennrich, 2019).
//!
//! LayerNorm: `y[r, j] = (x[r, j] - m_r) s_r gain[j] + bias[j]` with `m_r` the mean of row r and
//! `s_r = 1 / sqrt(mean_j (x[r, j] - m_r)^2 + eps)`. RMSNorm: the same with `m_r = 0` and no bias.
//!
//! x, y: `[.., d]`; gain, bias: `[d]`. A row of equal numbers gives the bias: eps keeps the root from 0.

use super::{
    Attrs, Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Reduction, Tolerance, attr, expect_floats, float,
    for_rows, for_rows_of, shape_error,
};
use crate::{Error, Graph, Meta, Result, Shape, Tensor, cpu::lanes, graph::Backward};

/// The kernels that compute it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    /// A workgroup a row.
    Row,
    /// A workgroup a row, whose subgroups add up their own; where a device has none, `Row`.
    Subgroup,
    /// An invocation a row, of words read in fours.
    Register,
}

impl Rung {
    /// The rung of that name; `auto` is none.
    fn parse(name: &str) -> Result<Option<Self>> {
        match name {
            "auto" => Ok(None),
            "row" => Ok(Some(Self::Row)),
            "subgroup" => Ok(Some(Self::Subgroup)),
            "register" => Ok(Some(Self::Register)),
            _ => Err(Error::data("rung", format!("`{name}` is not auto, row, subgroup or register"))),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Norm {
    rung: Option<Rung>,
    /// Whether the mean is taken off: LayerNorm, which has a bias too.
    centred: bool,
    eps: f32,
}

/// Rows and columns.
fn sizes(shape: &Shape) -> (usize, usize) {
    (shape.count() / shape.last(), shape.last())
}

/// Row `r` of an input `[rows, cols]`.
fn row<'a>(input: &CpuInput<'a>, r: usize, cols: usize) -> &'a [f32] {
    &input.f32()[r * cols..(r + 1) * cols]
}

impl Norm {
    /// `m_r` and `s_r`.
    fn statistics(self, x: &[f32]) -> (f32, f32) {
        let n = x.len() as f32;
        let m = if self.centred { x.iter().sum::<f32>() / n } else { 0.0 };
        let square = x.iter().map(|x| (x - m) * (x - m)).sum::<f32>() / n;
        (m, 1.0 / (square + self.eps).sqrt())
    }

    /// The same in SIMD lanes.
    fn statistics_fast(self, x: &[f32]) -> (f32, f32) {
        let n = x.len() as f32;
        let m = if self.centred { lanes::sum([x], |[x]| x) / n } else { 0.0 };
        let square = lanes::sum([x], |[x]| (x - m) * (x - m)) / n;
        (m, 1.0 / (square + self.eps).sqrt())
    }

    /// A launch, with what the kernels are told that decide when they run whether the mean is taken off.
    fn dispatch(self, kernel: &'static shaders::Kernel, bindings: &[Bind], shape: &Shape) -> Dispatch {
        let (rows, cols) = sizes(shape);
        Dispatch::new(kernel, bindings)
            .u("rows", rows)
            .u("cols", cols)
            .u("centred", usize::from(self.centred))
            .f("eps", self.eps)
    }

    /// A launch, with what the kernels are told that have it decided before.
    fn decided(self, kernel: &'static shaders::Kernel, bindings: &[Bind], shape: &Shape) -> Dispatch {
        let (rows, cols) = sizes(shape);
        Dispatch::new(kernel, bindings)
            .u("rows", rows)
            .u("cols", cols)
            .f("eps", self.eps)
            .constant("centred", usize::from(self.centred))
    }

    /// Whether a row, or a block of rows, is one invocation's. Software adapters pay for barriers and workgroup memory; measured:
    /// BENCHMARKS.md, "Kernels on software adapters".
    fn alone(self, gpu: &Gpu<'_>) -> bool {
        self.rung.map_or(gpu.tier.software, |rung| rung == Rung::Register)
    }
}

impl Op for Norm {
    fn name(&self) -> &'static str {
        if self.centred { "layer_norm" } else { "rms_norm" }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 2 + usize::from(self.centred))?;
        let d = inputs[0].shape.last();
        if inputs[1..].iter().any(|m| *m.shape != [d]) {
            let what = if self.centred { "gain and bias" } else { "the gain" };
            return Err(shape_error(self.name(), format!("{what} must be [{d}]"), inputs));
        }
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let (_, cols) = sizes(&inputs[0].layout.shape);
        let gain = inputs[1].f32();
        let bias = self.centred.then(|| inputs[2].f32());
        for (r, y) in y.chunks_mut(cols).enumerate() {
            let x = row(&inputs[0], r, cols);
            let (m, s) = self.statistics(x);
            for j in 0..cols {
                y[j] = (x[j] - m) * s * gain[j] + bias.map_or(0.0, |bias| bias[j]);
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let (_, cols) = sizes(&inputs[0].layout.shape);
        let gain = inputs[1].f32();
        let bias = self.centred.then(|| inputs[2].f32());
        for_rows(threads, y, cols, |r, y| {
            let x = row(&inputs[0], r, cols);
            let (m, s) = self.statistics_fast(x);
            y.iter_mut().zip(x).zip(gain).for_each(|((y, x), gain)| *y = (x - m) * s * gain);
            if let Some(bias) = bias {
                y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let bias = if self.centred { 2 } else { 1 };
        let bindings = [Bind::Input(0), Bind::Input(1), Bind::Input(bias), Bind::Output(0)];
        let shape = &gpu.inputs[0].shape;
        let (rows, cols) = sizes(shape);
        let alone = self.alone(gpu);
        let by_subgroups = self.rung != Some(Rung::Row) && gpu.tier.subgroups.is_some();
        vec![if alone && cols.is_multiple_of(4) {
            self.decided(&shaders::NORM_REGISTER, &bindings, shape).invocations(rows)
        } else if by_subgroups && !alone {
            self.dispatch(&shaders::NORM_SUBGROUP, &bindings, shape).flat_groups(rows)
        } else {
            self.dispatch(&shaders::NORM, &bindings, shape).rows(rows, alone)
        }]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = h gain + bias, h = (x - m) s
        let (x, gain, dy) = (ask.inputs[0], ask.inputs[1], ask.grad()?);
        let mut grads = vec![None; ask.inputs.len()];
        if ask.wanted[0] {
            grads[0] = Some(g.apply1(NormBackward(*self), &[x, gain, dy])?);
        }
        if ask.wanted[1] {
            grads[1] = Some(g.apply1(NormGain(*self), &[x, dy])?); // dgain = sum_r dy h
        }
        if self.centred && ask.wanted[2] {
            let (rows, cols) = sizes(g.shape(dy));
            let flat = g.reshape(dy, &[rows, cols])?;
            grads[2] = Some(g.reduce(flat, 0, Reduction::Sum)?); // dbias = sum_r dy
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        (if self.centred { 8 } else { 5 }) * inputs[0].shape.count() as u64
    }
}

/// `dx = s (u - mean(u) - h mean(u h))` with `u = gain dy`; without centring the term `mean(u)` is missing.
#[derive(Debug, Clone)]
struct NormBackward(Norm);

impl Op for NormBackward {
    fn name(&self) -> &'static str {
        if self.0.centred { "layer_norm_backward" } else { "rms_norm_backward" }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 3)?;
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dx) = cpu.split(0);
        let (_, cols) = sizes(&inputs[0].layout.shape);
        let gain = inputs[1].f32();
        for (r, dx) in dx.chunks_mut(cols).enumerate() {
            let (x, dy) = (row(&inputs[0], r, cols), row(&inputs[2], r, cols));
            let (m, s) = self.0.statistics(x);
            let u = |j: usize| gain[j] * dy[j];
            let h = |j: usize| (x[j] - m) * s;
            let n = cols as f32;
            let mean_u = if self.0.centred { (0..cols).map(u).sum::<f32>() / n } else { 0.0 };
            let mean_uh = (0..cols).map(|j| u(j) * h(j)).sum::<f32>() / n;
            for j in 0..cols {
                dx[j] = s * (u(j) - mean_u - h(j) * mean_uh);
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dx) = cpu.split(0);
        let (_, cols) = sizes(&inputs[0].layout.shape);
        let gain = inputs[1].f32();
        for_rows(threads, dx, cols, |r, dx| {
            let (x, dy) = (row(&inputs[0], r, cols), row(&inputs[2], r, cols));
            let (m, s) = self.0.statistics_fast(x);
            let n = cols as f32;
            let mean_u = if self.0.centred { lanes::sum([gain, dy], |[g, dy]| g * dy) / n } else { 0.0 };
            let mean_uh = lanes::sum([gain, dy, x], |[g, dy, x]| g * dy * (x - m)) * s / n;
            for (((dx, x), dy), g) in dx.iter_mut().zip(x).zip(dy).zip(gain) {
                *dx = s * (g * dy - mean_u - (x - m) * s * mean_uh);
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let bindings = [Bind::Input(0), Bind::Input(1), Bind::Input(2), Bind::Output(0)];
        let shape = &gpu.inputs[0].shape;
        vec![self.0.dispatch(&shaders::NORM_BACKWARD, &bindings, shape).rows(sizes(shape).0, self.0.alone(gpu))]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: self.name(), reason: "second derivatives of normalisations are not built" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        14 * inputs[0].shape.count() as u64
    }
}

/// `dgain[j] = sum_r dy[r, j] h[r, j]`: blocks of rows side by side, then the blocks' sums.
#[derive(Debug, Clone)]
struct NormGain(Norm);

/// Rows of a block: few enough to fill a device, enough that the blocks' sums are little work.
const BLOCK: usize = 16;

impl Op for NormGain {
    fn name(&self) -> &'static str {
        if self.0.centred { "layer_norm_gain" } else { "rms_norm_gain" }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 2)?;
        Ok(vec![Meta::f32(&[inputs[0].shape.last()])?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dgain) = cpu.split(0);
        let (rows, cols) = sizes(&inputs[0].layout.shape);
        dgain.fill(0.0);
        for r in 0..rows {
            let (x, dy) = (row(&inputs[0], r, cols), row(&inputs[1], r, cols));
            let (m, s) = self.0.statistics(x);
            for j in 0..cols {
                dgain[j] += dy[j] * (x[j] - m) * s;
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dgain) = cpu.split(0);
        let (rows, cols) = sizes(&inputs[0].layout.shape);
        let mut partial = vec![0.0; rows.div_ceil(BLOCK) * cols];
        for_rows_of(threads, BLOCK * cols, &mut partial, cols, |b, partial| {
            for r in b * BLOCK..rows.min((b + 1) * BLOCK) {
                let (x, dy) = (row(&inputs[0], r, cols), row(&inputs[1], r, cols));
                let (m, s) = self.0.statistics_fast(x);
                partial.iter_mut().zip(x).zip(dy).for_each(|((sum, x), dy)| *sum += dy * (x - m) * s);
            }
        });
        dgain.fill(0.0);
        for partial in partial.chunks(cols) {
            dgain.iter_mut().zip(partial).for_each(|(sum, part)| *sum += part);
        }
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let (rows, cols) = sizes(&gpu.inputs[0].shape);
        if rows <= BLOCK { vec![] } else { vec![rows.div_ceil(BLOCK) * cols] }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let shape = &gpu.inputs[0].shape;
        let (rows, cols) = sizes(shape);
        let blocks = rows.div_ceil(BLOCK);
        // One block's sums are the result.
        let partial = if blocks == 1 { Bind::Output(0) } else { Bind::Scratch(0) };
        let bindings = [Bind::Input(0), Bind::Input(1), partial];
        let mut list = vec![if self.0.alone(gpu) && cols.is_multiple_of(4) {
            self.0.decided(&shaders::NORM_GAIN_REGISTER, &bindings, shape).u("block", BLOCK).invocations(blocks)
        } else {
            self.0.dispatch(&shaders::NORM_GAIN, &bindings, shape).u("block", BLOCK).flat_groups(blocks)
        }];
        if blocks > 1 {
            list.push(
                Dispatch::new(&shaders::REDUCE_COLUMNS, &[partial, Bind::Output(0)])
                    .u("outer", 1)
                    .u("rows", blocks)
                    .u("cols", cols)
                    .u("kind", Reduction::Sum as usize)
                    .invocations(cols),
            );
        }
        list
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: self.name(), reason: "second derivatives of normalisations are not built" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        9 * inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// Layer normalisation along the last axis. x: `[.., d]`; gain, bias: `[d]`; eps commonly 1e-5.
    pub fn layer_norm(&mut self, x: Tensor, gain: Tensor, bias: Tensor, eps: f32) -> Result<Tensor> {
        self.apply1(Norm { rung: None, centred: true, eps }, &[x, gain, bias])
    }

    /// Root-mean-square normalisation along the last axis. x: `[.., d]`; gain: `[d]`; eps commonly 1e-5.
    pub fn rms_norm(&mut self, x: Tensor, gain: Tensor, eps: f32) -> Result<Tensor> {
        self.apply1(Norm { rung: None, centred: false, eps }, &[x, gain])
    }
}

/// The cases of one of the two.
fn cases(centred: bool) -> Vec<Case> {
    let mut make = Make::new(if centred { 800 } else { 850 });
    let case = |label: String, x: crate::HostTensor| {
        let d = x.shape.last();
        let mut make = Make::new(880);
        let mut inputs = vec![("x", x), ("gain", make.floats(&[d], 0.5, 1.0))];
        if centred {
            inputs.push(("bias", make.normal(&[d])));
        }
        Case::new(label, inputs)
    };
    let names: &[&'static str] = if centred { &["x", "gain", "bias"] } else { &["x", "gain"] };
    let mut cases = Vec::new();
    // 37 rows make three blocks of the gain's gradient, the last not full.
    for shape in [&[1][..], &[3, 7], &[2, 3, 65], &[1, 200], &[37, 5], &[2, 1, 2, 16]] {
        let case = case(format!("{shape:?}"), make.normal(shape)).tolerance(Tolerance::SUM);
        // A row of one is all eps: its slope changes too fast for a finite difference.
        cases.push(if *shape == [1] { case } else { case.gradients(names) });
    }
    cases.push(case("large".into(), make.floats(&[4, 67], 1e4, 0.0)).tolerance(Tolerance::SUM).gradients(&["gain"]));
    // The mean is a hundred spreads away, so two of seven digits are gone before the first op.
    cases.push(case("far from 0".into(), make.floats(&[4, 67], 1.0, 100.0)).tolerance(Tolerance::COMPOSED));
    // A power of two, so that the mean is exact; else its rounding is divided by sqrt(eps).
    cases.push(case("all equal".into(), make.constant(&[3, 16], 5.0)).tolerance(Tolerance::SUM));
    cases.push(case("all 0".into(), make.constant(&[3, 11], 0.0)));
    // Every kernel on rows of fours.
    for rung in ["row", "subgroup", "register"] {
        for shape in [&[4][..], &[3, 8], &[2, 9, 68]] {
            let case = case(format!("{shape:?}, {rung}"), make.normal(shape));
            cases.push(case.attr("rung", rung).tolerance(Tolerance::SUM));
        }
        let far = case(format!("far from 0, {rung}"), make.floats(&[4, 68], 1.0, 100.0));
        cases.push(far.attr("rung", rung).tolerance(Tolerance::COMPOSED));
        cases.push(case(format!("all 0, {rung}"), make.constant(&[3, 12], 0.0)).attr("rung", rung));
    }
    cases.push(case("another eps".into(), make.normal(&[3, 10])).attr("eps", 0.5).gradients(names));
    cases
}

pub(super) fn entries() -> Vec<Entry> {
    const ATTRS: &[(&str, &str)] = &[
        ("eps", "added to the mean square (default 1e-5)"),
        ("rung", "auto, row, subgroup or register: the GPU's kernel (default auto)"),
    ];
    fn norm(attrs: &Attrs, centred: bool) -> Result<Norm> {
        let rung = Rung::parse(&attr(attrs, "rung", "auto".to_string())?)?;
        Ok(Norm { rung, centred, eps: attr(attrs, "eps", 1e-5)? })
    }
    vec![
        Entry {
            name: "layer_norm",
            summary: "y = (x - mean) / sqrt(variance + eps) gain + bias along the last axis",
            inputs: &[("x", "[.., d]"), ("gain", "[d]"), ("bias", "[d]")],
            attrs: ATTRS,
            build: |g, inputs, attrs| {
                let (x, gain, bias) = (inputs.get("x")?, inputs.get("gain")?, inputs.get("bias")?);
                Ok(vec![("y", g.apply1(norm(attrs, true)?, &[x, gain, bias])?)])
            },
            cases: || cases(true),
        },
        Entry {
            name: "rms_norm",
            summary: "y = x / sqrt(mean(x^2) + eps) gain along the last axis",
            inputs: &[("x", "[.., d]"), ("gain", "[d]")],
            attrs: ATTRS,
            build: |g, inputs, attrs| {
                Ok(vec![("y", g.apply1(norm(attrs, false)?, &[inputs.get("x")?, inputs.get("gain")?])?)])
            },
            cases: || cases(false),
        },
    ]
}
