// conv2d, register tile: y[n, f, r, c] = f(bias[f] + sum over channels and taps of w x), shapes as in conv2d_naive
// The one idea: an invocation keeps four rows of four filters in registers, so that eight loads feed sixteen multiply-adds.
// Taps are the outer loops: where a tap lies in the input, and whether inside it, is worked out once for all channels.
// No barrier and no workgroup memory, which is what software adapters pay for.
// include activation
// include conv2d
@group(0) @binding(2) var<storage, read> w: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    let blocks = (p.rows + 3u) / 4u;
    let fours = (p.filters + 3u) / 4u;
    let col = n % p.cols;
    let row = n / p.cols % blocks * 4u;
    let f = n / (p.cols * blocks) % fours * 4u;
    let image = n / (p.cols * blocks * fours);
    if (image >= p.batch) { return; }
    let plane = p.height * p.width;
    // Past the edge the last filter is repeated: read in bounds, never stored.
    let filters = min(vec4<u32>(f, f + 1u, f + 2u, f + 3u), vec4<u32>(p.filters - 1u)) * p.w_filter;
    var y0 = vec4<f32>(); var y1 = vec4<f32>(); var y2 = vec4<f32>(); var y3 = vec4<f32>();
    for (var i = 0u; i < p.kernel_rows; i++) {
        let r = vec4<u32>(
            under(row, i, p.pad_rows, p.height), under(row + 1u, i, p.pad_rows, p.height),
            under(row + 2u, i, p.pad_rows, p.height), under(row + 3u, i, p.pad_rows, p.height),
        );
        for (var j = 0u; j < p.kernel_cols; j++) {
            let c = under(col, j, p.pad_cols, p.width);
            let inside = (r < vec4<u32>(p.height)) & vec4<bool>(c < p.width);
            var at = min(r, vec4<u32>(p.height - 1u)) * p.width + min(c, p.width - 1u) + image * p.channels * plane;
            var from_w = filters + tap(i, j);
            for (var channel = 0u; channel < p.channels; channel++) {
                let v = select(vec4<f32>(), vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
                let k = vec4<f32>(w[from_w.x], w[from_w.y], w[from_w.z], w[from_w.w]);
                y0 += k * v.x;
                y1 += k * v.y;
                y2 += k * v.z;
                y3 += k * v.w;
                at += plane;
                from_w += p.w_channel;
            }
        }
    }
    for (var i = 0u; i < 4u; i++) {
        store(image, f + i, row, col, y0[i]);
        store(image, f + i, row + 1u, col, y1[i]);
        store(image, f + i, row + 2u, col, y2[i]);
        store(image, f + i, row + 3u, col, y3[i]);
    }
}
