// top k: the k largest of each row of x, largest first, and where they are; in a tie the lower place first
// x: [rows, cols], contiguous and finite; values, places: [rows, k]. One workgroup a row; round n finds the first in
// that order after the one found in round n - 1, so nothing need be sorted or remembered.
// include largest
struct Params { rows: u32, cols: u32, k: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> places: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let row = group.x + group.y * groups.x;
    let base = min(row, p.rows - 1u) * p.cols;
    var last = Found(0.0, 0u);
    for (var n = 0u; n < p.k; n++) {
        var best = Found(0.0, NOWHERE);
        for (var j = t; j < p.cols; j += 64u) {
            let here = Found(x[base + j], j);
            if ((n == 0u || beats(last, here)) && beats(here, best)) { best = here; }
        }
        last = row_largest(t, best);
        if (t == 0u && row < p.rows) {
            values[row * p.k + n] = last.value;
            places[row * p.k + n] = min(last.place, p.cols - 1u);
        }
    }
}
