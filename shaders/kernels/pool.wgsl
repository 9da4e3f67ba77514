// pool: y[n, r, c] = scale times the sum of x over rows r k .. r k + k - 1 and columns c k .. c k + k - 1
// x: [planes, rows k, cols k]; y: [planes, rows, cols], contiguous. With scale 1 / k^2 the mean of every square.
struct Params { count: u32, cols: u32, factor: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    if (n >= p.count) { return; }
    let wide = p.cols * p.factor;
    let base = n / p.cols * p.factor * wide + n % p.cols * p.factor;
    var sum = 0.0;
    for (var i = 0u; i < p.factor; i++) {
        for (var j = 0u; j < p.factor; j++) { sum += x[base + i * wide + j]; }
    }
    y[n] = p.scale * sum;
}
