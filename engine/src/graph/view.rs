//! Views: reshape, permute, slice, broadcast. They cost nothing where an op can read strides; elsewhere the plan
//! lays them out with one copy.

use super::{Graph, Source, Tensor};
use crate::{Layout, Meta, Result, Shape};

/// Another way to look at the same elements.
#[derive(Clone, PartialEq, Debug)]
pub enum View {
    /// The same elements in row-major order under another shape.
    Reshape(Shape),
    /// Axes in another order: axis `i` of the view is axis `order[i]` of the tensor.
    Permute(Vec<usize>),
    /// A range of one axis.
    Slice {
        /// The axis.
        axis: usize,
        /// Its first index.
        start: usize,
        /// How many.
        len: usize,
    },
    /// Axes of length 1 repeated, new axes in front.
    Expand(Shape),
}

impl View {
    /// The layout of this view of `base`; `None` where strides cannot express it and a copy must come first.
    pub fn of(&self, base: &Layout) -> Option<Layout> {
        match self {
            Self::Reshape(shape) => base.reshape(shape),
            Self::Permute(order) => Some(base.permute(order)),
            Self::Slice { axis, start, len } => Some(base.slice(*axis, *start, *len)),
            Self::Expand(shape) => Some(base.expand(shape)),
        }
    }
}

impl Graph {
    fn view(&mut self, x: Tensor, view: View, shape: Shape) -> Tensor {
        let meta = Meta { shape, dtype: self.meta(x).dtype };
        self.push(Source::View(view), vec![x], vec![meta])[0]
    }

    /// The same elements under another shape.
    pub fn reshape(&mut self, x: Tensor, shape: &[usize]) -> Result<Tensor> {
        let shape = Shape::new(shape)?;
        if shape.count() != self.shape(x).count() {
            return Err(self.shape_error(
                "reshape",
                format!("cannot become {shape}: another number of elements"),
                &[x],
            ));
        }
        if shape == *self.shape(x) {
            return Ok(x);
        }
        Ok(self.view(x, View::Reshape(shape.clone()), shape))
    }

    /// The axes in another order.
    pub fn permute(&mut self, x: Tensor, order: &[usize]) -> Result<Tensor> {
        let from = self.shape(x).clone();
        let mut seen = vec![false; from.len()];
        let valid = order.len() == from.len()
            && order.iter().all(|&a| a < from.len() && !std::mem::replace(&mut seen[a], true));
        if !valid {
            return Err(self.shape_error("permute", format!("{order:?} is not an order of its axes"), &[x]));
        }
        let shape = Shape::new(&order.iter().map(|&a| from[a]).collect::<Vec<_>>())?;
        Ok(self.view(x, View::Permute(order.to_vec()), shape))
    }

    /// The last two axes exchanged.
    pub fn transpose(&mut self, x: Tensor) -> Result<Tensor> {
        let axes = self.shape(x).len();
        if axes < 2 {
            return Err(self.shape_error("transpose", "two axes are wanted", &[x]));
        }
        let mut order: Vec<usize> = (0..axes).collect();
        order.swap(axes - 2, axes - 1);
        self.permute(x, &order)
    }

    /// `len` elements of one axis, from `start` on.
    pub fn slice(&mut self, x: Tensor, axis: usize, start: usize, len: usize) -> Result<Tensor> {
        let from = self.shape(x).clone();
        if axis >= from.len() || len == 0 || start.checked_add(len).is_none_or(|end| end > from[axis]) {
            let message = format!("{start}..{start}+{len} of axis {axis} lies outside");
            return Err(self.shape_error("slice", message, &[x]));
        }
        if len == from[axis] {
            return Ok(x);
        }
        let mut shape = from.to_vec();
        shape[axis] = len;
        Ok(self.view(x, View::Slice { axis, start, len }, Shape::new(&shape)?))
    }

    /// Axes of length 1 repeated and new axes put in front, to reach `shape`.
    pub fn expand(&mut self, x: Tensor, shape: &[usize]) -> Result<Tensor> {
        let shape = Shape::new(shape)?;
        let from = self.shape(x).clone();
        let fits =
            from.len() <= shape.len() && from.iter().rev().zip(shape.iter().rev()).all(|(&a, &b)| a == b || a == 1);
        if !fits {
            return Err(self.shape_error("expand", format!("cannot be repeated to {shape}"), &[x]));
        }
        if shape == from {
            return Ok(x);
        }
        Ok(self.view(x, View::Expand(shape.clone()), shape))
    }

    /// Both tensors repeated to the shape NumPy's rules give them.
    pub fn broadcast(&mut self, op: &'static str, a: Tensor, b: Tensor) -> Result<(Tensor, Tensor)> {
        let (sa, sb) = (self.shape(a).to_vec(), self.shape(b).to_vec());
        let axes = sa.len().max(sb.len());
        let at = |s: &[usize], i: usize| if i + s.len() < axes { 1 } else { s[i + s.len() - axes] };
        let mut shape = vec![0; axes];
        for i in 0..axes {
            let (x, y) = (at(&sa, i), at(&sb, i));
            if x != y && x != 1 && y != 1 {
                return Err(self.shape_error(op, format!("axis {i} has lengths {x} and {y}"), &[a, b]));
            }
            shape[i] = x.max(y);
        }
        Ok((self.expand(a, &shape)?, self.expand(b, &shape)?))
    }
}
