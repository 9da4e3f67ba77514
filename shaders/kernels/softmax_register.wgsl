// softmax, registers only: y[r, j] = exp(s x[r, j] - m) / sum_j' exp(s x[r, j'] - m), m the largest visible s x[r, j]
// Shapes, masks and the log form as in softmax, cols a multiple of 4. The one idea: a row is one invocation's, which walks over it
// three times, for m, for the sum and to write, so nobody waits for anybody: no barrier and no workgroup memory, which is
// what software adapters pay for. On a GPU neighbours would read words a row apart. What is masked is decided when the
// pipeline is made: such adapters walk through both sides of every branch.
struct Params { rows: u32, cols: u32, queries: u32, mask_rows: u32, scale: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

override mask_kind: u32 = 0u;
override log_form: u32 = 0u;

const HIDDEN: f32 = -3.0e38;

// Which of four columns row r sees.
fn visible(r: u32, four: u32) -> vec4<bool> {
    if (mask_kind == 1u) {
        return four * 4u + vec4<u32>(0u, 1u, 2u, 3u) + p.queries <= vec4<u32>(r % p.queries + p.cols);
    }
    if (mask_kind == 2u) { return mask[(r % p.mask_rows) * (p.cols / 4u) + four] != vec4<f32>(); }
    return vec4<bool>(true);
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let r = id.x + id.y * groups.x * 8u;
    if (r >= p.rows) { return; }
    let fours = p.cols / 4u;
    let base = r * fours;
    // A causal row sees a prefix: nothing of what comes after is read.
    var until = fours;
    if (mask_kind == 1u) { until = min(fours, (r % p.queries + p.cols - p.queries) / 4u + 1u); }
    var most = vec4<f32>(HIDDEN);
    for (var i = 0u; i < until; i++) {
        most = max(most, select(vec4<f32>(HIDDEN), p.scale * x[base + i], visible(r, i)));
    }
    let m = max(max(most.x, most.y), max(most.z, most.w));
    var sums = vec4<f32>();
    for (var i = 0u; i < until; i++) {
        sums += select(vec4<f32>(), exp(p.scale * x[base + i] - m), visible(r, i));
    }
    let sum = max(sums.x + sums.y + sums.z + sums.w, 1.0e-37);
    let inverse = 1.0 / sum;
    let log_sum = log(sum);
    for (var i = 0u; i < until; i++) {
        let z = p.scale * x[base + i] - m;
        if (log_form == 1u) {
            y[base + i] = select(vec4<f32>(-1.0e30), z - log_sum, visible(r, i));
        } else {
            y[base + i] = select(vec4<f32>(), exp(z) * inverse, visible(r, i));
        }
    }
    for (var i = until; i < fours; i++) { y[base + i] = vec4<f32>(select(0.0, -1.0e30, log_form == 1u)); }
}
