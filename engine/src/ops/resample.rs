//! Pictures k times as large, and k times as small: `upsample` repeats every element in a square of k by k, `average_pool` takes
//! the mean of every such square.
//!
//! `upsample: y[n, ch, r, c] = x[n, ch, r / k, c / k]`; `average_pool: y[n, ch, r, c] = mean_{i, j < k} x[n, ch, r k + i, c k + j]`.
//! x: `[n, channels, h, w]`, for `average_pool` h and w multiples of k. Each is the other's transpose times a power of k, and so
//! its gradient.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, for_rows, shape_error};
use crate::{Graph, Meta, Result, Shape, Tensor, graph::Backward};

/// Repeats elements, times `scale`.
#[derive(Debug, Clone, Copy)]
struct Upsample {
    factor: usize,
    scale: f32,
}

/// Sums squares, times `scale`.
#[derive(Debug, Clone, Copy)]
struct Pool {
    factor: usize,
    scale: f32,
}

fn check(op: &'static str, factor: usize, inputs: &[Meta]) -> Result<()> {
    expect_floats(op, inputs, 1)?;
    if inputs[0].shape.len() != 4 || factor == 0 {
        return Err(shape_error(op, format!("[n, channels, h, w] and a factor of 1 or more are wanted, not {factor}"), inputs));
    }
    Ok(())
}

impl Op for Upsample {
    fn name(&self) -> &'static str {
        "upsample"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        check("upsample", self.factor, inputs)?;
        let x = &inputs[0].shape;
        Ok(vec![Meta::f32(&[x[0], x[1], x[2] * self.factor, x[3] * self.factor])?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let (x, cols) = (inputs[0].f32(), inputs[0].layout.shape.last());
        for (r, y) in y.chunks_mut(cols * self.factor).enumerate() {
            for (c, y) in y.iter_mut().enumerate() {
                *y = self.scale * x[r / self.factor * cols + c / self.factor];
            }
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.outputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::UPSAMPLE, &[Bind::Input(0), Bind::Output(0)])
                .u("count", count)
                .u("cols", gpu.inputs[0].shape.last())
                .u("factor", self.factor)
                .f("scale", self.scale)
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y repeats x, so dx sums dy over the repeats
        Ok(vec![Some(g.apply1(Pool { factor: self.factor, scale: self.scale }, &[ask.grad()?])?)])
    }

    fn flops(&self, _inputs: &[Meta], outputs: &[Meta]) -> u64 {
        if self.scale == 1.0 { 0 } else { outputs[0].shape.count() as u64 }
    }
}

impl Op for Pool {
    fn name(&self) -> &'static str {
        "average_pool"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        check("average_pool", self.factor, inputs)?;
        let (x, k) = (&inputs[0].shape, self.factor);
        if !x[2].is_multiple_of(k) || !x[3].is_multiple_of(k) {
            return Err(shape_error("average_pool", format!("height and width must be multiples of {k}"), inputs));
        }
        Ok(vec![Meta { shape: Shape::new(&[x[0], x[1], x[2] / k, x[3] / k])?, dtype: inputs[0].dtype }])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let (x, wide, k) = (inputs[0].f32(), inputs[0].layout.shape.last(), self.factor);
        for (r, y) in y.chunks_mut(wide / k).enumerate() {
            for (c, y) in y.iter_mut().enumerate() {
                let square = (0..k).flat_map(|i| (0..k).map(move |j| x[(r * k + i) * wide + c * k + j]));
                *y = self.scale * square.sum::<f32>();
            }
        }
    }

    /// Rows of x are added whole before neighbours are.
    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let (x, wide, k) = (inputs[0].f32(), inputs[0].layout.shape.last(), self.factor);
        for_rows(threads, y, wide / k, |r, y| {
            y.fill(0.0);
            for x in x[r * k * wide..][..k * wide].chunks(wide) {
                y.iter_mut().zip(x.chunks(k)).for_each(|(y, x)| *y += x.iter().sum::<f32>());
            }
            y.iter_mut().for_each(|y| *y *= self.scale);
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.outputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::POOL, &[Bind::Input(0), Bind::Output(0)])
                .u("count", count)
                .u("cols", gpu.outputs[0].shape.last())
                .u("factor", self.factor)
                .f("scale", self.scale)
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = scale times a sum of x, so each of them gets scale dy
        Ok(vec![Some(g.apply1(Upsample { factor: self.factor, scale: self.scale }, &[ask.grad()?])?)])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// Every element of `[n, channels, h, w]` as a square of `factor` by `factor`.
    pub fn upsample(&mut self, x: Tensor, factor: usize) -> Result<Tensor> {
        self.apply1(Upsample { factor, scale: 1.0 }, &[x])
    }

    /// The mean of every square of `factor` by `factor` of `[n, channels, h, w]`.
    pub fn average_pool(&mut self, x: Tensor, factor: usize) -> Result<Tensor> {
        self.apply1(Pool { factor, scale: 1.0 / (factor * factor) as f32 }, &[x])
    }
}

/// Cases whose small side has these sizes.
fn cases(seed: u32, grow: bool, tolerance: Tolerance) -> Vec<Case> {
    let mut make = Make::new(seed);
    let mut cases = Vec::new();
    for ([n, channels, h, w], factor) in [([1, 1, 1, 1], 2), ([2, 3, 5, 7], 2), ([1, 2, 4, 3], 3), ([3, 1, 2, 67], 2), ([1, 5, 3, 1], 1)] {
        let times = if grow { 1 } else { factor };
        let shape = [n, channels, h * times, w * times];
        let case = Case::new(format!("{shape:?} by {factor}"), vec![("x", make.normal(&shape))]);
        cases.push(case.attr("factor", factor).tolerance(tolerance).gradients(&["x"]));
    }
    cases.push(Case::new("large", vec![("x", make.floats(&[1, 2, 4, 4], 1e20, 0.0))]).tolerance(Tolerance { absolute: 1e14, ..tolerance }));
    cases.push(Case::new("all equal", vec![("x", make.constant(&[1, 2, 4, 6], 3.0))]).tolerance(tolerance));
    cases
}

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry {
            name: "upsample",
            summary: "y[n, ch, r, c] = x[n, ch, r / factor, c / factor]",
            inputs: &[("x", "[n, channels, h, w]")],
            attrs: &[("factor", "how many times as large (default 2)")],
            build: |g, inputs, attrs| Ok(vec![("y", g.upsample(inputs.get("x")?, attr(attrs, "factor", 2)?)?)]),
            cases: || cases(3100, true, Tolerance::EXACT),
        },
        Entry {
            name: "average_pool",
            summary: "y[n, ch, r, c] = mean of x over a square of factor by factor",
            inputs: &[("x", "[n, channels, h, w]")],
            attrs: &[("factor", "how many times as small; divides h and w (default 2)")],
            build: |g, inputs, attrs| Ok(vec![("y", g.average_pool(inputs.get("x")?, attr(attrs, "factor", 2)?)?)]),
            cases: || cases(3200, false, Tolerance::ELEMENTWISE),
        },
    ]
}
