//! Copy: a strided view laid out row by row, `y[i] = x[layout(i)]`. The plan puts it in where an op wants its
//! input contiguous; nobody need call it.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance};
use crate::{Graph, Meta, Result, Tensor, graph::Backward};

/// Lays a view out contiguously.
#[derive(Debug, Clone)]
pub struct Copy;

impl Op for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0].clone()])
    }

    fn reads_strides(&self, _input: usize) -> bool {
        true
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let x = &cpu.inputs[0];
        for (y, word) in cpu.outputs[0].iter_mut().zip(x.layout.words()) {
            *y = x.words[word];
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let (shape, strides) = gpu.inputs[0].four();
        let count = gpu.inputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::COPY, &[Bind::Input(0), Bind::Output(0)])
                .v("shape", shape)
                .v("strides", strides)
                .u("offset", gpu.inputs[0].offset)
                .u("count", count)
                .invocations(count),
        ]
    }

    fn backward(&self, _g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(ask.grad()?)])
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

impl Graph {
    /// The same tensor in memory of its own, row by row.
    pub fn copy(&mut self, x: Tensor) -> Result<Tensor> {
        self.apply1(Copy, &[x])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "transpose",
        summary: "y[.., j, i] = x[.., i, j]: a view, laid out by copy",
        inputs: &[("x", "two to four axes")],
        attrs: &[],
        build: |g, inputs, _| {
            let t = g.transpose(inputs.get("x")?)?;
            Ok(vec![("y", g.copy(t)?)])
        },
        cases: || {
            let mut make = Make::new(100);
            [&[2, 3][..], &[1, 1], &[5, 7, 11], &[2, 3, 17, 13]]
                .into_iter()
                .map(|s| {
                    Case::new(format!("{s:?}"), vec![("x", make.normal(s))])
                        .tolerance(Tolerance::EXACT)
                        .gradients(&["x"])
                })
                .collect()
        },
    }]
}
