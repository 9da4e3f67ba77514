//! Group normalisation (Wu and He, 2018): channels of one picture share a mean and a spread by groups, whatever the batch.
//!
//! `y[n, c, ..] = (x[n, c, ..] - m) s gain[c] + bias[c]` with m the mean over all channels and places of c's group in picture
//! n, and `s = 1 / sqrt(mean (x - m)^2 + eps)`. Groups are neighbouring channels, `channels / groups` each.
//!
//! x, y: `[n, channels, ..]`; gain, bias: `[channels]`. One group is LayerNorm over a whole picture, with gains by channel; a group a
//! channel is instance normalisation. A group of equal numbers gives the bias: eps keeps the root from 0.

use shaders::Kernel;

use super::{
    Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Reduction, Tolerance, attr, expect_floats, float, for_rows,
    for_rows_of, shape_error,
};
use crate::{Error, Graph, Meta, Result, Shape, Tensor, cpu::lanes, graph::Backward};

#[derive(Debug, Clone, Copy)]
struct GroupNorm {
    groups: usize,
    eps: f32,
}

/// A batch as rows, each of one group of one picture.
#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    /// Channels of a group.
    channels: usize,
    /// Places of a channel.
    plane: usize,
}

impl Sizes {
    fn cols(&self) -> usize {
        self.channels * self.plane
    }
}

/// Mean and `1 / sqrt(variance + eps)` of a row.
fn statistics(x: &[f32], eps: f32) -> (f32, f32) {
    let n = x.len() as f32;
    let m = x.iter().sum::<f32>() / n;
    let square = x.iter().map(|x| (x - m) * (x - m)).sum::<f32>() / n;
    (m, 1.0 / (square + eps).sqrt())
}

/// The same in SIMD lanes.
fn statistics_fast(x: &[f32], eps: f32) -> (f32, f32) {
    let n = x.len() as f32;
    let m = lanes::sum([x], |[x]| x) / n;
    let square = lanes::sum([x], |[x]| (x - m) * (x - m)) / n;
    (m, 1.0 / (square + eps).sqrt())
}

impl GroupNorm {
    fn sizes(&self, x: &Shape) -> Sizes {
        Sizes { rows: x[0] * self.groups, channels: x[1] / self.groups, plane: x[2..].iter().product() }
    }

    /// The channel of row `r`'s first plane.
    fn first(&self, r: usize, s: &Sizes) -> usize {
        r % self.groups * s.channels
    }

    fn check(&self, op: &'static str, inputs: &[Meta]) -> Result<()> {
        let x = &inputs[0].shape;
        if x.len() < 2 {
            return Err(shape_error(op, "[n, channels, ..] is wanted", inputs));
        }
        if self.groups == 0 || !x[1].is_multiple_of(self.groups) {
            return Err(shape_error(op, format!("{} groups do not divide {} channels", self.groups, x[1]), inputs));
        }
        Ok(())
    }

    /// A launch over rows, with what all three kernels are told.
    fn dispatch(&self, kernel: &'static Kernel, bindings: &[Bind], x: &Shape, alone: bool) -> Dispatch {
        let s = self.sizes(x);
        Dispatch::new(kernel, bindings)
            .u("rows", s.rows)
            .u("cols", s.cols())
            .u("groups", self.groups)
            .u("plane", s.plane)
            .u("centred", 1)
            .f("eps", self.eps)
            .rows(s.rows, alone)
    }
}

impl Op for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("group_norm", inputs, 3)?;
        self.check("group_norm", inputs)?;
        let channels = inputs[0].shape[1];
        if inputs[1..].iter().any(|m| *m.shape != [channels]) {
            return Err(shape_error("group_norm", format!("gain and bias must be [{channels}]"), inputs));
        }
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let s = self.sizes(&inputs[0].layout.shape);
        let (x, gain, bias) = (inputs[0].f32(), inputs[1].f32(), inputs[2].f32());
        for r in 0..s.rows {
            let x = &x[r * s.cols()..][..s.cols()];
            let (m, spread) = statistics(x, self.eps);
            for j in 0..s.cols() {
                let c = self.first(r, &s) + j / s.plane;
                y[r * s.cols() + j] = (x[j] - m) * spread * gain[c] + bias[c];
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, y) = cpu.split(0);
        let s = self.sizes(&inputs[0].layout.shape);
        let (x, gain, bias) = (inputs[0].f32(), inputs[1].f32(), inputs[2].f32());
        for_rows(threads, y, s.cols(), |r, y| {
            let x = &x[r * s.cols()..][..s.cols()];
            let (m, spread) = statistics_fast(x, self.eps);
            for (k, (y, x)) in y.chunks_mut(s.plane).zip(x.chunks(s.plane)).enumerate() {
                let c = self.first(r, &s) + k;
                let (scale, shift) = (spread * gain[c], bias[c]);
                y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - m) * scale + shift);
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let bindings = [Bind::Input(0), Bind::Input(1), Bind::Input(2), Bind::Output(0)];
        vec![self.dispatch(&shaders::GROUP_NORM, &bindings, &gpu.inputs[0].shape, gpu.tier.software)]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = h gain + bias, h = (x - m) s
        let (x, gain, dy) = (ask.inputs[0], ask.inputs[1], ask.grad()?);
        let mut grads = vec![None; 3];
        if ask.wanted[0] {
            grads[0] = Some(g.apply1(GroupNormBackward(*self), &[x, gain, dy])?);
        }
        if ask.wanted[1] {
            grads[1] = Some(g.apply1(GroupNormGain(*self), &[x, dy])?); // dgain = sum dy h
        }
        if ask.wanted[2] {
            grads[2] = Some(g.sum_of_channels(dy)?); // dbias = sum dy
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        8 * inputs[0].shape.count() as u64
    }
}

/// `dx = s (u - mean(u) - h mean(u h))` with `u = gain dy`, means over the group.
#[derive(Debug, Clone, Copy)]
struct GroupNormBackward(GroupNorm);

impl Op for GroupNormBackward {
    fn name(&self) -> &'static str {
        "group_norm_backward"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 3)?;
        self.0.check(self.name(), inputs)?;
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dx) = cpu.split(0);
        let s = self.0.sizes(&inputs[0].layout.shape);
        let (x, gain, dy) = (inputs[0].f32(), inputs[1].f32(), inputs[2].f32());
        for r in 0..s.rows {
            let (x, dy) = (&x[r * s.cols()..][..s.cols()], &dy[r * s.cols()..][..s.cols()]);
            let (m, spread) = statistics(x, self.0.eps);
            let u = |j: usize| gain[self.0.first(r, &s) + j / s.plane] * dy[j];
            let h = |j: usize| (x[j] - m) * spread;
            let n = s.cols() as f32;
            let mean_u = (0..s.cols()).map(u).sum::<f32>() / n;
            let mean_uh = (0..s.cols()).map(|j| u(j) * h(j)).sum::<f32>() / n;
            for j in 0..s.cols() {
                dx[r * s.cols() + j] = spread * (u(j) - mean_u - h(j) * mean_uh);
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dx) = cpu.split(0);
        let s = self.0.sizes(&inputs[0].layout.shape);
        let (x, gain, dy) = (inputs[0].f32(), inputs[1].f32(), inputs[2].f32());
        for_rows(threads, dx, s.cols(), |r, dx| {
            let (x, dy) = (&x[r * s.cols()..][..s.cols()], &dy[r * s.cols()..][..s.cols()]);
            let (m, spread) = statistics_fast(x, self.0.eps);
            let gain = &gain[self.0.first(r, &s)..][..s.channels];
            let (mut sum_u, mut sum_uh) = (0.0, 0.0);
            for ((x, dy), gain) in x.chunks(s.plane).zip(dy.chunks(s.plane)).zip(gain) {
                sum_u += gain * lanes::sum([dy], |[dy]| dy);
                sum_uh += gain * spread * lanes::sum([dy, x], |[dy, x]| dy * (x - m));
            }
            let n = s.cols() as f32;
            let (mean_u, mean_uh) = (sum_u / n, sum_uh / n);
            let planes = dx.chunks_mut(s.plane).zip(x.chunks(s.plane)).zip(dy.chunks(s.plane));
            for (((dx, x), dy), gain) in planes.zip(gain) {
                for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                    *dx = spread * (gain * dy - mean_u - (x - m) * spread * mean_uh);
                }
            }
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let bindings = [Bind::Input(0), Bind::Input(1), Bind::Input(2), Bind::Output(0)];
        vec![self.0.dispatch(&shaders::GROUP_NORM_BACKWARD, &bindings, &gpu.inputs[0].shape, gpu.tier.software)]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: self.name(), reason: "second derivatives of normalisations are not built" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        14 * inputs[0].shape.count() as u64
    }
}

/// `dgain[c] = sum over pictures and places of dy h`: each picture's sums, then their sum.
#[derive(Debug, Clone, Copy)]
struct GroupNormGain(GroupNorm);

impl GroupNormGain {
    /// Adds each channel's sum of one row to `sums`, by the given statistics and sum of products.
    fn add_row(
        x: &[f32],
        dy: &[f32],
        plane: usize,
        (m, spread): (f32, f32),
        sums: &mut [f32],
        sum: impl Fn(&[f32], &[f32], f32) -> f32,
    ) {
        for ((x, dy), out) in x.chunks(plane).zip(dy.chunks(plane)).zip(sums) {
            *out += spread * sum(dy, x, m);
        }
    }
}

impl Op for GroupNormGain {
    fn name(&self) -> &'static str {
        "group_norm_gain"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 2)?;
        self.0.check(self.name(), inputs)?;
        Ok(vec![Meta::f32(&[inputs[0].shape[1]])?])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dgain) = cpu.split(0);
        let s = self.0.sizes(&inputs[0].layout.shape);
        let (x, dy) = (inputs[0].f32(), inputs[1].f32());
        dgain.fill(0.0);
        for r in 0..s.rows {
            let (x, dy) = (&x[r * s.cols()..][..s.cols()], &dy[r * s.cols()..][..s.cols()]);
            let sums = &mut dgain[self.0.first(r, &s)..][..s.channels];
            Self::add_row(x, dy, s.plane, statistics(x, self.0.eps), sums, |dy, x, m| {
                dy.iter().zip(x).map(|(dy, x)| dy * (x - m)).sum()
            });
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dgain) = cpu.split(0);
        let s = self.0.sizes(&inputs[0].layout.shape);
        let (x, dy) = (inputs[0].f32(), inputs[1].f32());
        let mut parts = vec![0.0; s.rows * s.channels];
        for_rows_of(threads, s.cols(), &mut parts, s.channels, |r, sums| {
            let (x, dy) = (&x[r * s.cols()..][..s.cols()], &dy[r * s.cols()..][..s.cols()]);
            Self::add_row(x, dy, s.plane, statistics_fast(x, self.0.eps), sums, |dy, x, m| {
                lanes::sum([dy, x], |[dy, x]| dy * (x - m))
            });
        });
        dgain.fill(0.0);
        for part in parts.chunks(dgain.len()) {
            dgain.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let x = &gpu.inputs[0].shape;
        if x[0] == 1 { vec![] } else { vec![x[0] * x[1]] }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let x = &gpu.inputs[0].shape;
        // One picture's sums are the result.
        let part = if x[0] == 1 { Bind::Output(0) } else { Bind::Scratch(0) };
        let mut list = vec![self.0.dispatch(&shaders::GROUP_NORM_GAIN, &[Bind::Input(0), Bind::Input(1), part], x, gpu.tier.software)];
        if x[0] > 1 {
            list.push(
                Dispatch::new(&shaders::REDUCE_COLUMNS, &[part, Bind::Output(0)])
                    .u("outer", 1)
                    .u("rows", x[0])
                    .u("cols", x[1])
                    .u("kind", Reduction::Sum as usize)
                    .invocations(x[1]),
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
    /// Group normalisation of `[n, channels, ..]`; gain, bias: `[channels]`; `groups` divides the channels; eps commonly 1e-5.
    pub fn group_norm(&mut self, x: Tensor, gain: Tensor, bias: Tensor, groups: usize, eps: f32) -> Result<Tensor> {
        self.apply1(GroupNorm { groups, eps }, &[x, gain, bias])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "group_norm",
        summary: "y = (x - mean) / sqrt(variance + eps) gain[c] + bias[c], mean and variance of each group of channels",
        inputs: &[("x", "[n, channels, ..]"), ("gain", "[channels]"), ("bias", "[channels]")],
        attrs: &[
            ("groups", "how many, dividing the channels (default 1)"),
            ("eps", "added to the mean square (default 1e-5)"),
        ],
        build: |g, inputs, attrs| {
            let (x, gain, bias) = (inputs.get("x")?, inputs.get("gain")?, inputs.get("bias")?);
            Ok(vec![("y", g.group_norm(x, gain, bias, attr(attrs, "groups", 1)?, attr(attrs, "eps", 1e-5)?)?)])
        },
        cases: || {
            let mut make = Make::new(3000);
            let case = |label: String, x: crate::HostTensor, groups: usize| {
                let mut make = Make::new(3080);
                let channels = x.shape[1];
                let inputs = vec![("x", x), ("gain", make.floats(&[channels], 0.5, 1.0)), ("bias", make.normal(&[channels]))];
                Case::new(label, inputs).attr("groups", groups).tolerance(Tolerance::SUM)
            };
            let mut cases = Vec::new();
            for (shape, groups) in [
                (&[2, 6, 3, 5][..], 3),
                (&[1, 4, 7, 7], 1),
                (&[3, 5, 2, 3], 5),
                (&[2, 8, 13], 2),
                (&[3, 6], 2),
                (&[5, 2, 9, 9], 1),
            ] {
                let case = case(format!("{shape:?} in {groups}"), make.normal(shape), groups);
                cases.push(case.gradients(&["x", "gain", "bias"]));
            }
            // A group of one number is all eps: its slope changes too fast for a finite difference.
            cases.push(case("size 1".into(), make.normal(&[1, 1, 1, 1]), 1));
            cases.push(case("large".into(), make.floats(&[2, 4, 5, 3], 1e4, 0.0), 2).gradients(&["gain"]));
            // The mean is a hundred spreads away, so two of seven digits are gone before the first op.
            cases.push(
                case("far from 0".into(), make.floats(&[2, 4, 4, 4], 1.0, 100.0), 2).tolerance(Tolerance::COMPOSED),
            );
            cases.push(case("all equal".into(), make.constant(&[2, 4, 4, 4], 5.0), 2));
            cases.push(case("all 0".into(), make.constant(&[1, 3, 5, 7], 0.0), 3));
            cases.push(case("another eps".into(), make.normal(&[2, 4, 3, 3]), 2).attr("eps", 0.5).gradients(&["x"]));
            cases
        },
    }]
}
