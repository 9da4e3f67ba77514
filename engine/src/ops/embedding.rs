//! Embedding: rows of a table picked by number, `y[.., c] = table[ids[..], c]` (Bengio, Ducharme, Vincent and Jauvin,
//! *A neural probabilistic language model*, 2003).
//!
//! table: `[v, d]`; ids: integers `[..]`, up to three axes; y: `[.., d]`. An id of v or more reads row v - 1, on both
//! executors: kernels cannot report errors, so whoever makes the ids checks them.

use super::{Bind, Case, Cpu, Dispatch, Entry, Gpu, Make, Op, Tolerance, float, shape_error};
use crate::{DType, Error, Graph, HostTensor, Meta, Result, Shape, Tensor, graph::Backward};

#[derive(Debug, Clone)]
struct Embedding;

impl Op for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let [table, ids] = inputs else {
            return Err(shape_error("embedding", "a table and ids are wanted", inputs));
        };
        if table.dtype != DType::F32 || table.shape.len() != 2 {
            return Err(shape_error("embedding", "the table must be floats [v, d]", inputs));
        }
        if ids.dtype != DType::U32 || ids.shape.len() > 3 {
            return Err(shape_error("embedding", "the ids must be integers with at most three axes", inputs));
        }
        Ok(vec![float(&Shape::new(&[&ids.shape[..], &[table.shape[1]]].concat())?)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, y) = cpu.split(0);
        let [rows, cols] = [inputs[0].layout.shape[0], inputs[0].layout.shape[1]];
        for (y, &id) in y.chunks_mut(cols).zip(inputs[1].u32()) {
            let row = (id as usize).min(rows - 1);
            y.copy_from_slice(&inputs[0].f32()[row * cols..(row + 1) * cols]);
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let table = &gpu.inputs[0].shape;
        let count = gpu.outputs[0].shape.count();
        vec![
            Dispatch::new(&shaders::EMBEDDING, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
                .u("rows", table[0])
                .u("cols", table[1])
                .u("count", count)
                .invocations(count),
        ]
    }

    fn backward(&self, g: &mut Graph, ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        let op = EmbeddingBackward { table: g.shape(ask.inputs[0]).clone() };
        Ok(vec![Some(g.apply1(op, &[ask.inputs[1], ask.grad()?])?), None])
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

/// `dtable[v, c] = sum over the n with ids[n] = v of dy[n, c]`, added in the order of the ids on both executors.
#[derive(Debug, Clone)]
struct EmbeddingBackward {
    table: Shape,
}

impl Op for EmbeddingBackward {
    fn name(&self) -> &'static str {
        "embedding_backward"
    }

    fn infer(&self, _inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![float(&self.table)])
    }

    fn twin(&self, cpu: &mut Cpu<'_>) {
        let (inputs, dtable) = cpu.split(0);
        let [rows, cols] = [self.table[0], self.table[1]];
        dtable.fill(0.0);
        for (&id, dy) in inputs[0].u32().iter().zip(inputs[1].f32().chunks(cols)) {
            let row = (id as usize).min(rows - 1);
            dtable[row * cols..(row + 1) * cols].iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
        }
    }

    fn gpu(&self, gpu: &Gpu<'_>) -> Vec<Dispatch> {
        let [rows, cols] = [self.table[0], self.table[1]];
        let column_blocks = cols.div_ceil(64);
        let alone = gpu.tier.software; // barriers are dear
        let kernel = if alone { &shaders::EMBEDDING_BACKWARD_REGISTER } else { &shaders::EMBEDDING_BACKWARD };
        let dispatch = Dispatch::new(kernel, &[Bind::Input(0), Bind::Input(1), Bind::Output(0)])
            .u("rows", rows)
            .u("cols", cols)
            .u("n", gpu.inputs[0].shape.count());
        vec![if alone {
            dispatch.invocations(cols)
        } else {
            dispatch.u("column_blocks", column_blocks).flat_groups(rows * column_blocks)
        }]
    }

    fn backward(&self, _g: &mut Graph, _ask: &Backward<'_>) -> Result<Vec<Option<Tensor>>> {
        Err(Error::NoGradient { op: "embedding_backward", reason: "second derivatives of embedding are not built" })
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[1].shape.count() as u64
    }
}

impl Graph {
    /// The rows of `table` `[v, d]` that `ids` `[..]` name: `[.., d]`. Ids must be below v; larger ones read row v - 1.
    pub fn embedding(&mut self, table: Tensor, ids: Tensor) -> Result<Tensor> {
        self.apply1(Embedding, &[table, ids])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    vec![Entry {
        name: "embedding",
        summary: "y[.., c] = table[ids[..], c]",
        inputs: &[("table", "[v, d]"), ("ids", "integers below v, up to three axes")],
        attrs: &[],
        build: |g, inputs, _| Ok(vec![("y", g.embedding(inputs.get("table")?, inputs.get("ids")?)?)]),
        cases: || {
            let mut make = Make::new(900);
            let mut cases = Vec::new();
            for (v, d, ids) in
                [(1, 1, &[1][..]), (5, 3, &[7]), (13, 67, &[2, 3, 11]), (3, 4, &[131]), (257, 2, &[2, 5])]
            {
                let inputs = vec![("table", make.normal(&[v, d])), ("ids", make.integers(ids, v as u32))];
                cases.push(
                    Case::new(format!("{v} rows of {d}, ids {ids:?}"), inputs)
                        .tolerance(Tolerance::EXACT)
                        .gradients(&["table"]),
                );
            }
            let same = HostTensor::u32(&[70], vec![2; 70]).expect("70 ids");
            cases.push(
                Case::new("one row 70 times", vec![("table", make.normal(&[4, 5])), ("ids", same)])
                    .tolerance(Tolerance::EXACT)
                    .gradients(&["table"]),
            );
            let beyond = HostTensor::u32(&[4], vec![0, 6, 7, u32::MAX]).expect("four ids");
            cases.push(
                Case::new("ids beyond the table", vec![("table", make.normal(&[7, 5])), ("ids", beyond)])
                    .tolerance(Tolerance::EXACT)
                    .gradients(&["table"]),
            );
            cases
        },
    }]
}
