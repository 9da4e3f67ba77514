//! Quantising and coming back within the graph, for training weights that will be quantised:
//! `y = dequantize(quantize(w))`, with steps found anew at every run.
//!
//! w, y, inside: `[k, n]`; formats as in [`crate::quant`]. The true derivative is 0 almost everywhere, so the gradient is
//! passed *straight through* (Bengio, Léonard and Courville 2013): `dw = dy` where a level was near, and 0 where a weight had
//! to be clamped, beyond half a step from the outermost level (Jacob et al. 2018; Esser et al. 2020, LSQ). `inside` says
//! which. A step that follows the largest weight clamps none; the mean steps of `int1` and `ternary` clamp the largest. The
//! step itself is taken for a constant.

use super::{
    Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float, for_rows,
    quantize::{FORMATS, measure, table},
    shape_error,
};
use crate::{
    Graph, Meta, Result, Shape, Tensor,
    graph::Backward,
    quant::{self, Format, Granularity, Levels, Packing},
};

#[derive(Debug, Clone)]
struct FakeQuantize {
    format: Format,
}

impl FakeQuantize {
    fn packing(&self, shape: &Shape) -> Packing {
        self.format.packing([shape[0], shape[1]])
    }

    fn run(&self, cpu: &mut Cpu<'_>, threads: usize) {
        let p = self.packing(&cpu.inputs[0].layout.shape);
        let w = cpu.inputs[0].f32();
        let (steps, zeros) = p.measure(w);
        let level = |i: usize, j: usize| {
            let at = p.step_at(i, j);
            let (code, inside) = quant::code(p.format.levels, w[i * p.n + j], steps[at], zeros[at]);
            (quant::value(p.format.levels, code, steps[at], zeros[at]), inside)
        };
        let [y, inside] = &mut cpu.outputs[..] else { return };
        for_rows(threads, bytemuck::cast_slice_mut::<_, f32>(y), p.n, |i, y| {
            y.iter_mut().enumerate().for_each(|(j, y)| *y = level(i, j).0);
        });
        for_rows(threads, bytemuck::cast_slice_mut::<_, f32>(inside), p.n, |i, inside| {
            inside.iter_mut().enumerate().for_each(|(j, inside)| *inside = f32::from(u8::from(level(i, j).1)));
        });
    }
}

impl Op for FakeQuantize {
    fn name(&self) -> &'static str {
        "fake_quantize"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        expect_floats("fake_quantize", inputs, 1 + usize::from(self.format.levels == Levels::Nf4))?;
        self.format.check()?;
        if inputs[0].shape.len() != 2 {
            return Err(shape_error("fake_quantize", "the weights must be [k, n]", inputs));
        }
        Ok(vec![float(&inputs[0].shape); 2])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        self.run(cpu, 1);
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        self.run(cpu, cpu.threads);
        true
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let p = self.packing(&gpu.inputs[0].shape);
        let steps = p.steps().iter().product();
        vec![3 * p.groups * p.n, steps, steps]
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let p = self.packing(&gpu.inputs[0].shape);
        let (lowest, highest) = self.format.levels.codes();
        let (steps, zeros) = (Bind::Scratch(1), Bind::Scratch(2));
        let table = Bind::Input(gpu.inputs.len() - 1);
        let [ranges, find] = measure(&p, Bind::Input(0), Bind::Scratch(0), steps, zeros);
        let bindings = [Bind::Input(0), steps, zeros, table, Bind::Output(0), Bind::Output(1)];
        vec![
            ranges,
            find,
            Dispatch::new(&shaders::FAKE_QUANTIZE, &bindings)
                .u("k", p.k)
                .u("n", p.n)
                .u("stride", p.stride)
                .u("group", p.group)
                .u("whole", usize::from(self.format.granularity == Granularity::Tensor))
                .u("kind", self.format.levels.number())
                .f("zero", self.format.levels.zero())
                .f("lowest", lowest)
                .f("highest", highest)
                .invocations(p.k * p.n),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        // y = level nearest to w; dw = dy where it is inside
        let mut grads = vec![None; ask.inputs.len()];
        if let Some(dy) = ask.grads[0] {
            grads[0] = Some(g.mul(dy, ask.outputs[1])?);
        }
        Ok(grads)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        10 * inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// What a matrix `[k, n]` would be after quantising; gradients pass straight through.
    pub fn fake_quantize(&mut self, w: Tensor, format: Format) -> Result<Tensor> {
        Ok(self.fake_quantize_with(w, format)?.0)
    }

    /// The same, and 1 where a weight was not clamped.
    pub fn fake_quantize_with(&mut self, w: Tensor, format: Format) -> Result<(Tensor, Tensor)> {
        let table = table(self, format)?;
        let inputs: Vec<Tensor> = [Some(w), table].into_iter().flatten().collect();
        let out = self.apply(FakeQuantize { format }, &inputs)?;
        Ok((out[0], out[1]))
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "fake_quantize",
        summary: "y = dequantize(quantize(w)), gradients straight through where inside = 1",
        inputs: &[("w", "[k, n]")],
        attrs: &[("format", "as in quantize (default int4/group32)")],
        build: |g, inputs, attrs| {
            let format = attr::<String>(attrs, "format", "int4/group32".into())?.parse()?;
            let (y, inside) = g.fake_quantize_with(inputs.get("w")?, format)?;
            Ok(vec![("y", y), ("inside", inside)])
        },
        cases: || {
            // No gradients here: a straight-through gradient is not what finite differences find. `tests/quant.rs` has them.
            let mut make = Make::new(1900);
            let mut cases = Vec::new();
            for (i, format) in FORMATS.into_iter().enumerate() {
                let shape = [[77, 7], [1, 1], [32, 4], [33, 21], [160, 13]][i % 5];
                let case = Case::new(format!("{format} of {shape:?}"), vec![("w", make.normal(&shape))]);
                cases.push(case.attr("format", format).tolerance(Tolerance::EXACT));
            }
            for (label, w) in [
                ("zeros", make.constant(&[40, 3], 0.0)),
                ("all equal", make.constant(&[40, 3], -2.5)),
                ("large", make.floats(&[40, 3], 1e30, 0.0)),
            ] {
                for format in ["int4/group32", "uint3/channel", "nf4/tensor", "ternary/channel", "int1/tensor"] {
                    let case = Case::new(format!("{format}, {label}"), vec![("w", w.clone())]);
                    cases.push(case.attr("format", format).tolerance(Tolerance::EXACT));
                }
            }
            cases
        },
    }]
}
