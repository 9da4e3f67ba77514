//! A graph of static-shape tensors. Model code builds it, [`Graph::gradients`] extends it, a
//! [`Program`](crate::Program) runs it.

mod grad;
mod view;

use std::sync::Arc;

use crate::{Error, HostTensor, Meta, Result, Shape, ops::Op};
pub use grad::Backward;
pub use view::View;

/// A tensor of a graph: a handle, cheap to copy, meaningful in its own graph only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Tensor(pub(crate) u32);

impl Tensor {
    /// Its number in the graph, in order of creation.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A tensor's description.
#[derive(Clone, Debug)]
pub struct Value {
    /// Shape and type.
    pub meta: Meta,
    /// The node that makes it.
    pub node: usize,
    /// A name for people: given by [`Graph::name`], else empty.
    pub name: String,
}

/// What makes a tensor.
#[derive(Clone, Debug)]
pub enum Source {
    /// Written by the host before a run.
    Input(String),
    /// Kept in a [`Store`](crate::Store) between runs and shared between programs.
    Variable(String),
    /// Fixed when the graph is built.
    Constant(Arc<HostTensor>),
    /// Another way to look at a tensor: no work, no memory.
    View(View),
    /// Computed.
    Op(Arc<dyn Op>),
}

/// One step of a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub source: Source,
    /// What it reads.
    pub inputs: Vec<Tensor>,
    /// What it makes; empty for an op that only updates variables.
    pub outputs: Vec<Tensor>,
    /// The scope it was built in, such as `block1/attention`.
    pub scope: String,
}

impl Node {
    /// The op's name, or `input`, `variable`, `constant`, `view`.
    pub fn op_name(&self) -> &'static str {
        match &self.source {
            Source::Input(_) => "input",
            Source::Variable(_) => "variable",
            Source::Constant(_) => "constant",
            Source::View(_) => "view",
            Source::Op(op) => op.name(),
        }
    }
}

/// A graph under construction.
#[derive(Clone, Default, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    values: Vec<Value>,
    scopes: Vec<String>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nodes in order of creation, which is an order they can run in.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The description of a tensor.
    pub fn value(&self, t: Tensor) -> &Value {
        &self.values[t.index()]
    }

    /// All tensors, in order of creation.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor> + use<> {
        (0..self.values.len() as u32).map(Tensor)
    }

    /// Shape and type of a tensor.
    pub fn meta(&self, t: Tensor) -> &Meta {
        &self.values[t.index()].meta
    }

    /// The shape of a tensor.
    pub fn shape(&self, t: Tensor) -> &Shape {
        &self.values[t.index()].meta.shape
    }

    /// Names a tensor for people who will look at the graph.
    pub fn name(&mut self, t: Tensor, name: impl Into<String>) -> Tensor {
        self.values[t.index()].name = name.into();
        t
    }

    /// The tensor of that name, the latest if several bear it.
    pub fn named(&self, name: &str) -> Option<Tensor> {
        self.values.iter().rposition(|v| v.name == name).map(|i| Tensor(i as u32))
    }

    /// Builds in a scope: nodes made by `build` bear `name` in their path.
    pub fn scope<T>(&mut self, name: impl Into<String>, build: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(name.into());
        let out = build(self);
        self.scopes.pop();
        out
    }

    /// A float tensor that the host writes.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.leaf(Source::Input(name.into()), name, Meta::f32(shape)?)
    }

    /// An integer tensor that the host writes.
    pub fn input_u32(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.leaf(Source::Input(name.into()), name, Meta::u32(shape)?)
    }

    /// A float tensor that lives in a store. The same name is the same tensor, and must keep its shape.
    pub fn variable(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let known = self.nodes.iter().find(|n| matches!(&n.source, Source::Variable(known) if known == name));
        if let Some(t) = known.map(|n| n.outputs[0]) {
            if **self.shape(t) != *shape {
                return Err(self.shape_error("variable", format!("{name} cannot also be {shape:?}"), &[t]));
            }
            return Ok(t);
        }
        self.leaf(Source::Variable(name.into()), name, Meta::f32(shape)?)
    }

    /// A tensor fixed now.
    pub fn constant(&mut self, value: HostTensor) -> Result<Tensor> {
        let meta = value.meta();
        self.leaf(Source::Constant(Arc::new(value)), "", meta)
    }

    /// One number.
    pub fn scalar(&mut self, value: f32) -> Result<Tensor> {
        self.constant(HostTensor::f32(&[1], vec![value])?)
    }

    fn leaf(&mut self, source: Source, name: &str, meta: Meta) -> Result<Tensor> {
        let out = self.push(source, vec![], vec![meta]);
        Ok(self.name(out[0], name))
    }

    /// Appends an op after its shape rule has agreed.
    pub fn apply(&mut self, op: impl Op + 'static, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let metas: Vec<Meta> = inputs.iter().map(|&t| self.meta(t).clone()).collect();
        let outputs = op.infer(&metas)?;
        Ok(self.push(Source::Op(Arc::new(op)), inputs.to_vec(), outputs))
    }

    /// Appends an op that makes one tensor.
    pub fn apply1(&mut self, op: impl Op + 'static, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(self.apply(op, inputs)?[0])
    }

    fn push(&mut self, source: Source, inputs: Vec<Tensor>, metas: Vec<Meta>) -> Vec<Tensor> {
        let node = self.nodes.len();
        let outputs: Vec<Tensor> = metas
            .into_iter()
            .map(|meta| {
                self.values.push(Value { meta, node, name: String::new() });
                Tensor(self.values.len() as u32 - 1)
            })
            .collect();
        self.nodes.push(Node { source, inputs, outputs: outputs.clone(), scope: self.scopes.join("/") });
        outputs
    }

    /// An error of `op` about these tensors.
    pub fn shape_error(&self, op: &'static str, message: impl Into<String>, inputs: &[Tensor]) -> Error {
        Error::Shape { op, message: message.into(), shapes: inputs.iter().map(|&t| self.shape(t).clone()).collect() }
    }
}
