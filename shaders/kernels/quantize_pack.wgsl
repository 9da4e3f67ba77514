// quantize, pack: packed[plane row, j] = the bits of neighbouring inputs' codes of column j side by side
// w: [k, n]; steps, zeros: [groups, stride], or one for the whole matrix; packed: [rows, stride]. Planes of 8, 4, 2 or 1 bits
// that add up to the code's width, lowest bits first, each of `blocks` rows a bit. One invocation a word: it writes all of
// it, so no two touch the same.
// include nearest
// include quantize_code
struct Params {
    planes: vec4<u32>, k: u32, n: u32, stride: u32, blocks: u32, rows: u32, group: u32, whole: u32, kind: u32,
    zero: f32, lowest: f32, highest: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> steps: array<f32>;
@group(0) @binding(3) var<storage, read> zeros: array<f32>;
@group(0) @binding(4) var<storage, read> table: array<f32>;
@group(0) @binding(5) var<storage, read_write> packed: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let at = id.x + id.y * groups.x * 64u;
    if (at >= p.rows * p.stride) { return; }
    let col = at % p.stride;
    // Which plane the row is of, and which bits of a code that plane keeps.
    var row = at / p.stride;
    var plane = 0u;
    var shift = 0u;
    while (row >= p.blocks * p.planes[plane]) {
        row -= p.blocks * p.planes[plane];
        shift += p.planes[plane];
        plane += 1u;
    }
    let bits = p.planes[plane];
    let count = 32u / bits;
    var word = 0u;
    for (var i = 0u; i < count; i++) {
        let input = row * count + i;
        if (input < p.k && col < p.n) {
            let s = select((input / p.group) * p.stride + col, 0u, p.whole == 1u);
            var zero = p.zero;
            if (p.kind == 1u) { zero = zeros[s]; }
            let code = code_of(w[input * p.n + col], steps[s], zero).code;
            word |= ((code >> shift) & ((1u << bits) - 1u)) << (i * bits);
        }
    }
    packed[at] = word;
}
