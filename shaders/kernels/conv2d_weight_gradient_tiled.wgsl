// conv2d weight gradient, shared tile: part[k, f, m] = sum over the k-th lines of outputs of dy[n, f, r, c] x[n, ch, r s + i d - p, ..]
// Shapes as in conv2d_weight_gradient_register. The one idea: implicit GEMM once more, filters x pixels by pixels x
// (channel, tap). A workgroup of 16x16 makes 64 filters by 64 weights, 16 pixels at a time; its lines of the pictures are a part
// of all, for there are few weights and many pixels, and the parts are summed after. Neighbours gather neighbouring pixels;
// tiles have rows of 65, so that they do not write into one bank.
// include conv2d_weight_gradient
var<workgroup> tile_dy: array<f32, 1040>;
var<workgroup> tile_x: array<f32, 1040>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let count = p.channels * p.kernel_rows * p.kernel_cols;
    let m0 = group.x * 64u;
    let f0 = group.y * 64u;
    let plane = p.height * p.width;
    // What this invocation gathers: every sixteenth pixel, of four filters and four weights.
    let four = t / 16u * 4u;
    let filters = min(f0 + four + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.filters - 1u)) * p.rows * p.cols;
    let weights = min(m0 + four + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
    let tap_row = weights / p.kernel_cols % p.kernel_rows * p.dilation;
    let tap_col = weights % p.kernel_cols * p.dilation;
    let channel = weights / (p.kernel_rows * p.kernel_cols) * plane;
    let first = group.z * p.block * p.cols;
    let end = min((group.z + 1u) * p.block, p.batch * p.rows) * p.cols;
    var g0 = vec4<f32>(); var g1 = vec4<f32>(); var g2 = vec4<f32>(); var g3 = vec4<f32>();
    for (var pixel0 = first; pixel0 < end; pixel0 += 16u) {
        let pixel = min(pixel0 + t % 16u, end - 1u);
        let line = pixel / p.cols;
        let image = line / p.rows;
        let row = line % p.rows;
        let col = pixel % p.cols;
        let r = tap_row + row * p.stride - p.padding; // below 0 it wraps around
        let c = tap_col + col * p.stride - p.padding;
        let inside = (r < vec4<u32>(p.height)) & (c < vec4<u32>(p.width));
        let x_at = image * p.channels * plane + channel + min(r, vec4<u32>(p.height - 1u)) * p.width
            + min(c, vec4<u32>(p.width - 1u));
        let dy_at = filters + (image * p.filters * p.rows + row) * p.cols + col;
        let counts = pixel0 + t % 16u < end;
        let v = select(vec4<f32>(), vec4<f32>(x[x_at.x], x[x_at.y], x[x_at.z], x[x_at.w]), inside);
        let d = vec4<f32>(dy[dy_at.x], dy[dy_at.y], dy[dy_at.z], dy[dy_at.w]);
        let to = t % 16u * 65u + four;
        for (var i = 0u; i < 4u; i++) {
            tile_x[to + i] = v[i];
            tile_dy[to + i] = select(0.0, d[i], counts);
        }
        workgroupBarrier();
        for (var l = 0u; l < 1040u; l += 65u) {
            let k = l + local.x * 4u;
            let v = vec4<f32>(tile_x[k], tile_x[k + 1u], tile_x[k + 2u], tile_x[k + 3u]);
            g0 += tile_dy[l + local.y * 4u] * v;
            g1 += tile_dy[l + local.y * 4u + 1u] * v;
            g2 += tile_dy[l + local.y * 4u + 2u] * v;
            g3 += tile_dy[l + local.y * 4u + 3u] * v;
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let m = m0 + local.x * 4u + i;
        let f = f0 + local.y * 4u;
        store(group.z, f, m, g0[i]);
        store(group.z, f + 1u, m, g1[i]);
        store(group.z, f + 2u, m, g2[i]);
        store(group.z, f + 3u, m, g3[i]);
    }
}
