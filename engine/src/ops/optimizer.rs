//! One step of an optimizer, in place, and the squared global norm that clipping needs.
//!
//! With `c = min(1, max_norm / (norm + 1e-6))`, or 1 without clipping, and `g = c grad`:
//! - SGD: `param -= rate (g + decay param)`
//! - momentum (Polyak 1964, in PyTorch's form): `m = mu m + (g + decay param)`, `param -= rate m`
//! - AdamW (Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019): `m = b1 m + (1 - b1) g`,
//!   `v = b2 v + (1 - b2) g^2`, `param -= rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay param)`
//!
//! param, its moments and grad have one shape. hyper `[8]` is rate, b1 (or mu), b2, eps, decay, 1 / (1 - b1^t),
//! 1 / (1 - b2^t) and a spare, written by the host before every step. norm `[1]` is the squared norm of all gradients.

use super::{
    Attrs, Bind, Case, Cpu, Dispatch, Entry, Gpu, Inputs, Make, Op, Tolerance, attr, expect_floats, float, shape_error,
};
use crate::{
    Error, Graph, HostTensor, Meta, Result, Shape, Tensor,
    cpu::lanes,
    graph::{Backward, Source},
};

/// How a parameter follows its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Straight down the gradient.
    Sgd,
    /// Down a running sum of gradients.
    Momentum,
    /// Down a running mean of gradients, each place in units of its own running size.
    AdamW,
}

impl Rule {
    /// The names of the moments kept for each parameter.
    pub fn moments(self) -> &'static [&'static str] {
        match self {
            Self::Sgd => &[],
            Self::Momentum => &["m"],
            Self::AdamW => &["m", "v"],
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::AdamW => "adamw",
        }
    }
}

/// Inputs: param, its moments, grad, hyper, and norm if it clips. In place it has no outputs and writes param and
/// moments, which must be variables; otherwise it copies them to its outputs and works on those, with the same loops
/// and the same kernel. The second form is for checking: its inputs can be anything, and stay as they are.
#[derive(Debug, Clone)]
struct Update {
    rule: Rule,
    /// Whether the parameter decays.
    decays: bool,
    /// The largest global norm; `None` for any.
    max_norm: Option<f32>,
    in_place: bool,
}

impl Update {
    /// How many tensors change: the parameter and its moments, the first inputs.
    fn changed(&self) -> usize {
        1 + self.rule.moments().len()
    }

    /// Updates one piece of everything.
    fn step(&self, hyper: &[f32], clip: f32, grad: &[f32], changed: &mut [&mut [f32]]) {
        let [rate, b1, b2, eps, decay, unbias_m, unbias_v, _] = *hyper else { return };
        let decay = if self.decays { decay } else { 0.0 };
        match (self.rule, changed) {
            (Rule::Sgd, [param]) => {
                for (param, grad) in param.iter_mut().zip(grad) {
                    *param -= rate * (clip * grad + decay * *param);
                }
            }
            (Rule::Momentum, [param, m]) => {
                for ((param, m), grad) in param.iter_mut().zip(m.iter_mut()).zip(grad) {
                    *m = b1 * *m + (clip * grad + decay * *param);
                    *param -= rate * *m;
                }
            }
            (Rule::AdamW, [param, m, v]) => {
                for (((param, m), v), grad) in param.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(grad) {
                    let g = clip * grad;
                    *m = b1 * *m + (1.0 - b1) * g;
                    *v = b2 * *v + (1.0 - b2) * g * g;
                    *param -= rate * (*m * unbias_m / ((*v * unbias_v).sqrt() + eps) + decay * *param);
                }
            }
            _ => unreachable!("the shape rule counts the tensors"),
        }
    }

    fn run(&self, cpu: &mut Cpu<'_>, threads: usize) {
        const CHUNK: usize = 4096;
        let n = self.changed();
        let (grad, hyper) = (cpu.inputs[n].f32(), cpu.inputs[n + 1].f32());
        let clip = self.max_norm.map_or(1.0, |most| (most / (cpu.inputs[n + 2].f32()[0].sqrt() + 1e-6)).min(1.0));
        let mut changed: Vec<&mut [f32]> = if self.in_place {
            cpu.state.iter_mut().map(|words| bytemuck::cast_slice_mut(words)).collect()
        } else {
            for (out, input) in cpu.outputs.iter_mut().zip(&cpu.inputs) {
                out.copy_from_slice(input.u32());
            }
            cpu.outputs.iter_mut().map(|words| bytemuck::cast_slice_mut(words)).collect()
        };
        let mut rests: Vec<_> = changed.iter_mut().map(|all| all.chunks_mut(CHUNK)).collect();
        let mut pieces: Vec<(&[f32], Vec<&mut [f32]>)> =
            grad.chunks(CHUNK).map(|grad| (grad, rests.iter_mut().filter_map(Iterator::next).collect())).collect();
        #[cfg(not(target_arch = "wasm32"))]
        if threads > 1 && pieces.len() > 1 {
            use rayon::prelude::*;
            pieces.par_iter_mut().for_each(|(grad, piece)| self.step(hyper, clip, grad, piece));
            return;
        }
        let _ = threads;
        pieces.iter_mut().for_each(|(grad, piece)| self.step(hyper, clip, grad, piece));
    }
}

impl Op for Update {
    fn name(&self) -> &'static str {
        self.rule.name()
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let n = self.changed();
        expect_floats(self.name(), inputs, n + 2 + usize::from(self.max_norm.is_some()))?;
        let shape = &inputs[0].shape;
        if inputs[1..=n].iter().any(|m| m.shape != *shape) {
            return Err(shape_error(self.name(), "parameter, moments and gradient must agree in shape", inputs));
        }
        if inputs[n + 1].shape.count() != 8 || inputs[n + 2..].iter().any(|norm| norm.shape.count() != 1) {
            return Err(shape_error(self.name(), "hyper is [8] and norm [1]", inputs));
        }
        Ok(if self.in_place { vec![] } else { inputs[..n].to_vec() })
    }

    fn updates(&self) -> &'static [usize] {
        const ALL: &[usize] = &[0, 1, 2];
        if self.in_place { &ALL[..self.changed()] } else { &[] }
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        self.run(cpu, 1);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        self.run(cpu, cpu.threads);
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let n = self.changed();
        let count = gpu.inputs[0].shape.count();
        let kernel = match self.rule {
            Rule::Sgd => &shaders::SGD,
            Rule::Momentum => &shaders::MOMENTUM,
            Rule::AdamW => &shaders::ADAMW,
        };
        let mut dispatches = Vec::new();
        let mut bindings = Vec::new();
        for i in 0..n {
            if self.in_place {
                bindings.push(Bind::Input(i));
            } else {
                dispatches.extend(super::Copy.gpu(&Gpu { inputs: &gpu.inputs[i..=i], ..*gpu }));
                if let Some(copy) = dispatches.last_mut() {
                    copy.bindings = vec![Bind::Input(i), Bind::Output(i)];
                }
                bindings.push(Bind::Output(i));
            }
        }
        // Without clipping the kernel reads no norm, so any number can stand in its place.
        let norm = if self.max_norm.is_some() { n + 2 } else { n + 1 };
        bindings.extend([n, n + 1, norm].map(Bind::Input));
        dispatches.push(
            Dispatch::new(kernel, &bindings)
                .u("count", count)
                .u("decays", usize::from(self.decays))
                .f("max_norm", self.max_norm.unwrap_or(0.0))
                .invocations(count),
        );
        dispatches
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: self.rule.name(), reason: "an update is the end of a graph" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        let each = match self.rule {
            Rule::Sgd => 5,
            Rule::Momentum => 7,
            Rule::AdamW => 16,
        };
        each * inputs[0].shape.count() as u64
    }
}

/// `y = acc + sum x^2`; inputs: x, and acc `[1]` if there is one.
#[derive(Debug, Clone)]
struct AddSumSquares;

/// Elements one workgroup adds up.
const CHUNK: usize = 1 << 14;

impl AddSumSquares {
    fn run(cpu: &mut Cpu<'_>, sum: impl Fn(&[f32]) -> f32) {
        let (inputs, y) = cpu.split(0);
        y[0] = sum(inputs[0].f32()) + inputs.get(1).map_or(0.0, |acc| acc.f32()[0]);
    }
}

impl Op for AddSumSquares {
    fn name(&self) -> &'static str {
        "add_sum_squares"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("add_sum_squares", inputs, inputs.len().clamp(1, 2))?;
        if inputs.get(1).is_some_and(|acc| acc.shape.count() != 1) {
            return Err(shape_error("add_sum_squares", "acc is [1]", inputs));
        }
        Ok(vec![float(&Shape::new(&[1])?)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        // In double precision: one long chain of f32 additions would be the least exact way to add.
        Self::run(cpu, |x| x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() as f32);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        Self::run(cpu, |x| x.chunks(CHUNK).map(|x| lanes::sum([x], |[x]| x * x)).sum());
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.inputs[0].shape.count();
        let has_acc = gpu.inputs.len() > 1;
        let pass = |x: Bind, count: usize, chunk: usize, acc: Option<Bind>, y: Bind| {
            Dispatch::new(&shaders::ADD_SUM_SQUARES, &[x, acc.unwrap_or(x), y])
                .u("count", count)
                .u("chunk", chunk)
                .u("squares", usize::from(x == Bind::Input(0)))
                .u("has_acc", usize::from(acc.is_some()))
                .groups([count.div_ceil(chunk), 1, 1])
        };
        let (x, y, acc) = (Bind::Input(0), Bind::Output(0), has_acc.then_some(Bind::Input(1)));
        if count <= CHUNK {
            return vec![pass(x, count, count, acc, y)];
        }
        let (chunk, chunks) = chunks(count);
        vec![pass(x, count, chunk, None, Bind::Scratch(0)), pass(Bind::Scratch(0), chunks, chunks, acc, y)]
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let count = gpu.inputs[0].shape.count();
        if count <= CHUNK { vec![] } else { vec![chunks(count).1] }
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = acc + sum x^2, so dx = 2 dy x and dacc = dy
        let dy = ask.grad()?;
        let twice = g.scale(ask.inputs[0], 2.0)?;
        let dx = g.mul(twice, dy)?;
        Ok(match ask.inputs.get(1) {
            Some(&acc) => {
                let shape = g.shape(acc).to_vec();
                vec![Some(dx), Some(g.reshape(dy, &shape)?)]
            }
            None => vec![Some(dx)],
        })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        2 * inputs[0].shape.count() as u64
    }
}

/// The length and number of chunks of a large tensor: no more of them than one row of workgroups can be.
fn chunks(count: usize) -> (usize, usize) {
    let chunk = CHUNK.max(count.div_ceil(65_535));
    (chunk, count.div_ceil(chunk))
}

impl Graph {
    /// `acc + sum x^2`
    pub fn add_sum_squares(&mut self, acc: Option<Tensor>, x: Tensor) -> Result<Tensor> {
        let inputs: Vec<Tensor> = [Some(x), acc].into_iter().flatten().collect();
        self.apply1(AddSumSquares, &inputs)
    }

    /// Updates a parameter and its moments, all variables, by one step of `rule`.
    ///
    /// `hyper` is `[8]`: see [`Optimizer::hyper`](crate::optim::Optimizer::hyper). `clip` is the largest global norm
    /// of the gradients, and the square of what it is.
    pub fn update(
        &mut self,
        rule: Rule,
        param: Tensor,
        moments: &[Tensor],
        grad: Tensor,
        hyper: Tensor,
        decays: bool,
        clip: Option<(f32, Tensor)>,
    ) -> Result<()> {
        for &t in [param].iter().chain(moments) {
            if !matches!(self.nodes()[self.value(t).node].source, Source::Variable(_)) {
                return Err(self.shape_error(rule.name(), "only variables can be updated", &[t]));
            }
        }
        let op = Update { rule, decays, max_norm: clip.map(|(most, _)| most), in_place: true };
        self.apply(op, &update_inputs(param, moments, grad, hyper, clip))?;
        Ok(())
    }
}

fn update_inputs(
    param: Tensor,
    moments: &[Tensor],
    grad: Tensor,
    hyper: Tensor,
    clip: Option<(f32, Tensor)>,
) -> Vec<Tensor> {
    let mut inputs = vec![param];
    inputs.extend(moments);
    inputs.extend([grad, hyper]);
    inputs.extend(clip.map(|(_, norm)| norm));
    inputs
}

/// The form that leaves its inputs as they are, by name.
fn build(g: &mut Graph, rule: Rule, inputs: &Inputs, attrs: &Attrs) -> Result<Vec<(&'static str, Tensor)>> {
    let moments: Vec<Tensor> = rule.moments().iter().map(|name| inputs.get(name)).collect::<Result<_>>()?;
    let clip = match inputs.optional("norm") {
        Some(norm) => Some((attr(attrs, "max_norm", 1.0)?, norm)),
        None => None,
    };
    let decays = attr(attrs, "decays", true)?;
    let op = Update { rule, decays, max_norm: clip.map(|(most, _)| most), in_place: false };
    let list = update_inputs(inputs.get("param")?, &moments, inputs.get("grad")?, inputs.get("hyper")?, clip);
    let outputs = g.apply(op, &list)?;
    Ok(["param"].iter().chain(rule.moments()).copied().zip(outputs).collect())
}

fn cases(rule: Rule) -> Vec<Case> {
    let mut make = Make::new(1600 + 10 * rule as u32);
    let mut cases = Vec::new();
    // A norm of 3 against 1, which clips; of 3 against 100, which does not; and none.
    for (label, norm, max_norm) in [("clipped", Some(9.0), 1.0), ("short", Some(9.0), 100.0), ("any norm", None, 0.0)] {
        for (shape, decays) in [(&[1][..], false), (&[7, 13], true), (&[5, 1709], true)] {
            let mut v = make.normal(shape);
            if let crate::Data::F32(v) = &mut v.data {
                v.iter_mut().for_each(|v| *v *= *v); // a mean of squares
            }
            let hyper = vec![0.1, 0.9, 0.95, 1e-8, 0.1, 1.0 / (1.0 - 0.9), 1.0 / (1.0 - 0.95), 0.0];
            let mut inputs = vec![("param", make.normal(shape)), ("m", make.normal(shape)), ("v", v)];
            inputs.truncate(1 + rule.moments().len());
            inputs.push(("grad", make.normal(shape)));
            inputs.push(("hyper", HostTensor::f32(&[8], hyper).expect("eight numbers")));
            inputs.extend(norm.map(|norm| ("norm", make.constant(&[1], norm))));
            let case = Case::new(format!("{shape:?}, {label}"), inputs).attr("decays", decays);
            cases.push(case.attr("max_norm", max_norm));
        }
    }
    cases
}

pub(super) fn entries() -> Vec<Entry> {
    const HYPER: (&str, &str) = ("hyper", "[8]: rate, b1, b2, eps, decay, 1 / (1 - b1^t), 1 / (1 - b2^t), spare");
    const NORM: (&str, &str) = ("norm", "[1], the squared norm of all gradients; optional, clips where given");
    const ATTRS: &[(&str, &str)] =
        &[("max_norm", "the largest norm (default 1)"), ("decays", "whether the parameter decays (default true)")];
    const GRAD: (&str, &str) = ("grad", "as param");
    const PARAM: (&str, &str) = ("param", "any shape");
    vec![
        Entry {
            name: "sgd",
            summary: "param - rate (c grad + decay param)",
            inputs: &[PARAM, GRAD, HYPER, NORM],
            attrs: ATTRS,
            build: |g, inputs, attrs| build(g, Rule::Sgd, inputs, attrs),
            cases: || cases(Rule::Sgd),
        },
        Entry {
            name: "momentum",
            summary: "m' = b1 m + (c grad + decay param); param - rate m'",
            inputs: &[PARAM, ("m", "as param"), GRAD, HYPER, NORM],
            attrs: ATTRS,
            build: |g, inputs, attrs| build(g, Rule::Momentum, inputs, attrs),
            cases: || cases(Rule::Momentum),
        },
        Entry {
            name: "adamw",
            summary: "m', v' = running means of c grad and its square; param - rate (m' / sqrt v' + decay param)",
            inputs: &[PARAM, ("m", "as param"), ("v", "as param"), GRAD, HYPER, NORM],
            attrs: ATTRS,
            build: |g, inputs, attrs| build(g, Rule::AdamW, inputs, attrs),
            cases: || cases(Rule::AdamW),
        },
        Entry {
            name: "add_sum_squares",
            summary: "y = acc + sum x^2: the squared norm of many tensors, one after the other",
            inputs: &[("x", "any shape"), ("acc", "[1], optional")],
            attrs: &[],
            build: |g, inputs, _| Ok(vec![("y", g.add_sum_squares(inputs.optional("acc"), inputs.get("x")?)?)]),
            cases: || {
                let mut make = Make::new(1700);
                let mut cases = vec![];
                for shape in [&[1][..], &[257], &[13, 70]] {
                    let inputs = vec![("x", make.normal(shape)), ("acc", make.normal(&[1]))];
                    cases.push(
                        Case::new(format!("{shape:?}"), inputs)
                            .tolerance(Tolerance { name: "sum of squares", absolute: 1e-4, relative: 1e-5 })
                            .gradients(&["x", "acc"]),
                    );
                }
                cases.push(Case::new("no acc", vec![("x", make.normal(&[5, 9]))]).tolerance(Tolerance::SUM));
                let large = vec![("x", make.normal(&[3, 16_385])), ("acc", make.normal(&[1]))];
                cases.push(Case::new("four chunks", large).tolerance(Tolerance::SUM));
                cases
            },
        },
    ]
}
