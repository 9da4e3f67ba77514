// upsample: y[n, r, c] = scale x[n, r / k, c / k]
// x: [planes, rows, cols]; y: [planes, rows k, cols k], contiguous: every element becomes a square of k by k of itself.
struct Params { count: u32, cols: u32, factor: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    if (n >= p.count) { return; }
    let wide = p.cols * p.factor;
    // A row of y comes from a row of x, planes and all: rows of y are k times as many.
    y[n] = p.scale * x[n / wide / p.factor * p.cols + n % wide / p.factor];
}
