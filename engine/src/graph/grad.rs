//! Reverse-mode differentiation, from graph to graph: the gradient is more nodes, so every piece of it can be
//! looked at, planned and timed like the rest.

use std::collections::HashMap;

use super::{Graph, Source, Tensor, View};
use crate::{DType, Error, HostTensor, Result, ops::Reduction};

/// What an op is told when its backward is wanted.
#[derive(Debug)]
pub struct Backward<'a> {
    /// What the forward node read.
    pub inputs: &'a [Tensor],
    /// What it made.
    pub outputs: &'a [Tensor],
    /// The loss's gradient with respect to each output, where there is one.
    pub grads: &'a [Option<Tensor>],
    /// Which inputs a gradient is wanted for.
    pub wanted: &'a [bool],
}

impl Backward<'_> {
    /// The gradient of the first output; the graph only asks ops with at least one.
    pub fn grad(&self) -> Result<Tensor> {
        self.grads
            .iter()
            .flatten()
            .copied()
            .next()
            .ok_or(Error::NoGradient { op: "backward", reason: "no output of the node reaches the loss" })
    }
}

/// A gradient on its way to a tensor: of the whole, or of a range of one axis.
#[derive(Clone, Copy)]
enum Part {
    Whole(Tensor),
    Range { axis: usize, start: usize, grad: Tensor },
}

impl Graph {
    /// Appends the gradient of `loss` (one number) with respect to each of `wrt`, in their order.
    ///
    /// A tensor that the loss does not depend on gets a gradient of zeros.
    pub fn gradients(&mut self, loss: Tensor, wrt: &[Tensor]) -> Result<Vec<Tensor>> {
        if self.shape(loss).count() != 1 {
            return Err(self.shape_error("gradients", "the loss must be one number", &[loss]));
        }
        let end = self.nodes.len();
        let mut depends = vec![false; self.values.len()];
        for &t in wrt {
            depends[t.index()] = true;
        }
        for node in &self.nodes {
            if node.inputs.iter().any(|t| depends[t.index()]) {
                for out in &node.outputs {
                    depends[out.index()] |= self.values[out.index()].meta.dtype == DType::F32;
                }
            }
        }
        let mut parts: HashMap<Tensor, Vec<Part>> = HashMap::new();
        let one = self.constant(HostTensor::f32(self.shape(loss), vec![1.0])?)?;
        parts.insert(loss, vec![Part::Whole(one)]);
        let mut done: HashMap<Tensor, Tensor> = HashMap::new();

        for at in (0..end).rev() {
            let node = self.nodes[at].clone();
            if !node.outputs.iter().any(|t| parts.contains_key(t)) {
                continue;
            }
            let forward_scope = std::mem::replace(&mut self.scopes, vec![node.scope.clone(), "backward".into()]);
            let mut grads = Vec::new();
            for &out in &node.outputs {
                let grad = match parts.remove(&out) {
                    Some(list) => Some(self.join(out, list)?),
                    None => None,
                };
                if let Some(grad) = grad {
                    done.insert(out, grad);
                }
                grads.push(grad);
            }
            let wanted: Vec<bool> = node.inputs.iter().map(|t| depends[t.index()]).collect();
            match &node.source {
                _ if !wanted.contains(&true) => {}
                Source::Op(op) => {
                    let ask = Backward { inputs: &node.inputs, outputs: &node.outputs, grads: &grads, wanted: &wanted };
                    let back = op.backward(self, &ask)?;
                    for ((&input, grad), wanted) in node.inputs.iter().zip(back).zip(&wanted) {
                        if let (Some(grad), true) = (grad, *wanted) {
                            debug_assert_eq!(self.shape(grad), self.shape(input), "{}", op.name());
                            parts.entry(input).or_default().push(Part::Whole(grad));
                        }
                    }
                }
                Source::View(view) => {
                    if let Some(grad) = grads[0] {
                        let input = node.inputs[0];
                        let part = self.view_backward(view, input, grad)?;
                        parts.entry(input).or_default().push(part);
                    }
                }
                Source::Input(_) | Source::Variable(_) | Source::Constant(_) => {}
            }
            self.scopes = forward_scope;
        }
        wrt.iter()
            .map(|&t| match done.get(&t) {
                Some(&grad) => Ok(grad),
                None => {
                    let zero = self.scalar(0.0)?;
                    let shape = self.shape(t).to_vec();
                    self.expand(zero, &shape)
                }
            })
            .collect()
    }

    fn view_backward(&mut self, view: &View, input: Tensor, grad: Tensor) -> Result<Part> {
        let shape = self.shape(input).to_vec();
        Ok(match view {
            View::Reshape(_) => Part::Whole(self.reshape(grad, &shape)?),
            View::Permute(order) => {
                let mut inverse = vec![0; order.len()];
                for (i, &a) in order.iter().enumerate() {
                    inverse[a] = i;
                }
                Part::Whole(self.permute(grad, &inverse)?)
            }
            View::Slice { axis, start, .. } => Part::Range { axis: *axis, start: *start, grad },
            View::Expand(_) => Part::Whole(self.sum_to(grad, &shape)?),
        })
    }

    /// Sums over the axes that broadcasting from `shape` repeated.
    pub fn sum_to(&mut self, x: Tensor, shape: &[usize]) -> Result<Tensor> {
        let from = self.shape(x).to_vec();
        let lead = from.len() - shape.len();
        let repeated = |a: usize| a < lead || (shape[a - lead] == 1 && from[a] != 1);
        // Neighbouring repeated axes are summed at once: [outer, summed, inner] for each run.
        let mut current = x;
        let mut inner = 1;
        let mut a = from.len();
        while a > 0 {
            if !repeated(a - 1) {
                inner *= from[a - 1];
                a -= 1;
                continue;
            }
            let mut summed = 1;
            while a > 0 && repeated(a - 1) {
                summed *= from[a - 1];
                a -= 1;
            }
            let outer = from[..a].iter().product::<usize>();
            let flat = self.reshape(current, &[outer, summed, inner])?;
            current = self.reduce(flat, 1, Reduction::Sum)?;
        }
        self.reshape(current, shape)
    }

    /// One gradient out of the parts that reached a tensor.
    fn join(&mut self, t: Tensor, mut parts: Vec<Part>) -> Result<Tensor> {
        let shape = self.shape(t).to_vec();
        // Ranges that tile one axis are put side by side, which moves each element once.
        if let Some(axis) = tiled_axis(self, &parts, &shape) {
            parts.sort_by_key(|p| if let Part::Range { start, .. } = p { *start } else { 0 });
            let list: Vec<Tensor> = parts
                .iter()
                .map(|p| match *p {
                    Part::Range { grad, .. } | Part::Whole(grad) => grad,
                })
                .collect();
            return self.concat(&list, axis);
        }
        let mut total = None;
        for part in parts {
            let whole = match part {
                Part::Whole(grad) => grad,
                Part::Range { axis, start, grad } => {
                    let len = self.shape(grad)[axis];
                    self.pad(grad, axis, start, shape[axis] - start - len)?
                }
            };
            total = Some(match total {
                None => whole,
                Some(sum) => self.add(sum, whole)?,
            });
        }
        total.ok_or(Error::NoGradient { op: "join", reason: "nothing reached the tensor" })
    }
}

fn tiled_axis(g: &Graph, parts: &[Part], shape: &[usize]) -> Option<usize> {
    let mut ranges = Vec::new();
    for part in parts {
        let Part::Range { axis, start, grad } = *part else { return None };
        ranges.push((axis, start, g.shape(grad)[axis]));
    }
    let axis = ranges.first()?.0;
    if ranges.len() < 2 || ranges.iter().any(|r| r.0 != axis) {
        return None;
    }
    ranges.sort_by_key(|r| r.1);
    let mut end = 0;
    for (_, start, len) in ranges {
        if start != end {
            return None;
        }
        end += len;
    }
    (end == shape[axis]).then_some(axis)
}
