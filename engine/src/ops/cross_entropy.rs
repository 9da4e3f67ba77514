//! Cross entropy of logits and target classes: `losses[r] = -log softmax(x[r, ..])[targets[r]]`, and their mean.
//!
//! x: `[.., v]`; targets: integers `[..]`; losses: `[..]`. Computed as `log sum_j exp(x_j - m) - (x_target - m)` with m
//! the row's largest, so nothing overflows and no probability is rounded to 0 before its logarithm is taken.
//!
//! A target of [`IGNORE`] is not counted: loss 0, gradient 0, no part in the mean. The mean of nothing is 0. Any
//! other target of v or more means v - 1, on both executors; whoever makes the targets checks them.

use super::{
    Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, Tolerance, float, for_rows, for_rows_of, shape_error,
};
use crate::{DType, Error, Graph, HostTensor, Meta, Result, Tensor, cpu::lanes, graph::Backward};

/// The target that is not counted: padding, or what a model is not to learn.
pub const IGNORE: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct CrossEntropy;

/// Row `r` of the logits, its target class, and the row's largest logit.
fn row<'a>(inputs: &[CpuInput<'a>], r: usize, largest: impl Fn(&[f32]) -> f32) -> Option<(&'a [f32], usize, f32)> {
    let cols = inputs[0].layout.shape.last();
    let target = inputs[1].u32()[r];
    let x = &inputs[0].f32()[r * cols..(r + 1) * cols];
    (target != IGNORE).then(|| (x, (target as usize).min(cols - 1), largest(x)))
}

fn largest(x: &[f32]) -> f32 {
    x.iter().copied().fold(f32::MIN, f32::max)
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let [x, targets] = inputs else {
            return Err(shape_error("cross_entropy", "logits and targets are wanted", inputs));
        };
        if x.dtype != DType::F32 || targets.dtype != DType::U32 {
            return Err(shape_error("cross_entropy", "the logits must be floats and the targets integers", inputs));
        }
        let rows = if x.shape.len() == 1 { &[1] } else { &x.shape[..x.shape.len() - 1] };
        if targets.shape[..] != *rows {
            return Err(shape_error("cross_entropy", format!("the targets must be {rows:?}"), inputs));
        }
        Ok(vec![float(&targets.shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, losses) = cpu.split(0);
        for (r, loss) in losses.iter_mut().enumerate() {
            *loss = row(inputs, r, largest).map_or(0.0, |(x, target, m)| {
                let sum: f32 = x.iter().map(|x| (x - m).exp()).sum();
                sum.ln() - (x[target] - m)
            });
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, losses) = cpu.split(0);
        for_rows_of(threads, inputs[0].layout.shape.last(), losses, 1, |r, loss| {
            loss[0] = row(inputs, r, lanes::largest)
                .map_or(0.0, |(x, target, m)| lanes::sum([x], |[x]| lanes::exp(x - m)).ln() - (x[target] - m));
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let rows = gpu.outputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::CROSS_ENTROPY, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .u("rows", rows)
                .u("cols", gpu.inputs[0].shape.last())
                .rows(rows, gpu.tier.software),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let dx = g.apply1(CrossEntropyBackward, &[ask.inputs[0], ask.inputs[1], ask.grad()?])?;
        Ok(vec![Some(dx), None])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        4 * inputs[0].shape.count() as u64
    }
}

/// `dx[r, j] = dlosses[r] (softmax(x[r, ..])[j] - [j = targets[r]])`, 0 where the target is not counted.
#[derive(Debug, Clone)]
struct CrossEntropyBackward;

impl Op for CrossEntropyBackward {
    fn name(&self) -> &'static str {
        "cross_entropy_backward"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dx) = cpu.split(0);
        let cols = inputs[0].layout.shape.last();
        for (r, dx) in dx.chunks_mut(cols).enumerate() {
            let Some((x, target, m)) = row(inputs, r, largest) else {
                dx.fill(0.0);
                continue;
            };
            let sum: f32 = x.iter().map(|x| (x - m).exp()).sum();
            for j in 0..cols {
                let hit = if j == target { 1.0 } else { 0.0 };
                dx[j] = inputs[2].f32()[r] * ((x[j] - m).exp() / sum - hit);
            }
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, dx) = cpu.split(0);
        for_rows(threads, dx, inputs[0].layout.shape.last(), |r, dx| {
            let Some((x, target, m)) = row(inputs, r, lanes::largest) else {
                return dx.fill(0.0);
            };
            dx.iter_mut().zip(x).for_each(|(dx, x)| *dx = lanes::exp(x - m));
            let dloss = inputs[2].f32()[r];
            let scale = dloss / lanes::sum([dx], |[e]| e);
            dx.iter_mut().for_each(|dx| *dx *= scale);
            dx[target] -= dloss;
        });
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let shape = &gpu.inputs[0].shape;
        let rows = shape.count() / shape.last();
        let bindings = [Bind::Input(0), Bind::Input(1), Bind::Input(2), Bind::Output(0)];
        vec![
            Dispatch::new(&shaders::CROSS_ENTROPY_BACKWARD, &bindings)
                .u("rows", rows)
                .u("cols", shape.last())
                .rows(rows, gpu.tier.software),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let reason = "second derivatives of cross entropy are not built";
        Err(Error::NoGradient { op: "cross_entropy_backward", reason })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        6 * inputs[0].shape.count() as u64
    }
}

/// `weights[r] = 1 / n` where `targets[r]` is counted, else 0, with n the number counted: what a mean multiplies by.
#[derive(Debug, Clone)]
struct TargetWeights;

impl Op for TargetWeights {
    fn name(&self) -> &'static str {
        "target_weights"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        if inputs.len() != 1 || inputs[0].dtype != DType::U32 {
            return Err(shape_error("target_weights", "integer targets are wanted", inputs));
        }
        Ok(vec![float(&inputs[0].shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, weights) = cpu.split(0);
        let targets = inputs[0].u32();
        let n = targets.iter().filter(|t| **t != IGNORE).count();
        for (weight, &target) in weights.iter_mut().zip(targets) {
            *weight = if target == IGNORE { 0.0 } else { 1.0 / n as f32 };
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let rows = gpu.inputs[0].shape.count();
        vec![Dispatch::new(&shaders::TARGET_WEIGHTS, &[Bind::Input(0), Bind::Output(0)]).u("rows", rows)]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None]) // integers have no gradient
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// The mean of `-log softmax(logits)[target]` over the targets that are not [`IGNORE`]: `[1]`, 0 if there is none.
    ///
    /// logits: `[.., v]`; targets: integers `[..]`.
    pub fn cross_entropy(&mut self, logits: Tensor, targets: Tensor) -> Result<Tensor> {
        let losses = self.cross_entropy_losses(logits, targets)?;
        self.mean_counted(losses, targets)
    }

    /// `-log softmax(logits)[target]` for each target, 0 where it is [`IGNORE`]: shaped as the targets.
    pub fn cross_entropy_losses(&mut self, logits: Tensor, targets: Tensor) -> Result<Tensor> {
        self.apply1(CrossEntropy, &[logits, targets])
    }

    /// The mean of `losses` where the targets, of the same shape, are not [`IGNORE`]: `[1]`, 0 if there is none.
    pub fn mean_counted(&mut self, losses: Tensor, targets: Tensor) -> Result<Tensor> {
        if self.shape(losses) != self.shape(targets) {
            return Err(self.shape_error("mean_counted", "losses and targets differ in shape", &[losses, targets]));
        }
        let weights = self.apply1(TargetWeights, &[targets])?;
        let shares = self.mul(losses, weights)?;
        self.sum_all(shares)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "cross_entropy",
        summary: "losses = -log softmax(logits)[targets]; loss = their mean over counted targets",
        inputs: &[("logits", "[.., v]"), ("targets", "integers [..] below v, or 2^32 - 1 where not counted")],
        attrs: &[],
        build: |g, inputs, _| {
            let (logits, targets) = (inputs.get("logits")?, inputs.get("targets")?);
            let losses = g.cross_entropy_losses(logits, targets)?;
            Ok(vec![("loss", g.mean_counted(losses, targets)?), ("losses", losses)])
        },
        cases: || {
            let mut make = Make::new(1000);
            let mut cases = Vec::new();
            for (rows, v) in [(&[1][..], 1), (&[3], 7), (&[2, 5], 65), (&[2, 2, 3], 17), (&[1], 300), (&[131], 2)] {
                let shape = [rows, &[v]].concat();
                let inputs = vec![("logits", make.normal(&shape)), ("targets", make.integers(rows, v as u32))];
                cases.push(Case::new(format!("{shape:?}"), inputs).tolerance(Tolerance::SUM).gradients(&["logits"]));
            }
            let targets = |t: &[u32]| HostTensor::u32(&[t.len()], t.to_vec()).expect("one axis");
            for (label, list) in [
                ("two not counted", [IGNORE, 3, IGNORE, 0]),
                ("none counted", [IGNORE; 4]),
                ("targets beyond the row", [9, 10, 8, IGNORE - 1]),
            ] {
                cases.push(
                    Case::new(label, vec![("logits", make.normal(&[4, 9])), ("targets", targets(&list))])
                        .tolerance(Tolerance::SUM)
                        .gradients(&["logits"]),
                );
            }
            // A loss of 1e4 has too few digits left for a finite difference; one of 1e2 has enough.
            for (scale, names) in [(1e4, &[][..]), (1e2, &["logits"])] {
                let large = vec![("logits", make.floats(&[3, 67], scale, 0.0)), ("targets", targets(&[0, 30, 66]))];
                cases.push(Case::new(format!("{scale} large"), large).tolerance(Tolerance::SUM).gradients(names));
            }
            let equal = vec![("logits", make.constant(&[3, 11], 5.0)), ("targets", targets(&[0, 5, 10]))];
            cases.push(Case::new("all equal", equal).tolerance(Tolerance::SUM).gradients(&["logits"]));
            let one = vec![("logits", make.normal(&[13])), ("targets", targets(&[4]))];
            cases.push(Case::new("one axis", one).tolerance(Tolerance::SUM).gradients(&["logits"]));
            cases
        },
    }]
}
