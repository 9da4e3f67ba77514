// categorical: y[r] = argmax_j (x[r, j] - temperature log(-log u[r, j])), a draw from softmax(x / temperature)
// x: [rows, cols], contiguous; seed: [2]; temperature: [1]; y: [rows]. u in (0, 1) is the first word of
// threefry(seed, (r, j)), so a draw depends on nothing but its seed and place. At temperature 0 it is the argmax.
// include threefry
// include largest
struct Params { rows: u32, cols: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> seed: array<u32>;
@group(0) @binding(3) var<storage, read> temperature: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

// -log(-log u). Near u = 1, where the winners come from, log u is tiny and WGSL lets log be off by more than that:
// there -log(1 - w) is summed as w + w^2/2 + w^3/3 + ..
fn gumbel(word: u32) -> f32 {
    let u = unit(word);
    let w = 1.0 - u;
    let series = w * (1.0 + w * (0.5 + w * (0.33333334 + w * (0.25 + w * 0.2))));
    return -log(select(-log(u), series, w < 0.0625));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let row = group.x + group.y * groups.x;
    let r = min(row, p.rows - 1u);
    let key = vec2<u32>(seed[0], seed[1]);
    var best = Found(0.0, NOWHERE);
    for (var j = t; j < p.cols; j += 64u) {
        let noise = gumbel(threefry(key, vec2<u32>(r, j)).x);
        let here = Found(x[r * p.cols + j] + temperature[0] * noise, j);
        if (beats(here, best)) { best = here; }
    }
    best = row_largest(t, best);
    if (t == 0u && row < p.rows) { y[row] = min(best.place, p.cols - 1u); }
}
