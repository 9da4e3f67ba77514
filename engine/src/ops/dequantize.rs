//! What packed weights stand for: `w[i, j] = (code[i, j] - zero) step`, or `table[code] step` for NF4.
//!
//! packed: integers `[rows, stride]`; steps, zeros: `[groups, stride]` or `[1, 1]`; w: `[k, n]`; layout as in [`crate::quant`].

use super::{
    Bind, Case, Cpu, CpuInput, Dispatch, Entry, Gpu, Make, Op, QuantizedTensor, Tolerance, attr, float, for_rows,
    quantize::{FORMATS, expect_packed},
    shape_error,
};
use crate::{
    DType, Error, Graph, HostTensor, Meta, Result, Shape, Tensor,
    cpu::Packed,
    graph::Backward,
    quant::{self, Format, Granularity, Levels, Packing},
};

#[derive(Debug, Clone)]
struct Dequantize {
    packing: Packing,
}

/// The packed matrix that lies in a row of inputs.
pub(super) fn packed<'a>(packing: Packing, inputs: &[CpuInput<'a>]) -> Packed<'a> {
    Packed {
        packing,
        words: inputs[0].u32(),
        steps: inputs[1].f32(),
        zeros: packing.has_zeros().then(|| inputs[2].f32()),
    }
}

/// Where zeros and table lie among inputs that start at `first` with the codes; what is not there is stood in for by steps.
pub(super) fn extras(packing: &Packing, first: usize) -> (Bind, Bind) {
    let steps = Bind::Input(first + 1);
    match packing.format.levels {
        Levels::ZeroPoint(_) => (Bind::Input(first + 2), steps),
        Levels::Nf4 => (steps, Bind::Input(first + 2)),
        _ => (steps, steps),
    }
}

impl Op for Dequantize {
    fn name(&self) -> &'static str {
        "dequantize"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        if inputs.len() != expect_packed("dequantize", &self.packing, inputs)? {
            return Err(shape_error("dequantize", "too many inputs", inputs));
        }
        Ok(vec![float(&Shape::new(&[self.packing.k, self.packing.n])?)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, w) = cpu.split(0);
        let (p, q) = (&self.packing, packed(self.packing, inputs));
        for (at, w) in w.iter_mut().enumerate() {
            let (i, j) = (at / p.n, at % p.n);
            let step = p.step_at(i, j);
            let zero = q.zeros.map_or(p.format.levels.zero(), |zeros| zeros[step]);
            *w = quant::value(p.format.levels, p.code(q.words, i, j), q.steps[step], zero);
        }
    }

    fn fast(&self, cpu: &mut Cpu<'_>) -> bool {
        let threads = cpu.threads;
        let (inputs, w) = cpu.split(0);
        let q = packed(self.packing, inputs);
        for_rows(threads, w, self.packing.n, |i, row| q.dequantize_row(i, row));
        true
    }

    fn gpu(&self, _gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let p = &self.packing;
        let (zeros, table) = extras(p, 0);
        vec![
            Dispatch::new(&shaders::DEQUANTIZE, &[Bind::Input(0), Bind::Input(1), zeros, table, Bind::Output(0)])
                .v("planes", p.planes)
                .u("k", p.k)
                .u("n", p.n)
                .u("stride", p.stride)
                .u("blocks", p.blocks)
                .u("group", p.group)
                .u("whole", usize::from(p.format.granularity == Granularity::Tensor))
                .u("kind", p.format.levels.number())
                .f("zero", p.format.levels.zero())
                .invocations(p.k * p.n),
        ]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "dequantize", reason: "codes are whole numbers; train with fake_quantize" })
    }

    fn flops(&self, _inputs: &[Meta], outputs: &[Meta]) -> u64 {
        2 * outputs[0].shape.count() as u64
    }
}

impl Graph {
    /// The matrix `[k, n]` that packed weights stand for.
    pub fn dequantize(&mut self, q: &QuantizedTensor) -> Result<Tensor> {
        let inputs = q.tensors(self)?;
        self.apply1(Dequantize { packing: q.packing }, &inputs)
    }
}

/// The packed matrix named among the inputs of a call, of `k` inputs and `n` columns.
pub(super) fn named(
    g: &Graph,
    inputs: &super::Inputs,
    attrs: &super::Attrs,
    k: Option<usize>,
) -> Result<QuantizedTensor> {
    let format: Format = attr::<String>(attrs, "format", "int4/group32".into())?.parse()?;
    let packed = inputs.get("packed")?;
    if g.shape(packed).len() != 2 || g.meta(packed).dtype != DType::U32 {
        return Err(g.shape_error("dequantize", "the codes must be integers [rows, stride]", &[packed]));
    }
    let stride = g.shape(packed).last();
    let k = match k {
        Some(k) => k,
        None => attr(attrs, "k", g.shape(packed)[0] / format.levels.bits() as usize * quant::BLOCK)?,
    };
    let n = attr(attrs, "n", stride)?;
    if k == 0 || n == 0 {
        return Err(Error::data("n", "no matrix is empty"));
    }
    let zeros = inputs.optional("zeros");
    Ok(QuantizedTensor { packed, steps: inputs.get("steps")?, zeros, packing: format.packing([k, n]) })
}

/// Inputs of a case: a random matrix, quantised.
pub(super) fn case_inputs(make: &mut Make, shape: [usize; 2], format: &str) -> Vec<(&'static str, HostTensor)> {
    let format: Format = format.parse().expect("the cases' formats are valid");
    let w = make.normal(&shape);
    let q = quant::quantize(w.as_f32().expect("floats"), shape, format).expect("the cases' shapes are valid");
    let steps = q.packing.steps();
    let tensor = |data: Vec<f32>| HostTensor::f32(&steps, data).expect("the packing's shape");
    let packed = HostTensor::u32(&[q.packing.rows(), q.packing.stride], q.packed).expect("the packing's shape");
    let mut out = vec![("packed", packed), ("steps", tensor(q.scales))];
    out.extend(q.zeros.map(|zeros| ("zeros", tensor(zeros))));
    out
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "dequantize",
        summary: "w = (code - zero) step, or table[code] step",
        inputs: &[
            ("packed", "integers [rows, stride]"),
            ("steps", "[groups, stride], or [1, 1] for the whole matrix"),
            ("zeros", "as steps, where the format has a zero point"),
        ],
        attrs: &[
            ("format", "as in quantize (default int4/group32)"),
            ("k", "inputs (default: all that were packed)"),
            ("n", "columns (default: stride)"),
        ],
        build: |g, inputs, attrs| {
            let q = named(g, inputs, attrs, None)?;
            Ok(vec![("w", g.dequantize(&q)?)])
        },
        cases: || {
            let mut make = Make::new(1800);
            let mut cases = Vec::new();
            for (i, format) in FORMATS.into_iter().enumerate() {
                let shape = [[77, 7], [1, 1], [32, 4], [33, 21], [160, 13]][i % 5];
                let case = Case::new(format!("{format} of {shape:?}"), case_inputs(&mut make, shape, format));
                cases.push(
                    case.attr("format", format).attr("k", shape[0]).attr("n", shape[1]).tolerance(Tolerance::EXACT),
                );
            }
            cases
        },
    }]
}
