//! AdamW, one step, in place (Loshchilov and Hutter 2019), and the squared global norm its clipping needs.
//!
//! With `c = min(1, max_norm / sqrt(norm))`:
//! `g = c grad`, `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
//! `param -= rate (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay param)`.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, expect_floats, float, shape_error};
use crate::{Error, Graph, Meta, Result, Shape, Tensor, graph::Backward};

/// Inputs: param, m, v (variables of one shape), grad (that shape), hyper `[8]`, norm `[1]`. No output.
#[derive(Debug, Clone)]
pub(crate) struct AdamWStep {
    /// Whether the parameter decays.
    pub decays: bool,
    /// The largest global norm; 0 for any.
    pub max_norm: f32,
}

impl Op for AdamWStep {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("adamw", inputs, 6)?;
        let shape = &inputs[0].shape;
        if inputs[1..4].iter().any(|m| m.shape != *shape) {
            return Err(shape_error("adamw", "parameter, moments and gradient must agree in shape", inputs));
        }
        if inputs[4].shape.count() != 8 || inputs[5].shape.count() != 1 {
            return Err(shape_error("adamw", "hyper is [8] and norm [1]", inputs));
        }
        Ok(vec![])
    }

    fn updates(&self) -> &'static [usize] {
        &[0, 1, 2]
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let grad = cpu.inputs[3].f32();
        let hyper = cpu.inputs[4].f32();
        let norm = cpu.inputs[5].f32()[0];
        let [rate, b1, b2, eps, decay, fix_m, fix_v, _] = *hyper else { return };
        let c = if self.max_norm > 0.0 { (self.max_norm / (norm.sqrt() + 1e-6)).min(1.0) } else { 1.0 };
        let decay = if self.decays { decay } else { 0.0 };
        let [param, m, v] = &mut cpu.state[..] else { return };
        let (param, m, v): (&mut [f32], &mut [f32], &mut [f32]) =
            (bytemuck::cast_slice_mut(param), bytemuck::cast_slice_mut(m), bytemuck::cast_slice_mut(v));
        for (((param, m), v), grad) in param.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(grad) {
            let g = c * grad;
            *m = b1 * *m + (1.0 - b1) * g;
            *v = b2 * *v + (1.0 - b2) * g * g;
            *param -= rate * (*m * fix_m / ((*v * fix_v).sqrt() + eps) + decay * *param);
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.inputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::ADAMW, &[0, 1, 2, 3, 4, 5].map(Bind::Input))
                .u("count", count)
                .u("decays", usize::from(self.decays))
                .f("max_norm", self.max_norm)
                .invocations(count),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "adamw", reason: "an update is the end of a graph" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        16 * inputs[0].shape.count() as u64
    }
}

/// `y = acc + sum x^2`; inputs: x, and acc `[1]` if there is one.
#[derive(Debug, Clone)]
struct AddSumSquares;

impl Op for AddSumSquares {
    fn name(&self) -> &'static str {
        "add_sum_squares"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("add_sum_squares", inputs, inputs.len().clamp(1, 2))?;
        Ok(vec![float(&Shape::new(&[1])?)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        // Eight running sums, so that the compiler can use wide registers.
        let mut parts = [0.0f32; 8];
        for chunk in inputs[0].f32().chunks(8) {
            for (part, x) in parts.iter_mut().zip(chunk) {
                *part += x * x;
            }
        }
        y[0] = parts.iter().sum::<f32>() + inputs.get(1).map_or(0.0, |acc| acc.f32()[0]);
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let has_acc = gpu.inputs.len() > 1;
        let acc = Bind::Input(usize::from(has_acc));
        vec![
            Dispatch::new(&shaders::ADD_SUM_SQUARES, &[Bind::Input(0), acc, Bind::Output(0)])
                .u("count", gpu.inputs[0].shape.count())
                .u("has_acc", usize::from(has_acc)),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = acc + sum x^2, so dx = 2 dy x and dacc = dy
        let dy = ask.grad()?;
        let twice = g.scale(ask.inputs[0], 2.0)?;
        let dx = g.mul(twice, dy)?;
        Ok(if ask.inputs.len() > 1 { vec![Some(dx), Some(dy)] } else { vec![Some(dx)] })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        2 * inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// `acc + sum x^2`
    pub fn add_sum_squares(&mut self, acc: Option<Tensor>, x: Tensor) -> Result<Tensor> {
        let inputs: Vec<Tensor> = [Some(x), acc].into_iter().flatten().collect();
        self.apply1(AddSumSquares, &inputs)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
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
            cases
        },
    }]
}
