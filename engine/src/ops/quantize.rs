//! Quantising a weight matrix: `code[i, j] = round(w[i, j] / step) + zero`, packed; formats and layout as in
//! [`crate::quant`].
//!
//! w: `[k, n]`; packed: integers `[rows, stride]`; steps and zeros: `[groups, stride]`, or `[1, 1]` for the whole matrix.
//! Every executor gives equal bits: ranges are added in the order of the inputs, and products decide the rounding.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, attr, expect_floats, float, shape_error};
use crate::{
    Error, Graph, HostTensor, Meta, Result, Shape, Tensor,
    graph::Backward,
    quant::{self, Format, Granularity, Levels, NF4, Packing, Quantized},
};

/// A quantised matrix in a graph.
#[derive(Clone, Copy, Debug)]
pub struct QuantizedTensor {
    /// The codes.
    pub packed: Tensor,
    /// The steps.
    pub steps: Tensor,
    /// The zeros, for formats with a zero point.
    pub zeros: Option<Tensor>,
    /// Where everything lies.
    pub packing: Packing,
}

impl QuantizedTensor {
    /// Its tensors as the kernels take them, with NF4's table where it is needed.
    pub(super) fn tensors(&self, g: &mut Graph) -> Result<Vec<Tensor>> {
        let table = table(g, self.packing.format)?;
        Ok([Some(self.packed), Some(self.steps), self.zeros, table].into_iter().flatten().collect())
    }
}

/// NF4's levels as a tensor, for formats that need them.
pub(super) fn table(g: &mut Graph, format: Format) -> Result<Option<Tensor>> {
    let table = || HostTensor::f32(&[16], NF4.to_vec());
    (format.levels == Levels::Nf4).then(|| g.constant(table()?)).transpose()
}

/// Shapes of packed, steps and, where there are any, zeros.
fn metas(packing: &Packing) -> Result<Vec<Meta>> {
    let steps = float(&Shape::new(&packing.steps())?);
    let mut list = vec![Meta::u32(&[packing.rows(), packing.stride])?, steps.clone()];
    list.extend(packing.has_zeros().then_some(steps));
    Ok(list)
}

/// Checks that packed, steps and zeros are those of a packing, and how many inputs they are with NF4's table.
pub(super) fn expect_packed(op: &'static str, packing: &Packing, inputs: &[Meta]) -> Result<usize> {
    let mut wanted = metas(packing)?;
    if packing.format.levels == Levels::Nf4 {
        wanted.push(Meta::f32(&[16])?);
    }
    if inputs.len() < wanted.len() || inputs.iter().zip(&wanted).any(|(a, b)| a != b) {
        let shapes: Vec<String> = wanted.iter().map(|m| format!("{:?} {}", m.dtype, m.shape)).collect();
        let what = format!("a [{}, {}] matrix in {} is {}", packing.k, packing.n, packing.format, shapes.join(", "));
        return Err(shape_error(op, what, inputs));
    }
    Ok(wanted.len())
}

/// The matrix and its format, checked.
fn expect_matrix(op: &'static str, format: Format, inputs: &[Meta]) -> Result<Packing> {
    expect_floats(op, inputs, 1 + usize::from(format.levels == Levels::Nf4))?;
    format.check()?;
    let [k, n] = *inputs[0].shape else {
        return Err(shape_error(op, "the weights must be [k, n]", inputs));
    };
    Ok(format.packing([k, n]))
}

/// The launches that find steps and zeros of `w`, in three buffers.
pub(super) fn measure(packing: &Packing, w: Bind, ranges: Bind, steps: Bind, zeros: Bind) -> [Dispatch; 2] {
    let levels = packing.format.levels;
    let whole = packing.format.granularity == Granularity::Tensor;
    let last = packing.k - (packing.groups - 1) * packing.group;
    let count = if whole { packing.k * packing.n } else { packing.group.min(packing.k) };
    let [rows, columns] = packing.steps();
    [
        Dispatch::new(&shaders::QUANTIZE_RANGES, &[w, ranges])
            .u("k", packing.k)
            .u("n", packing.n)
            .u("group", packing.group)
            .u("groups", packing.groups)
            .invocations(packing.groups * packing.n),
        Dispatch::new(&shaders::QUANTIZE_STEPS, &[ranges, steps, zeros])
            .u("groups", packing.groups)
            .u("n", packing.n)
            .u("stride", packing.stride)
            .u("whole", usize::from(whole))
            .u("kind", levels.number())
            .f("factor", levels.factor(count))
            .f("last_factor", levels.factor(if whole { count } else { last }))
            .invocations(rows * columns),
    ]
}

#[derive(Debug, Clone)]
struct Quantize {
    format: Format,
}

impl Op for Quantize {
    fn name(&self) -> &'static str {
        "quantize"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        metas(&expect_matrix("quantize", self.format, inputs)?)
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let [k, n] = [cpu.inputs[0].layout.shape[0], cpu.inputs[0].layout.shape[1]];
        let q = quant::pack(cpu.inputs[0].f32(), self.format.packing([k, n]));
        cpu.outputs[0].copy_from_slice(&q.packed);
        cpu.outputs[1].copy_from_slice(bytemuck::cast_slice(&q.scales));
        if let Some(zeros) = &q.zeros {
            cpu.outputs[2].copy_from_slice(bytemuck::cast_slice(zeros));
        }
    }

    fn scratch(&self, gpu: &Gpu<'_>) -> Vec<usize> {
        let p = self.format.packing([gpu.inputs[0].shape[0], gpu.inputs[0].shape[1]]);
        // The second stands in for zeros that are not stored.
        vec![3 * p.groups * p.n, 4]
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let p = self.format.packing([gpu.inputs[0].shape[0], gpu.inputs[0].shape[1]]);
        let (lowest, highest) = self.format.levels.codes();
        let zeros = if p.has_zeros() { Bind::Output(2) } else { Bind::Scratch(1) };
        let table = Bind::Input(gpu.inputs.len() - 1);
        let [ranges, steps] = measure(&p, Bind::Input(0), Bind::Scratch(0), Bind::Output(1), zeros);
        let pack = [Bind::Input(0), Bind::Output(1), zeros, table, Bind::Output(0)];
        vec![
            ranges,
            steps,
            Dispatch::new(&shaders::QUANTIZE_PACK, &pack)
                .v("planes", p.planes)
                .u("k", p.k)
                .u("n", p.n)
                .u("stride", p.stride)
                .u("blocks", p.blocks)
                .u("rows", p.rows())
                .u("group", p.group)
                .u("whole", usize::from(self.format.granularity == Granularity::Tensor))
                .u("kind", self.format.levels.number())
                .f("zero", self.format.levels.zero())
                .f("lowest", lowest)
                .f("highest", highest)
                .invocations(p.rows() * p.stride),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let reason = "codes are whole numbers, and do not move with the weights; fake_quantize passes gradients through";
        Err(Error::NoGradient { op: "quantize", reason })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        // Range: three; code: about five.
        8 * inputs[0].shape.count() as u64
    }
}

impl Graph {
    /// Quantises a matrix `[k, n]`.
    pub fn quantize(&mut self, w: Tensor, format: Format) -> Result<QuantizedTensor> {
        let table = table(self, format)?;
        let inputs: Vec<Tensor> = [Some(w), table].into_iter().flatten().collect();
        let out = self.apply(Quantize { format }, &inputs)?;
        let [k, n] = [self.shape(w)[0], self.shape(w)[1]];
        Ok(QuantizedTensor { packed: out[0], steps: out[1], zeros: out.get(2).copied(), packing: format.packing([k, n]) })
    }

    /// A matrix quantised on the host, as constants.
    pub fn quantized(&mut self, q: &Quantized) -> Result<QuantizedTensor> {
        let shape = q.packing.steps();
        let packed = HostTensor::u32(&[q.packing.rows(), q.packing.stride], q.packed.clone())?;
        let zeros = q.zeros.as_ref().map(|z| HostTensor::f32(&shape, z.clone())).transpose()?;
        Ok(QuantizedTensor {
            packed: self.constant(packed)?,
            steps: self.constant(HostTensor::f32(&shape, q.scales.clone())?)?,
            zeros: zeros.map(|z| self.constant(z)).transpose()?,
            packing: q.packing,
        })
    }
}

/// The formats that cases go through: every width, kind and granularity.
pub(super) const FORMATS: [&str; 19] = [
    "int1/tensor",
    "int1/group32",
    "int2/channel",
    "int3/group32",
    "int4/tensor",
    "int4/channel",
    "int4/group32",
    "int5/group16",
    "int6/group64",
    "int7/channel",
    "int8/channel",
    "int8/group128",
    "uint2/group16",
    "uint4/group32",
    "uint8/tensor",
    "ternary/tensor",
    "ternary/group64",
    "nf4/group64",
    "nf4/tensor",
];

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "quantize",
        summary: "packed codes, steps and zeros of w: code = round(w / step) + zero",
        inputs: &[("w", "[k, n]")],
        attrs: &[("format", "levels/granularity, as int4/group32, uint3/channel, nf4/group64, ternary/tensor (default int4/group32)")],
        build: |g, inputs, attrs| {
            let q = g.quantize(inputs.get("w")?, attr::<String>(attrs, "format", "int4/group32".into())?.parse()?)?;
            let mut out = vec![("packed", q.packed), ("steps", q.steps)];
            out.extend(q.zeros.map(|zeros| ("zeros", zeros)));
            Ok(out)
        },
        cases: || {
            let mut make = Make::new(1700);
            let mut cases = Vec::new();
            let exact = |case: Case, format: &str| case.attr("format", format).tolerance(Tolerance::EXACT);
            for (i, format) in FORMATS.into_iter().enumerate() {
                let shape = [[32, 4], [77, 7], [33, 5], [1, 1], [160, 13]][i % 5];
                let w = make.normal(&shape);
                cases.push(exact(Case::new(format!("{format} of {shape:?}"), vec![("w", w)]), format));
                // Small multiples of a quarter: whole rows of ties.
                let mut w = make.integers(&[64, 6], 17);
                let ties = w.as_u32().map_or(vec![], |v| v.iter().map(|&v| (v as f32 - 8.0) / 4.0).collect());
                w.data = crate::Data::F32(ties);
                cases.push(exact(Case::new(format!("{format}, ties"), vec![("w", w)]), format));
            }
            for format in ["int4/group32", "uint4/channel", "nf4/channel", "ternary/channel", "int1/channel"] {
                for (label, w) in [
                    ("zeros", make.constant(&[40, 3], 0.0)),
                    ("all equal", make.constant(&[40, 3], -2.5)),
                    ("large", make.floats(&[40, 3], 1e30, 0.0)),
                    ("tiny", make.floats(&[40, 3], 1e-32, 0.0)),
                    ("far from 0", make.floats(&[40, 3], 0.01, 3.0)),
                ] {
                    cases.push(exact(Case::new(format!("{format}, {label}"), vec![("w", w)]), format));
                }
            }
            cases
        },
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_shapes_are_named() {
        let mut g = Graph::new();
        let format = Format::new(Levels::Symmetric(4), Granularity::Group(32));
        let w = g.input("w", &[2, 3, 4]).expect("an input");
        let error = g.quantize(w, format).expect_err("three axes").to_string();
        assert!(error.contains("quantize") && error.contains("[2, 3, 4]"), "{error}");
        let w = g.input_u32("w", &[3, 4]).expect("an input");
        assert!(g.quantize(w, format).is_err());
        let wide = Format::new(Levels::Symmetric(9), Granularity::Tensor);
        let w = g.input("v", &[3, 4]).expect("an input");
        assert!(g.quantize(w, wide).expect_err("nine bits").to_string().contains("1 to 8"));
    }
}
