//! Gather along the last axis, as PyTorch's: `y[.., j] = x[.., index[.., j]]`.
//!
//! x: `[.., n]`; index: integers `[.., k]` with the same axes before; y: `[.., k]`. An index of n or more reads element
//! n - 1, on both executors: kernels cannot report errors, so whoever makes the indices checks them.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, float, shape_error};
use crate::{DType, Graph, HostTensor, Meta, Result, Shape, Tensor, graph::Backward};

#[derive(Debug, Clone)]
struct Gather;

impl Op for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let [x, index] = inputs else {
            return Err(shape_error("gather", "a tensor and indices are wanted", inputs));
        };
        if x.dtype != DType::F32 || index.dtype != DType::U32 {
            return Err(shape_error("gather", "floats and integer indices are wanted", inputs));
        }
        if x.shape.len() != index.shape.len() || x.shape[..x.shape.len() - 1] != index.shape[..x.shape.len() - 1] {
            return Err(shape_error("gather", "the shapes may differ in the last axis only", inputs));
        }
        Ok(vec![float(&index.shape)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let (x, index) = (&inputs[0], &inputs[1]);
        let (cols, k) = (x.layout.shape.last(), index.layout.shape.last());
        for (i, (y, &at)) in y.iter_mut().zip(index.u32()).enumerate() {
            *y = x.f32()[i / k * cols + (at as usize).min(cols - 1)];
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = gpu.outputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::GATHER, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .u("count", count)
                .u("cols", gpu.inputs[0].shape.last())
                .u("k", gpu.inputs[1].shape.last())
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y[.., j] = x[.., index[.., j]]: what was read is what gets the gradient
        let op = GatherBackward { x: g.shape(ask.inputs[0]).clone() };
        Ok(vec![Some(g.apply1(op, &[ask.inputs[1], ask.grad()?])?), None])
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

/// `dx[.., c] = sum over the j with index[.., j] = c of dy[.., j]`, added in the order of j on both executors.
#[derive(Debug, Clone)]
struct GatherBackward {
    x: Shape,
}

impl Op for GatherBackward {
    fn name(&self) -> &'static str {
        "gather_backward"
    }

    fn infer(&self, _inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![float(&self.x)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dx) = cpu.split(0);
        let (cols, k) = (self.x.last(), inputs[0].layout.shape.last());
        dx.fill(0.0);
        for (i, (&at, dy)) in inputs[0].u32().iter().zip(inputs[1].f32()).enumerate() {
            dx[i / k * cols + (at as usize).min(cols - 1)] += dy;
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let count = self.x.count();
        vec![
            Dispatch::new(&shaders::GATHER_BACKWARD, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .u("count", count)
                .u("cols", self.x.last())
                .u("k", gpu.inputs[0].shape.last())
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // dx is a sum of dy, each at its index, so the gradient of dy is read back from there
        let index = ask.inputs[0];
        Ok(vec![None, Some(g.gather(ask.grad()?, index)?)])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[1].shape.count() as u64
    }
}

impl Graph {
    /// `y[.., j] = x[.., index[.., j]]`. Indices must be below the length of x's last axis; larger ones read its end.
    pub fn gather(&mut self, x: Tensor, index: Tensor) -> Result<Tensor> {
        self.apply1(Gather, &[x, index])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "gather",
        summary: "y[.., j] = x[.., index[.., j]]",
        inputs: &[("x", "[.., n]"), ("index", "integers below n, [.., k]")],
        attrs: &[],
        build: |g, inputs, _| Ok(vec![("y", g.gather(inputs.get("x")?, inputs.get("index")?)?)]),
        cases: || {
            let mut make = Make::new(1400);
            let mut cases = Vec::new();
            for (before, n, k) in
                [(&[][..], 1, 1), (&[3], 7, 2), (&[2, 5], 13, 31), (&[2, 1, 3], 67, 1), (&[131], 2, 5)]
            {
                let inputs = vec![
                    ("x", make.normal(&[before, &[n]].concat())),
                    ("index", make.integers(&[before, &[k]].concat(), n as u32)),
                ];
                let case = Case::new(format!("{k} of {n}, {before:?}"), inputs);
                cases.push(case.tolerance(Tolerance::EXACT).gradients(&["x"]));
            }
            for (label, index) in
                [("one element five times", vec![2; 5]), ("beyond the row", vec![3, 4, 0, u32::MAX, 5])]
            {
                let index = HostTensor::u32(&[1, 5], index).expect("five indices");
                let case = Case::new(label, vec![("x", make.normal(&[1, 4])), ("index", index)]);
                cases.push(case.tolerance(Tolerance::EXACT).gradients(&["x"]));
            }
            cases
        },
    }]
}
