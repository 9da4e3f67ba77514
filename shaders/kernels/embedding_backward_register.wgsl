// embedding backward, a column an invocation: dtable[v, c] = sum over the n with ids[n] = v of dy[n, c]
// Shapes as in embedding_backward. The one idea: what adds to a column is added by its own invocation, in the order of the ids,
// so nobody looks for hits and nobody waits: no barrier, which is what software adapters pay for. On a GPU a few hundred
// columns would leave most of it idle.
struct Params { rows: u32, cols: u32, n: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtable: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x;
    if (c >= p.cols) { return; }
    for (var v = 0u; v < p.rows; v++) { dtable[v * p.cols + c] = 0.0; }
    for (var n = 0u; n < p.n; n++) {
        dtable[min(ids[n], p.rows - 1u) * p.cols + c] += dy[n * p.cols + c];
    }
}
