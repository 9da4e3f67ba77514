// conv2d, shared tile: y[n, f, r, c] = f(bias[f] + sum over channels and taps of w x), shapes as in conv2d_naive
// The one idea: implicit GEMM. For each tap a convolution is a matrix product, filters x channels by channels x pixels, and
// its operands are gathered on the way into workgroup memory; the matrix that im2col would write never exists. A workgroup
// of 16x16 makes 64 filters by 64 pixels of any image, each invocation 4x4 of them, 16 channels at a time.
// Taps are the outer loops, so an invocation works out once a tap where its pixel lies: no division inside.
// include activation
// include conv2d
@group(0) @binding(2) var<storage, read> w: array<f32>;

var<workgroup> tile_w: array<f32, 1024>;
var<workgroup> tile_x: array<f32, 1024>;

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) t: u32,
) {
    let tile = group.x + group.y * groups.x;
    let filter_tiles = (p.filters + 63u) / 64u;
    let pixels = p.rows * p.cols;
    let filter0 = tile % filter_tiles * 64u;
    let pixel0 = tile / filter_tiles * 64u;
    if (pixel0 >= p.batch * pixels) { return; }
    // What this invocation gathers: one pixel and one filter, of every fourth channel.
    let n = min(pixel0 + t % 64u, p.batch * pixels - 1u);
    let row = n % pixels / p.cols;
    let col = n % p.cols;
    let plane = p.height * p.width;
    let image = n / pixels * p.channels * plane;
    let weights = min(filter0 + t % 64u, p.filters - 1u) * p.w_filter;
    var y0 = vec4<f32>(); var y1 = vec4<f32>(); var y2 = vec4<f32>(); var y3 = vec4<f32>();
    for (var i = 0u; i < p.kernel_rows; i++) {
        let r = under(row, i, p.pad_rows, p.height);
        for (var j = 0u; j < p.kernel_cols; j++) {
            let c = under(col, j, p.pad_cols, p.width);
            let inside = r < p.height && c < p.width;
            let from_x = image + min(r, p.height - 1u) * p.width + min(c, p.width - 1u);
            let from_w = weights + tap(i, j);
            for (var channel0 = 0u; channel0 < p.channels; channel0 += 16u) {
                for (var l = t; l < 1024u; l += 256u) {
                    let channel = channel0 + l / 64u;
                    let at = min(channel, p.channels - 1u);
                    tile_x[l] = select(0.0, x[from_x + at * plane], inside && channel < p.channels);
                    tile_w[l] = select(0.0, w[from_w + at * p.w_channel], channel < p.channels);
                }
                workgroupBarrier();
                for (var l = 0u; l < 1024u; l += 64u) {
                    let k = l + local.x * 4u;
                    let v = vec4<f32>(tile_x[k], tile_x[k + 1u], tile_x[k + 2u], tile_x[k + 3u]);
                    y0 += tile_w[l + local.y * 4u] * v;
                    y1 += tile_w[l + local.y * 4u + 1u] * v;
                    y2 += tile_w[l + local.y * 4u + 2u] * v;
                    y3 += tile_w[l + local.y * 4u + 3u] * v;
                }
                workgroupBarrier();
            }
        }
    }
    for (var l = 0u; l < 4u; l++) {
        let n = pixel0 + local.x * 4u + l;
        if (n >= p.batch * pixels) { return; }
        let f = filter0 + local.y * 4u;
        store(n / pixels, f, n % pixels / p.cols, n % p.cols, y0[l]);
        store(n / pixels, f + 1u, n % pixels / p.cols, n % p.cols, y1[l]);
        store(n / pixels, f + 2u, n % pixels / p.cols, n % p.cols, y2[l]);
        store(n / pixels, f + 3u, n % pixels / p.cols, n % p.cols, y3[l]);
    }
}
