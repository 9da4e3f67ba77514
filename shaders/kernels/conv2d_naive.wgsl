// conv2d, naive: y[n, f, r, c] = f(bias[f] + sum over channels and taps of w[f, ch, i, j] x[n, ch, r s + i d - p, c s + j d - p])
// x: [n, ch, h, w], 0 outside; w: [f, ch, kh, kw]; y: [n, f, rows, cols]; s stride, d dilation, p padding.
// The one idea: one invocation computes one output, reading a window of every channel.
// include activation
// include conv2d
@group(0) @binding(2) var<storage, read> w: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    let col = n % p.cols;
    let row = n / p.cols % p.rows;
    let f = n / (p.cols * p.rows) % p.filters;
    let image = n / (p.cols * p.rows * p.filters);
    if (image >= p.batch) { return; }
    var sum = 0.0;
    for (var channel = 0u; channel < p.channels; channel++) {
        let plane = (image * p.channels + channel) * p.height;
        let weights = f * p.w_filter + channel * p.w_channel;
        for (var i = 0u; i < p.kernel_rows; i++) {
            let r = under(row, i, p.pad_rows, p.height);
            for (var j = 0u; j < p.kernel_cols; j++) {
                let c = under(col, j, p.pad_cols, p.width);
                if (r < p.height && c < p.width) { sum += w[weights + tap(i, j)] * x[(plane + r) * p.width + c]; }
            }
        }
    }
    store(image, f, row, col, sum);
}
