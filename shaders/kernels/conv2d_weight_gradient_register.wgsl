// conv2d weight gradient, register tile: part[k, f, m] = sum over the k-th lines of outputs of dy[n, f, r, c] x[n, ch, r s + i d - p, ..]
// m counts channels and taps, (ch, i, j); a line is a row of one image, and every workgroup along z sums `block` of them.
// x: [batch, channels, height, width]; dy: [batch, filters, rows, cols]; part: [blocks, filters, channels taps].
// The one idea: as in conv2d_register, an invocation keeps 4 filters by 4 weights in registers, eight loads for sixteen.
// include conv2d_weight_gradient
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let count = p.channels * p.kernel_rows * p.kernel_cols;
    let columns = (count + 3u) / 4u;
    let m = id.x % columns * 4u;
    let f = id.x / columns * 4u;
    if (f >= p.filters) { return; }
    let plane = p.height * p.width;
    let filters = min(vec4<u32>(f, f + 1u, f + 2u, f + 3u), vec4<u32>(p.filters - 1u)) * p.rows;
    // Past the edge the last weight is repeated: read in bounds, never stored.
    let weights = min(vec4<u32>(m, m + 1u, m + 2u, m + 3u), vec4<u32>(count - 1u));
    let tap_row = weights / p.kernel_cols % p.kernel_rows * p.dilation;
    let tap_col = weights % p.kernel_cols * p.dilation;
    let channel = weights / (p.kernel_rows * p.kernel_cols) * plane;
    var g0 = vec4<f32>(); var g1 = vec4<f32>(); var g2 = vec4<f32>(); var g3 = vec4<f32>();
    let first = id.z * p.block;
    for (var line = first; line < min(first + p.block, p.batch * p.rows); line++) {
        let image = line / p.rows;
        let row = line % p.rows;
        let r = tap_row + row * p.stride - p.padding; // below 0 it wraps around
        let in_rows = r < vec4<u32>(p.height);
        let from_x = image * p.channels * plane + channel + min(r, vec4<u32>(p.height - 1u)) * p.width;
        let from_dy = (filters + image * p.filters * p.rows + row) * p.cols;
        for (var col = 0u; col < p.cols; col++) {
            let c = tap_col + col * p.stride - p.padding;
            let at = from_x + min(c, vec4<u32>(p.width - 1u));
            let inside = in_rows & (c < vec4<u32>(p.width));
            let v = select(vec4<f32>(), vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
            g0 += dy[from_dy.x + col] * v;
            g1 += dy[from_dy.y + col] * v;
            g2 += dy[from_dy.z + col] * v;
            g3 += dy[from_dy.w + col] * v;
        }
    }
    for (var i = 0u; i < 4u; i++) {
        store(id.z, f, m + i, g0[i]);
        store(id.z, f + 1u, m + i, g1[i]);
        store(id.z, f + 2u, m + i, g2[i]);
        store(id.z, f + 3u, m + i, g3[i]);
    }
}
