//! Sum, mean and largest along one axis: `y[.., ..] = reduce_j x[.., j, ..]`; the axis goes away.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float, shape_error};
use crate::{Error, Graph, Meta, Result, Shape, Tensor, graph::Backward, ops::Binary};

/// How an axis is reduced, in the order the kernels number them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
    /// The largest.
    Max,
}

#[derive(Debug, Clone)]
struct Reduce {
    axis: usize,
    kind: Reduction,
}

impl Reduce {
    /// The tensor as `[outer, reduced, inner]`.
    fn sizes(&self, shape: &Shape) -> [usize; 3] {
        [shape[..self.axis].iter().product(), shape[self.axis], shape[self.axis + 1..].iter().product()]
    }
}

impl Op for Reduce {
    fn name(&self) -> &'static str {
        match self.kind {
            Reduction::Sum => "sum",
            Reduction::Mean => "mean",
            Reduction::Max => "max_along",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats(self.name(), inputs, 1)?;
        let mut shape = inputs[0].shape.to_vec();
        if self.axis >= shape.len() {
            return Err(shape_error(self.name(), format!("there is no axis {}", self.axis), inputs));
        }
        shape.remove(self.axis);
        if shape.is_empty() {
            shape.push(1);
        }
        Ok(vec![float(&Shape::new(&shape)?)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let [_, len, inner] = self.sizes(&inputs[0].layout.shape);
        let x = inputs[0].f32();
        for (i, y) in y.iter_mut().enumerate() {
            let at = |j: usize| x[(i / inner * len + j) * inner + i % inner];
            *y = match self.kind {
                Reduction::Max => (0..len).map(at).fold(f32::MIN, f32::max),
                Reduction::Sum => (0..len).map(at).sum(),
                Reduction::Mean => (0..len).map(at).sum::<f32>() / len as f32,
            };
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let (inputs, y) = cpu.split(0);
        let [_, len, inner] = self.sizes(&inputs[0].layout.shape);
        if inner < 8 || self.kind == Reduction::Max {
            return false;
        }
        // Rows of `inner` are added whole, so that the loop runs along memory.
        let x = inputs[0].f32();
        for (o, y) in y.chunks_mut(inner).enumerate() {
            y.fill(0.0);
            for row in x[o * len * inner..(o + 1) * len * inner].chunks(inner) {
                y.iter_mut().zip(row).for_each(|(y, x)| *y += x);
            }
            if self.kind == Reduction::Mean {
                y.iter_mut().for_each(|y| *y /= len as f32);
            }
        }
        true
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let [outer, len, inner] = self.sizes(&gpu.inputs[0].shape);
        let bindings = [Bind::Input(0), Bind::Output(0)];
        vec![if inner == 1 {
            Dispatch::new(&shaders::REDUCE, &bindings)
                .u("rows", outer)
                .u("cols", len)
                .u("kind", self.kind as usize)
                .rows(outer, gpu.tier.software)
        } else {
            Dispatch::new(&shaders::REDUCE_COLUMNS, &bindings)
                .u("outer", outer)
                .u("rows", len)
                .u("cols", inner)
                .u("kind", self.kind as usize)
                .invocations(outer * inner)
        }]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let (x, y, dy) = (ask.inputs[0], ask.outputs[0], ask.grad()?);
        let shape = g.shape(x).to_vec();
        let mut kept = shape.clone();
        kept[self.axis] = 1;
        let dy = g.reshape(dy, &kept)?;
        let spread = g.expand(dy, &shape)?;
        let dx = match self.kind {
            Reduction::Sum => spread,                                          // y = sum x
            Reduction::Mean => g.scale(spread, 1.0 / shape[self.axis] as f32)?, // y = sum x / n
            Reduction::Max => {
                // y = max x: shared equally by all places that reach it
                let y = g.reshape(y, &kept)?;
                let hit = g.binary(Binary::Equal, x, y)?;
                let hits = g.reduce(hit, self.axis, Reduction::Sum)?;
                let hits = g.reshape(hits, &kept)?;
                let share = g.div(hit, hits)?;
                g.mul(share, spread)?
            }
        };
        Ok(vec![Some(dx)])
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// Reduces one axis; the last remaining axis stays, of length 1.
    pub fn reduce(&mut self, x: Tensor, axis: usize, kind: Reduction) -> Result<Tensor> {
        self.apply1(Reduce { axis, kind }, &[x])
    }

    /// The sum of `[n, channels, ..]` over everything but the channels: `[channels]`.
    pub(crate) fn sum_of_channels(&mut self, x: Tensor) -> Result<Tensor> {
        let (count, [batch, channels]) = (self.shape(x).count(), [self.shape(x)[0], self.shape(x)[1]]);
        // Pictures first: neighbouring sums then read neighbouring words.
        let pictures = self.reshape(x, &[batch, count / batch])?;
        let one = self.reduce(pictures, 0, Reduction::Sum)?;
        let planes = self.reshape(one, &[channels, count / batch / channels])?;
        self.reduce(planes, 1, Reduction::Sum)
    }

    /// The sum of all elements.
    pub fn sum_all(&mut self, x: Tensor) -> Result<Tensor> {
        let count = self.shape(x).count();
        let flat = self.reshape(x, &[count])?;
        self.reduce(flat, 0, Reduction::Sum)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "reduce",
        summary: "y = sum, mean or largest of x along an axis, which goes away",
        inputs: &[("x", "any shape")],
        attrs: &[("f", "sum, mean or max (default sum)"), ("axis", "which axis (default 0)")],
        build: |g, inputs, attrs| {
            let kind = match attr(attrs, "f", "sum".to_string())?.as_str() {
                "sum" => Reduction::Sum,
                "mean" => Reduction::Mean,
                "max" => Reduction::Max,
                other => return Err(Error::data("f", format!("`{other}` is not a reduction"))),
            };
            Ok(vec![("y", g.reduce(inputs.get("x")?, attr(attrs, "axis", 0)?, kind)?)])
        },
        cases: || {
            let mut make = Make::new(600);
            let mut cases = Vec::new();
            for f in ["sum", "mean", "max"] {
                for (shape, axis) in
                    [(&[7, 13][..], 1), (&[7, 13], 0), (&[3, 5, 17], 1), (&[1], 0), (&[300], 0), (&[2, 2, 3, 130], 3)]
                {
                    let x = if f == "max" { make.distinct(shape) } else { make.normal(shape) };
                    cases.push(
                        Case::new(format!("{f} of {shape:?} along {axis}"), vec![("x", x)])
                            .attr("f", f)
                            .attr("axis", axis)
                            .tolerance(Tolerance::SUM)
                            .gradients(&["x"]),
                    );
                }
            }
            cases.push(
                Case::new("max of equal values", vec![("x", make.constant(&[4, 9], 0.5))]).attr("f", "max").attr("axis", 1),
            );
            cases
        },
    }]
}
