//! A safe door to the `gemm` crate: strided f32 matrix products.

use gemm::Parallelism;

/// A strided matrix in a slice: element `(r, c)` is `data[offset + r * row + c * col]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub data: &'a [f32],
    pub offset: usize,
    pub row: usize,
    pub col: usize,
}

impl Matrix<'_> {
    fn holds(&self, rows: usize, cols: usize) -> bool {
        self.offset + (rows - 1) * self.row + (cols - 1) * self.col < self.data.len()
    }
}

/// `c = alpha a b`, with `a` of m x k, `b` of k x n and `c` of m x n, row-major and contiguous.
pub(crate) fn gemm(
    m: usize,
    n: usize,
    k: usize,
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: &mut [f32],
    threads: usize,
) {
    product(m, n, k, alpha, a, b, c, false, threads);
}

/// `c = c + alpha a b`, shapes as in [`gemm`].
pub(crate) fn gemm_add(
    m: usize,
    n: usize,
    k: usize,
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: &mut [f32],
    threads: usize,
) {
    product(m, n, k, alpha, a, b, c, true, threads);
}

#[allow(unsafe_code)]
fn product(
    m: usize,
    n: usize,
    k: usize,
    alpha: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: &mut [f32],
    add: bool,
    threads: usize,
) {
    assert!(m > 0 && n > 0 && k > 0, "no matrix is empty");
    assert!(a.holds(m, k) && b.holds(k, n) && c.len() == m * n, "the operands hold what is asked of them");
    let parallelism = match threads {
        #[cfg(not(target_arch = "wasm32"))]
        t if t > 1 => Parallelism::Rayon(t),
        _ => Parallelism::None,
    };
    // SAFETY: the assertions above bound every element the call reads or writes: rows, columns and strides are
    // non-negative, so the last element of each operand is its furthest. `c` is borrowed alone. Its old contents,
    // which are initialised, count where `add` is set and are not used elsewhere.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.data.as_ptr().add(a.offset),
            a.col as isize,
            a.row as isize,
            b.data.as_ptr().add(b.offset),
            b.col as isize,
            b.row as isize,
            1.0,
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}
