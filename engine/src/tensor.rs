//! Shapes, element types, strided layouts, and tensors on the host.

use std::{fmt, ops::Deref};

use crate::{Error, Result};

/// The most axes a tensor may have: what the kernels' index arithmetic carries.
pub const MAX_AXES: usize = 4;

/// The length of each axis; never empty of axes, no axis of length 0.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// A shape of one to four axes, each at least 1 long.
    pub fn new(axes: &[usize]) -> Result<Self> {
        let count: Option<usize> = axes.iter().try_fold(1usize, |n, &a| n.checked_mul(a));
        if axes.is_empty() || axes.len() > MAX_AXES || axes.contains(&0) || count.is_none_or(|n| n > u32::MAX as usize)
        {
            return Err(Error::Shape {
                op: "shape",
                message: format!(
                    "{axes:?} must have 1 to {MAX_AXES} axes, none of length 0, and fewer than 2^32 elements"
                ),
                shapes: vec![],
            });
        }
        Ok(Self(axes.to_vec()))
    }

    /// Elements in all.
    pub fn count(&self) -> usize {
        self.0.iter().product()
    }

    /// The length of the last axis.
    pub fn last(&self) -> usize {
        self.0[self.0.len() - 1]
    }

    /// Row-major strides.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.0.len()];
        for i in (0..self.0.len() - 1).rev() {
            strides[i] = strides[i + 1] * self.0[i + 1];
        }
        strides
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The type of a tensor's elements; both take four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 32-bit unsigned integer: token ids, positions, seeds.
    U32,
}

/// Shape and element type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meta {
    /// The shape.
    pub shape: Shape,
    /// The element type.
    pub dtype: DType,
}

impl Meta {
    /// A float tensor of that shape.
    pub fn f32(axes: &[usize]) -> Result<Self> {
        Ok(Self { shape: Shape::new(axes)?, dtype: DType::F32 })
    }
    /// An integer tensor of that shape.
    pub fn u32(axes: &[usize]) -> Result<Self> {
        Ok(Self { shape: Shape::new(axes)?, dtype: DType::U32 })
    }
}

/// Where the elements of a view lie in its storage: element `i` is at `offset + sum_a i[a] * strides[a]`.
///
/// A broadcast axis has stride 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The view's shape.
    pub shape: Shape,
    /// Words between neighbours along each axis.
    pub strides: Vec<usize>,
    /// Word of the first element.
    pub offset: usize,
}

impl Layout {
    /// Row-major from word 0.
    pub fn contiguous(shape: &Shape) -> Self {
        Self { strides: shape.strides(), shape: shape.clone(), offset: 0 }
    }

    /// Whether it is row-major from word 0 without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.offset == 0
            && self.shape.iter().zip(&self.strides).zip(self.shape.strides()).all(|((&n, &s), c)| n == 1 || s == c)
    }

    /// The same elements under another shape, if strides can express it.
    pub fn reshape(&self, shape: &Shape) -> Option<Self> {
        // Merge the old axes into runs whose elements are evenly spaced, then cut each run into new axes.
        let old: Vec<(usize, usize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|&(n, _)| n != 1).collect();
        let mut strides = vec![0; shape.len()];
        let (mut i, mut j) = (0, 0);
        while i < old.len() {
            let mut run = old[i].0;
            let mut end = i + 1;
            let mut start = j;
            let mut want = 1;
            while j < shape.len() && shape[j] == 1 {
                j += 1;
            }
            start = start.max(j);
            loop {
                while want < run && j < shape.len() {
                    want *= shape[j];
                    j += 1;
                }
                if want == run {
                    break;
                }
                if end == old.len() || old[end - 1].1 != old[end].1 * old[end].0 {
                    return None;
                }
                run *= old[end].0;
                end += 1;
            }
            let mut stride = old[end - 1].1;
            for axis in (start..j).rev() {
                strides[axis] = stride;
                stride *= shape[axis];
            }
            i = end;
        }
        Some(Self { shape: shape.clone(), strides, offset: self.offset })
    }

    /// The axes in another order.
    pub fn permute(&self, order: &[usize]) -> Self {
        Self {
            shape: Shape(order.iter().map(|&a| self.shape[a]).collect()),
            strides: order.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        }
    }

    /// `len` elements of one axis from `start` on.
    pub fn slice(&self, axis: usize, start: usize, len: usize) -> Self {
        let mut out = self.clone();
        out.shape.0[axis] = len;
        out.offset += start * self.strides[axis];
        out
    }

    /// Axes of length 1 repeated, and new axes put in front, to reach a shape.
    pub fn expand(&self, shape: &Shape) -> Self {
        let lead = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|a| if a < lead || self.shape[a - lead] != shape[a] { 0 } else { self.strides[a - lead] })
            .collect();
        Self { shape: shape.clone(), strides, offset: self.offset }
    }

    /// Shape and strides with axes of length 1 in front up to four, as the kernels want them.
    pub fn four(&self) -> ([u32; 4], [u32; 4]) {
        let lead = MAX_AXES - self.shape.len();
        let mut shape = [1; 4];
        let mut strides = [0; 4];
        for a in 0..self.shape.len() {
            shape[lead + a] = self.shape[a] as u32;
            strides[lead + a] = self.strides[a] as u32;
        }
        (shape, strides)
    }

    /// The storage words of the view's elements, in row-major order of the view.
    pub fn words(&self) -> impl Iterator<Item = usize> + '_ {
        let ([s0, s1, s2, s3], [t0, t1, t2, t3]) = self.four();
        (0..s0).flat_map(move |a| {
            (0..s1).flat_map(move |b| {
                (0..s2)
                    .flat_map(move |c| (0..s3).map(move |d| self.offset + (a * t0 + b * t1 + c * t2 + d * t3) as usize))
            })
        })
    }

    /// One past the last storage word the view touches.
    pub fn end(&self) -> usize {
        self.offset + 1 + self.shape.iter().zip(&self.strides).map(|(&n, &s)| (n - 1) * s).sum::<usize>()
    }
}

/// The elements of a host tensor.
#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    /// Floats.
    F32(Vec<f32>),
    /// Integers.
    U32(Vec<u32>),
}

/// A tensor in host memory, row-major.
#[derive(Clone, PartialEq, Debug)]
pub struct HostTensor {
    /// Shape.
    pub shape: Shape,
    /// Elements.
    pub data: Data,
}

impl HostTensor {
    /// A float tensor; errors if the number of elements is not the shape's.
    pub fn f32(axes: &[usize], data: Vec<f32>) -> Result<Self> {
        Self::new(axes, Data::F32(data))
    }

    /// An integer tensor; errors if the number of elements is not the shape's.
    pub fn u32(axes: &[usize], data: Vec<u32>) -> Result<Self> {
        Self::new(axes, Data::U32(data))
    }

    fn new(axes: &[usize], data: Data) -> Result<Self> {
        let shape = Shape::new(axes)?;
        let count = match &data {
            Data::F32(v) => v.len(),
            Data::U32(v) => v.len(),
        };
        if count != shape.count() {
            return Err(Error::data("tensor", format!("{count} elements do not fill shape {shape}")));
        }
        Ok(Self { shape, data })
    }

    /// Shape and element type.
    pub fn meta(&self) -> Meta {
        let dtype = match self.data {
            Data::F32(_) => DType::F32,
            Data::U32(_) => DType::U32,
        };
        Meta { shape: self.shape.clone(), dtype }
    }

    /// The floats; errors on an integer tensor.
    pub fn as_f32(&self) -> Result<&[f32]> {
        match &self.data {
            Data::F32(v) => Ok(v),
            Data::U32(_) => Err(Error::data("tensor", "holds integers, floats were asked for")),
        }
    }

    /// The integers; errors on a float tensor.
    pub fn as_u32(&self) -> Result<&[u32]> {
        match &self.data {
            Data::U32(v) => Ok(v),
            Data::F32(_) => Err(Error::data("tensor", "holds floats, integers were asked for")),
        }
    }

    /// The elements as 32-bit words.
    pub fn words(&self) -> &[u32] {
        match &self.data {
            Data::F32(v) => bytemuck::cast_slice(v),
            Data::U32(v) => v,
        }
    }

    /// A tensor of that type over 32-bit words.
    pub(crate) fn from_words(meta: &Meta, words: Vec<u32>) -> Self {
        let data = match meta.dtype {
            DType::F32 => Data::F32(bytemuck::cast_vec(words)),
            DType::U32 => Data::U32(words),
        };
        Self { shape: meta.shape.clone(), data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(axes: &[usize]) -> Shape {
        Shape::new(axes).expect("a valid shape")
    }

    #[test]
    fn reshape_of_a_view_keeps_the_order_of_elements() {
        let base = Layout::contiguous(&shape(&[2, 6, 3, 4]));
        let head = base.slice(1, 2, 4);
        for target in [vec![2, 2, 6, 4], vec![2, 12, 4], vec![2, 48], vec![2, 4, 12], vec![1, 2, 4, 12]] {
            let view = head.reshape(&shape(&target)).expect("expressible");
            assert!(view.words().eq(head.words()), "{target:?}");
        }
        assert!(head.reshape(&shape(&[8, 12])).is_none());
        let turned = base.permute(&[0, 2, 1, 3]);
        assert!(turned.reshape(&shape(&[2, 3, 24])).is_none());
        assert!(turned.reshape(&shape(&[6, 6, 4])).is_none());
        let merged = turned.reshape(&shape(&[2, 3, 3, 8])).is_none();
        assert!(merged);
    }

    #[test]
    fn broadcast_axes_do_not_move() {
        let row = Layout::contiguous(&shape(&[3]));
        let wide = row.expand(&shape(&[2, 3]));
        assert_eq!(wide.words().collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
        assert_eq!(wide.end(), 3);
        assert!(!wide.is_contiguous());
    }

    #[test]
    fn impossible_shapes_are_refused() {
        for axes in [&[][..], &[0], &[1, 2, 3, 4, 5], &[usize::MAX, 2], &[1 << 20, 1 << 20]] {
            assert!(Shape::new(axes).is_err(), "{axes:?}");
        }
    }
}
