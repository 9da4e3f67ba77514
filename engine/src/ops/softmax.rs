//! Softmax and log-softmax along the last axis, with a scale and a mask.
//!
//! `y[r, j] = exp(s x[r, j] - m_r) / sum_j' exp(s x[r, j'] - m_r)` with `m_r` the largest visible `s x[r, j]`, so
//! nothing overflows. Masked places are 0 and take no part; a row with nothing visible is all 0. The log form is
//! `s x - m - log sum`, with -1e30 at masked places: finite, because implementations may assume no infinity.

use super::{
    Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float, shape_error,
};
use crate::{Error, Graph, Meta, Result, Tensor, cpu::{exp, lanes}, graph::Backward};

/// The log-probability of a masked place.
const MASKED_LOG: f32 = -1e30;

/// Which places of each row are visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mask {
    /// All.
    #[default]
    None,
    /// Query i of n sees key j of m if `j <= i + m - n`: itself and what came before.
    Causal,
    /// Where a tensor `[queries, keys]` is not 0; it repeats over the axes before.
    Given(Tensor),
}

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

#[derive(Debug, Clone)]
struct Softmax {
    rung: Option<Rung>,
    scale: f32,
    log: bool,
    causal: bool,
    masked: bool,
}

impl Softmax {
    fn visible(&self, r: usize, j: usize, queries: usize, cols: usize, mask: Option<&CpuInput<'_>>) -> bool {
        if self.causal {
            return j + queries <= r % queries + cols;
        }
        mask.is_none_or(|mask| {
            let rows = mask.layout.shape[0];
            mask.f32()[r % rows * cols + j] != 0.0
        })
    }

    fn row(
        &self,
        r: usize,
        x: &[f32],
        y: &mut [f32],
        queries: usize,
        mask: Option<&CpuInput<'_>>,
        exp: impl Fn(f32) -> f32,
    ) {
        let cols = x.len();
        // A causal row sees a prefix, so the loops need not ask at every place.
        let seen = if self.causal { (r % queries + cols + 1).saturating_sub(queries).min(cols) } else { cols };
        let sees = |j: usize| mask.is_none() || self.visible(r, j, queries, cols, mask);
        let mut m = -3.0e38f32;
        for j in 0..seen {
            if sees(j) {
                m = m.max(self.scale * x[j]);
            }
        }
        let mut sum = 0.0;
        for (j, (y, x)) in y[..seen].iter_mut().zip(x).enumerate() {
            *y = if sees(j) { exp(self.scale * x - m) } else { 0.0 };
        }
        for y in &y[..seen] {
            sum += y;
        }
        y[seen..].fill(0.0);
        if self.log {
            let log_sum = sum.max(1e-37).ln();
            for j in 0..cols {
                y[j] = if j < seen && sees(j) { self.scale * x[j] - m - log_sum } else { MASKED_LOG };
            }
        } else {
            let inverse = 1.0 / sum.max(1e-37);
            y[..seen].iter_mut().for_each(|y| *y *= inverse);
        }
    }

    /// A row without a given mask, in loops that vectorise.
    fn row_fast(&self, r: usize, x: &[f32], y: &mut [f32], queries: usize) {
        let cols = x.len();
        let seen = if self.causal { (r % queries + cols + 1).saturating_sub(queries).min(cols) } else { cols };
        let (y, hidden) = y.split_at_mut(seen);
        y.iter_mut().zip(x).for_each(|(y, x)| *y = self.scale * x);
        let m = lanes::largest(y);
        if self.log {
            let log_sum = lanes::sum([y], |[y]| exp(y - m)).max(1e-37).ln();
            y.iter_mut().for_each(|y| *y = *y - m - log_sum);
        } else {
            y.iter_mut().for_each(|y| *y = exp(*y - m));
            let inverse = 1.0 / lanes::sum([y], |[y]| y).max(1e-37);
            y.iter_mut().for_each(|y| *y *= inverse);
        }
        hidden.fill(if self.log { MASKED_LOG } else { 0.0 });
    }

    fn run(&self, cpu: &mut Cpu<'_>, threads: usize, exp: impl Fn(f32) -> f32 + Copy + Sync + Send) {
        let (inputs, y) = cpu.split(0);
        let shape = &inputs[0].layout.shape;
        let cols = shape.last();
        let queries = if shape.len() > 1 { shape[shape.len() - 2] } else { 1 };
        let x = inputs[0].f32();
        let mask = self.masked.then(|| &inputs[1]);
        super::for_rows(threads, y, cols, |r, y| {
            self.row(r, &x[r * cols..(r + 1) * cols], y, queries, mask, exp);
        });
    }
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax" } else { "softmax" }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 1 + usize::from(self.masked))?;
        let shape = &inputs[0].shape;
        if self.causal && (shape.len() < 2 || shape[shape.len() - 2] > shape.last()) {
            let message = "a causal mask needs [.., queries, keys] with no more queries than keys";
            return Err(shape_error(self.name(), message, inputs));
        }
        if self.masked {
            let mask = &inputs[1].shape;
            let rows = shape.count() / shape.last();
            if mask.len() != 2 || mask.last() != shape.last() || !rows.is_multiple_of(mask[0]) {
                return Err(shape_error(self.name(), "the mask must be [queries, keys]", inputs));
            }
        }
        Ok(vec![float(shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        self.run(cpu, 1, f32::exp);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        if self.masked {
            self.run(cpu, cpu.threads, exp);
            return true;
        }
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let shape = &inputs[0].layout.shape;
        let cols = shape.last();
        let queries = if shape.len() > 1 { shape[shape.len() - 2] } else { 1 };
        let x = inputs[0].f32();
        super::for_rows(threads, y, cols, |r, y| self.row_fast(r, &x[r * cols..(r + 1) * cols], y, queries));
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let shape = &gpu.inputs[0].shape;
        let cols = shape.last();
        let rows = shape.count() / cols;
        let mask = if self.masked { 1 } else { 0 };
        let mask_kind = if self.masked { 2 } else { usize::from(self.causal) };
        // Software adapters pay for barriers and workgroup memory. Measured: BENCHMARKS.md, "Kernels on software adapters".
        let alone = self.rung.map_or(gpu.tier.software, |rung| rung == Rung::Register);
        let register = alone && cols.is_multiple_of(4);
        let by_subgroups = !alone && self.rung != Some(Rung::Row) && gpu.tier.subgroups.is_some();
        let kernel = match (register, by_subgroups) {
            (true, _) => &shaders::SOFTMAX_REGISTER,
            (false, true) => &shaders::SOFTMAX_SUBGROUP,
            (false, false) => &shaders::SOFTMAX,
        };
        let dispatch = Dispatch::new(kernel, &[Bind::Input(0), Bind::Input(mask), Bind::Output(0)])
            .u("rows", rows)
            .u("cols", cols)
            .u("queries", if shape.len() > 1 { shape[shape.len() - 2] } else { 1 })
            .u("mask_rows", gpu.inputs[mask].shape[0])
            .f("scale", self.scale);
        vec![if register {
            dispatch.constant("mask_kind", mask_kind).constant("log_form", usize::from(self.log)).invocations(rows)
        } else {
            dispatch.u("mask_kind", mask_kind).u("log", usize::from(self.log)).rows(rows, alone)
        }]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = softmax(s x): dx = s y (dy - sum_j y dy);  y = log softmax(s x): dx = s (dy - e^y sum_j dy)
        let op = SoftmaxBackward { scale: self.scale, log: self.log };
        let dx = g.apply1(op, &[ask.outputs[0], ask.grad()?])?;
        Ok(if self.masked { vec![Some(dx), None] } else { vec![Some(dx)] })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        5 * inputs[0].shape.count() as u64
    }
}

#[derive(Debug, Clone)]
struct SoftmaxBackward {
    scale: f32,
    log: bool,
}

impl SoftmaxBackward {
    fn run(&self, cpu: &mut Cpu<'_>, threads: usize) {
        let (inputs, dx) = cpu.split(0);
        let cols = inputs[0].layout.shape.last();
        let (y, dy) = (inputs[0].f32(), inputs[1].f32());
        super::for_rows(threads, dx, cols, |r, dx| {
            let (y, dy) = (&y[r * cols..(r + 1) * cols], &dy[r * cols..(r + 1) * cols]);
            if self.log {
                let masked = |y: f32| y < -1e29;
                let sum: f32 = y.iter().zip(dy).filter(|(y, _)| !masked(**y)).map(|(_, dy)| dy).sum();
                for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = if masked(*y) { 0.0 } else { self.scale * (dy - y.exp() * sum) };
                }
            } else {
                let sum: f32 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
                for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = self.scale * y * (dy - sum);
                }
            }
        });
    }
}

impl Op for SoftmaxBackward {
    fn name(&self) -> &'static str {
        "softmax_backward"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("softmax_backward", inputs, 2)?;
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        self.run(cpu, 1);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        self.run(cpu, cpu.threads);
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let shape = &gpu.inputs[0].shape;
        let cols = shape.last();
        let rows = shape.count() / cols;
        vec![
            Dispatch::new(&shaders::SOFTMAX_BACKWARD, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .u("rows", rows)
                .u("cols", cols)
                .u("log", usize::from(self.log))
                .f("scale", self.scale)
                .rows(rows, gpu.tier.software),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "softmax_backward", reason: "second derivatives of softmax are not built" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        4 * inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// `softmax(scale x)` along the last axis.
    pub fn softmax(&mut self, x: Tensor, scale: f32, mask: Mask) -> Result<Tensor> {
        self.softmax_op(x, scale, mask, false, None)
    }

    /// `log softmax(scale x)` along the last axis.
    pub fn log_softmax(&mut self, x: Tensor, scale: f32, mask: Mask) -> Result<Tensor> {
        self.softmax_op(x, scale, mask, true, None)
    }

    fn softmax_op(&mut self, x: Tensor, scale: f32, mask: Mask, log: bool, rung: Option<Rung>) -> Result<Tensor> {
        let given = if let Mask::Given(t) = mask { Some(t) } else { None };
        let op = Softmax { rung, scale, log, causal: mask == Mask::Causal, masked: given.is_some() };
        let inputs: Vec<Tensor> = [Some(x), given].into_iter().flatten().collect();
        self.apply1(op, &inputs)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "softmax",
        summary: "y = exp(s x - m) / sum exp(s x - m) along the last axis, masked places 0",
        inputs: &[("x", "[.., queries, keys]"), ("mask", "[queries, keys], not 0 where visible; optional")],
        attrs: &[
            ("scale", "s (default 1)"),
            ("causal", "true or false (default false)"),
            ("log", "true for log-softmax (default false)"),
            ("rung", "auto, row, subgroup or register: the GPU's kernel (default auto)"),
        ],
        build: |g, inputs, attrs| {
            let mask = match inputs.optional("mask") {
                Some(t) => Mask::Given(t),
                None if attr(attrs, "causal", false)? => Mask::Causal,
                None => Mask::None,
            };
            let x = inputs.get("x")?;
            let rung = Rung::parse(&attr(attrs, "rung", "auto".to_string())?)?;
            Ok(vec![("y", g.softmax_op(x, attr(attrs, "scale", 1.0)?, mask, attr(attrs, "log", false)?, rung)?)])
        },
        cases: || {
            let mut make = Make::new(700);
            let mut cases = Vec::new();
            for log in [false, true] {
                let name = if log { "log" } else { "plain" };
                for shape in [&[1][..], &[3, 7], &[2, 3, 65], &[1, 200], &[5, 1]] {
                    cases.push(
                        Case::new(format!("{name} {shape:?}"), vec![("x", make.normal(shape))])
                            .attr("log", log)
                            .attr("scale", 0.7)
                            .gradients(&["x"]),
                    );
                }
                cases.push(
                    Case::new(format!("{name}, large"), vec![("x", make.floats(&[4, 67], 1e4, 0.0))])
                        .attr("log", log)
                        .tolerance(Tolerance::COMPOSED),
                );
                cases.push(Case::new(format!("{name}, all equal"), vec![("x", make.constant(&[3, 11], 5.0))]).attr("log", log));
                // Queries of a causal mask, and rows of which one is fully masked; log form fetches -1e30 there.
                let causal = Case::new(format!("{name}, causal"), vec![("x", make.normal(&[2, 5, 9]))]);
                let mut mask = make.constant(&[4, 6], 1.0);
                if let crate::Data::F32(v) = &mut mask.data {
                    v[..6].fill(0.0);
                    v[9] = 0.0;
                }
                let masked =
                    Case::new(format!("{name}, one row fully masked"), vec![("x", make.normal(&[2, 4, 6])), ("mask", mask)]);
                let causal = causal.attr("causal", true).attr("log", log);
                let masked = masked.attr("log", log);
                // Every kernel on rows of fours.
                for rung in ["row", "subgroup", "register"] {
                    let case = |label: &str, inputs| {
                        Case::new(format!("{name}, {label}, {rung}"), inputs).attr("log", log).attr("rung", rung)
                    };
                    cases.push(case("4 columns", vec![("x", make.normal(&[3, 4]))]));
                    cases.push(case("whole workgroups and more", vec![("x", make.floats(&[19, 68], 4.0, 0.0))]).attr("scale", 0.3));
                    cases.push(case("large", vec![("x", make.floats(&[4, 68], 1e4, 0.0))]).tolerance(Tolerance::COMPOSED));
                    cases.push(case("causal", vec![("x", make.normal(&[2, 5, 12]))]).attr("causal", true));
                    cases.push(case("causal, square", vec![("x", make.normal(&[2, 8, 8]))]).attr("causal", true));
                    let mut mask = make.constant(&[3, 8], 1.0);
                    if let crate::Data::F32(v) = &mut mask.data {
                        v[8..16].fill(0.0);
                        v[3] = 0.0;
                        v[16..20].fill(0.0);
                    }
                    cases.push(case("one row fully masked", vec![("x", make.normal(&[2, 3, 8])), ("mask", mask)]));
                }
                if log {
                    cases.extend([causal, masked]);
                } else {
                    cases.extend([causal.gradients(&["x"]), masked.gradients(&["x"])]);
                }
            }
            cases
        },
    }]
}
