// embedding backward: dtable[v, c] = sum over the n with ids[n] = v of dy[n, c]
// ids: [n]; dy: [n, cols]; dtable: [rows, cols], all contiguous. One workgroup a table row and 64 columns, so that no
// two add to the same place. Its invocations test 64 ids at once and leave a bit for each hit; then each walks the
// bits for its own column, in the order of the ids: the sum comes out the same every time.
struct Params { rows: u32, cols: u32, n: u32, column_blocks: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtable: array<f32>;
var<workgroup> hits: array<atomic<u32>, 2>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let g = group.x + group.y * groups.x;
    let v = g / p.column_blocks;
    let c = (g % p.column_blocks) * 64u + t;
    var sum = 0.0;
    for (var base = 0u; base < p.n; base += 64u) {
        if (t < 2u) { atomicStore(&hits[t], 0u); }
        workgroupBarrier();
        let n = base + t;
        if (n < p.n && min(ids[min(n, p.n - 1u)], p.rows - 1u) == v) { atomicOr(&hits[t / 32u], 1u << (t % 32u)); }
        workgroupBarrier();
        for (var half = 0u; half < 2u; half++) {
            var bits = atomicLoad(&hits[half]);
            while (bits != 0u) {
                let hit = base + half * 32u + countTrailingZeros(bits);
                if (c < p.cols) { sum += dy[hit * p.cols + c]; }
                bits &= bits - 1u;
            }
        }
        workgroupBarrier();
    }
    if (v < p.rows && c < p.cols) { dtable[v * p.cols + c] = sum; }
}
