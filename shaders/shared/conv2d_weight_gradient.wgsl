// What the kernels of the weights' gradient share.
struct Params {
    batch: u32, channels: u32, height: u32, width: u32, filters: u32, rows: u32, cols: u32,
    kernel_rows: u32, kernel_cols: u32, stride: u32, dilation: u32, padding: u32, block: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> part: array<f32>;

fn store(k: u32, f: u32, m: u32, sum: f32) {
    let count = p.channels * p.kernel_rows * p.kernel_cols;
    if (f < p.filters && m < count) { part[(k * p.filters + f) * count + m] = sum; }
}
