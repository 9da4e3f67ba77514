//! A time as a vector of waves (Vaswani et al., 2017, for positions; Ho, Jain and Abbeel, 2020, for the times of diffusion).
//!
//! `y[n, i] = sin(t[n] f_i)`, `y[n, d/2 + i] = cos(t[n] f_i)` with `f_i = base^(-2i / d)` for `i < d/2`: all sines, then all
//! cosines. The code of the diffusion paper divides by `d/2 - 1` instead of `d/2`, which spaces the same waves a little wider.
//!
//! t: `[n]`, any floats: whole steps, or a time between 0 and 1 times about a thousand, for the slowest wave turns once in
//! `2 pi base`. Angles are counted in turns as in rope: whole times below 4096 lose no digit; others are off by up to
//! `t / 2^22` radians of the fastest wave.

use std::f32::consts::TAU;

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, rope::turns, shape_error};
use crate::{Error, Graph, HostTensor, Meta, Result, Tensor, graph::Backward};

#[derive(Debug, Clone, Copy)]
struct TimeEmbedding;

impl Op for TimeEmbedding {
    fn name(&self) -> &'static str {
        "time_embedding"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("time_embedding", inputs, 2)?;
        let [times] = *inputs[0].shape else {
            return Err(shape_error("time_embedding", "times [n] are wanted", inputs));
        };
        Ok(vec![Meta::f32(&[times, 2 * inputs[1].shape.last()])?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let half = inputs[1].layout.shape.last();
        let (high, low) = inputs[1].f32().split_at(half);
        for (t, y) in inputs[0].f32().iter().zip(y.chunks_mut(2 * half)) {
            for i in 0..half {
                let whole = t * high[i];
                let turn = whole - whole.floor() + t * low[i];
                let (sin, cos) = (TAU * (turn - (turn + 0.5).floor())).sin_cos();
                y[i] = sin;
                y[half + i] = cos;
            }
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.outputs[0].shape.count() / 2;
        vec![
            Dispatch::new(&shaders::TIME_EMBEDDING, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .u("count", count)
                .u("half", gpu.inputs[1].shape.last())
                .invocations(count),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "time_embedding", reason: "times are given, not learnt" })
    }

    fn flops(&self, _inputs: &[Meta], outputs: &[Meta]) -> u64 {
        10 * outputs[0].shape.count() as u64
    }
}

impl Graph {
    /// Times `[n]` as waves `[n, width]`, width even; base commonly 10000.
    pub fn time_embedding(&mut self, t: Tensor, width: usize, base: f32) -> Result<Tensor> {
        if width == 0 || !width.is_multiple_of(2) {
            return Err(self.shape_error("time_embedding", format!("a width of {width} is not even"), &[t]));
        }
        if !(base.is_finite() && base > 1.0) {
            return Err(Error::data("base", format!("{base} is not a number above 1")));
        }
        let turns = self.constant(turns(width, base)?)?;
        self.apply1(TimeEmbedding, &[t, turns])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "time_embedding",
        summary: "y = sin(t f_i) beside cos(t f_i), f_i = base^(-2i / width)",
        inputs: &[("t", "times, [n]")],
        attrs: &[("width", "of a vector, even (default 64)"), ("base", "of the frequencies (default 10000)")],
        build: |g, inputs, attrs| {
            let (width, base) = (attr(attrs, "width", 64)?, attr(attrs, "base", 10000.0)?);
            Ok(vec![("y", g.time_embedding(inputs.get("t")?, width, base)?)])
        },
        cases: || {
            let mut make = Make::new(3300);
            let times = |list: Vec<f32>| HostTensor::f32(&[list.len()], list).expect("some times");
            let whole = times(vec![0.0, 1.0, 17.0, 250.0, 999.0, 4095.0, 17.0]);
            // A time's product with a frequency is rounded, and how, an executor may choose: an ulp of 160 turns.
            let rounded = Tolerance { name: "an ulp of the turns", absolute: 1e-4, relative: 0.0 };
            vec![
                Case::new("one", vec![("t", times(vec![3.0]))]).attr("width", 2),
                Case::new("whole times", vec![("t", whole.clone())]).attr("width", 34),
                Case::new("another base", vec![("t", whole)]).attr("base", 50.0),
                Case::new("all equal", vec![("t", make.constant(&[5], 12.0))]).attr("width", 10),
                Case::new("fractions", vec![("t", make.floats(&[67], 0.3, 0.5))]).attr("width", 6),
                Case::new("large", vec![("t", make.floats(&[13], 200.0, 500.0))]).tolerance(rounded),
            ]
        },
    }]
}
