// What the convolution kernels share: sizes, which input and weight a tap reads, and how a sum is finished.
//
// Output (row, col) sees through tap (i, j) the input at ((row stride + i dilation - pad) / spread, the same of col), where
// that is a whole number inside. Forward, spread is 1. Backward, the outputs' gradients are the input, spread is the
// forward stride, for between them lie `stride - 1` zeros, stride is 1, and the taps are flipped.
struct Params {
    batch: u32, channels: u32, height: u32, width: u32, filters: u32, rows: u32, cols: u32,
    kernel_rows: u32, kernel_cols: u32, stride: u32, spread: u32, dilation: u32, pad_rows: u32, pad_cols: u32,
    w_filter: u32, w_channel: u32, flip: u32, has_bias: u32, has_residual: u32, activation: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

// The row or column of the input under tap `i` of output `o`; `extent` where there is none.
fn under(o: u32, i: u32, pad: u32, extent: u32) -> u32 {
    let at = o * p.stride + i * p.dilation - pad; // below 0 it wraps around, beyond any extent
    return select(extent, at / p.spread, at < extent * p.spread && at % p.spread == 0u);
}

// Where the weight of tap (i, j) lies, from the filter's and channel's own places.
fn tap(i: u32, j: u32) -> u32 {
    let t = i * p.kernel_cols + j;
    return select(t, p.kernel_rows * p.kernel_cols - 1u - t, p.flip == 1u);
}

fn store(image: u32, f: u32, row: u32, col: u32, sum: f32) {
    if (f >= p.filters || row >= p.rows) { return; }
    let at = ((image * p.filters + f) * p.rows + row) * p.cols + col;
    var v = sum;
    if (p.has_bias == 1u) { v += bias[f]; }
    v = activate(p.activation, v);
    if (p.has_residual == 1u) { v += residual[at]; }
    y[at] = v;
}
