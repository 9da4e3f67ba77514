//! Concatenation along an axis, and padding with zeros: `y[o, start + j, i] = x[o, j, i]`.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, shape_error};
use crate::{Graph, Meta, Result, Shape, Tensor, graph::Backward};

/// The product of the axes before `axis`, its length, the product of those after.
fn sizes(shape: &Shape, axis: usize) -> [usize; 3] {
    [shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()]
}

#[derive(Debug, Clone)]
struct Concat {
    axis: usize,
}

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let Some(first) = inputs.first() else {
            return Err(shape_error("concat", "at least one input is wanted", inputs));
        };
        let mut shape = first.shape.to_vec();
        if self.axis >= shape.len() {
            return Err(shape_error("concat", format!("there is no axis {}", self.axis), inputs));
        }
        shape[self.axis] = 0;
        for input in inputs {
            let fits = input.dtype == first.dtype
                && input.shape.len() == shape.len()
                && (0..shape.len()).all(|a| a == self.axis || input.shape[a] == first.shape[a]);
            if !fits {
                return Err(shape_error("concat", format!("all axes but {} must agree", self.axis), inputs));
            }
            shape[self.axis] += input.shape[self.axis];
        }
        Ok(vec![Meta { shape: Shape::new(&shape)?, dtype: first.dtype }])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let y = &mut cpu.outputs[0];
        let whole: usize = cpu.inputs.iter().map(|x| x.layout.shape[self.axis]).sum();
        let mut start = 0;
        for x in &cpu.inputs {
            let [outer, len, inner] = sizes(&x.layout.shape, self.axis);
            for o in 0..outer {
                let at = (o * whole + start) * inner;
                y[at..at + len * inner].copy_from_slice(&x.words[o * len * inner..(o + 1) * len * inner]);
            }
            start += len;
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let whole = gpu.outputs[0].shape[self.axis];
        let mut start = 0;
        (0..gpu.inputs.len())
            .map(|i| {
                let [outer, len, inner] = sizes(&gpu.inputs[i].shape, self.axis);
                let dispatch = Dispatch::new(&shaders::PLACE, &[Bind::Input(i), Bind::Output(0)])
                    .u("count", outer * len * inner)
                    .u("len", len)
                    .u("inner", inner)
                    .u("whole", whole)
                    .u("start", start)
                    .invocations(outer * len * inner);
                start += len;
                dispatch
            })
            .collect()
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let dy = ask.grad()?;
        let mut start = 0;
        ask.inputs
            .iter()
            .map(|&x| {
                let len = g.shape(x)[self.axis];
                start += len;
                g.slice(dy, self.axis, start - len, len).map(Some)
            })
            .collect()
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

#[derive(Debug, Clone)]
struct Pad {
    axis: usize,
    before: usize,
    after: usize,
}

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let mut shape = inputs[0].shape.to_vec();
        if self.axis >= shape.len() {
            return Err(shape_error("pad", format!("there is no axis {}", self.axis), inputs));
        }
        shape[self.axis] += self.before + self.after;
        Ok(vec![Meta { shape: Shape::new(&shape)?, dtype: inputs[0].dtype }])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let x = &cpu.inputs[0];
        let y = &mut cpu.outputs[0];
        let [outer, len, inner] = sizes(&x.layout.shape, self.axis);
        let whole = self.before + len + self.after;
        y.fill(0);
        for o in 0..outer {
            let at = (o * whole + self.before) * inner;
            y[at..at + len * inner].copy_from_slice(&x.words[o * len * inner..(o + 1) * len * inner]);
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let [outer, len, inner] = sizes(&gpu.inputs[0].shape, self.axis);
        let whole = self.before + len + self.after;
        vec![
            Dispatch::new(&shaders::PAD, &[Bind::Input(0), Bind::Output(0)])
                .u("count", outer * whole * inner)
                .u("len", len)
                .u("inner", inner)
                .u("whole", whole)
                .u("start", self.before)
                .invocations(outer * whole * inner),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let len = g.shape(ask.inputs[0])[self.axis];
        let dy = ask.grad()?;
        Ok(vec![Some(g.slice(dy, self.axis, self.before, len)?)])
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

impl Graph {
    /// Tensors side by side along an axis.
    pub fn concat(&mut self, list: &[Tensor], axis: usize) -> Result<Tensor> {
        self.apply1(Concat { axis }, list)
    }

    /// Zeros before and after along an axis.
    pub fn pad(&mut self, x: Tensor, axis: usize, before: usize, after: usize) -> Result<Tensor> {
        if before + after == 0 { Ok(x) } else { self.apply1(Pad { axis, before, after }, &[x]) }
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry {
            name: "concat",
            summary: "y = a and b side by side along an axis",
            inputs: &[("a", "any shape"), ("b", "as a but for that axis")],
            attrs: &[("axis", "which axis (default 0)")],
            build: |g, inputs, attrs| {
                Ok(vec![("y", g.concat(&[inputs.get("a")?, inputs.get("b")?], attr(attrs, "axis", 0)?)?)])
            },
            cases: || {
                let mut make = Make::new(800);
                [(&[2, 3][..], &[5, 3][..], 0), (&[4, 1, 7], &[4, 6, 7], 1), (&[1], &[1], 0), (&[3, 2, 5, 4], &[3, 2, 5, 9], 3)]
                    .into_iter()
                    .map(|(a, b, axis)| {
                        Case::new(format!("{a:?} and {b:?}"), vec![("a", make.normal(a)), ("b", make.normal(b))])
                            .attr("axis", axis)
                            .tolerance(Tolerance::EXACT)
                            .gradients(&["a", "b"])
                    })
                    .collect()
            },
        },
        Entry {
            name: "pad",
            summary: "y = x with zeros before and after along an axis",
            inputs: &[("x", "any shape")],
            attrs: &[("axis", "which axis (default 0)"), ("before", "default 0"), ("after", "default 0")],
            build: |g, inputs, attrs| {
                let x = inputs.get("x")?;
                let y = g.pad(x, attr(attrs, "axis", 0)?, attr(attrs, "before", 0)?, attr(attrs, "after", 0)?)?;
                Ok(vec![("y", y)])
            },
            cases: || {
                let mut make = Make::new(850);
                [(&[2, 3][..], 0, 1, 2), (&[4, 3, 7], 1, 0, 5), (&[1], 0, 3, 0), (&[3, 2, 5, 4], 3, 2, 2)]
                    .into_iter()
                    .map(|(s, axis, before, after)| {
                        Case::new(format!("{s:?}"), vec![("x", make.normal(s))])
                            .attr("axis", axis)
                            .attr("before", before)
                            .attr("after", after)
                            .tolerance(Tolerance::EXACT)
                            .gradients(&["x"])
                    })
                    .collect()
            },
        },
        Entry {
            name: "slice",
            summary: "y = a range of one axis of x: a view, laid out by copy",
            inputs: &[("x", "any shape")],
            attrs: &[("axis", "which axis (default 0)"), ("start", "default 0"), ("len", "default 1")],
            build: |g, inputs, attrs| {
                let x = inputs.get("x")?;
                let y = g.slice(x, attr(attrs, "axis", 0)?, attr(attrs, "start", 0)?, attr(attrs, "len", 1)?)?;
                Ok(vec![("y", g.copy(y)?)])
            },
            cases: || {
                let mut make = Make::new(880);
                [(&[7, 3][..], 0, 1, 2), (&[4, 13, 7], 1, 6, 5), (&[3, 2, 5, 4], 3, 2, 1)]
                    .into_iter()
                    .map(|(s, axis, start, len)| {
                        Case::new(format!("{s:?}"), vec![("x", make.normal(s))])
                            .attr("axis", axis)
                            .attr("start", start)
                            .attr("len", len)
                            .tolerance(Tolerance::EXACT)
                            .gradients(&["x"])
                    })
                    .collect()
            },
        },
    ]
}
