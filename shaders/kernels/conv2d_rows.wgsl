// conv2d, rows in registers: 3x3 windows at stride 1, y[n, f, r, c] = f(bias[f] + sum over channels and taps of w x)
// x, y as in conv2d_naive; w: from conv2d_fours. The one idea: eight outputs one below the other look at the same ten inputs.
// An invocation reads ten inputs of a column once for three taps, and keeps eight rows of four filters in registers: 39 loads
// feed 288 multiply-adds, against 8 for 16 in conv2d_register. All nine taps are written out: what a loop carries from round
// to round is what software adapters pay for most, after barriers.
// include activation
// include conv2d
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;

fn input(at: u32, inside: bool) -> f32 {
    return select(0.0, x[at], inside);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    let blocks = (p.rows + 7u) / 8u;
    let fours = (p.filters + 3u) / 4u;
    let col = n % p.cols;
    let row = n / p.cols % blocks * 8u;
    let q = n / (p.cols * blocks) % fours;
    let image = n / (p.cols * blocks * fours);
    if (image >= p.batch) { return; }
    let plane = p.height * p.width;
    let last = p.height - 1u;
    // Above 0 a row wraps around, so that outside on either side is beyond the last.
    let top = row - p.pad_rows;
    let in0 = top <= last; let in1 = top + 1u <= last;
    let in2 = top + 2u <= last; let in3 = top + 3u <= last;
    let in4 = top + 4u <= last; let in5 = top + 5u <= last;
    let in6 = top + 6u <= last; let in7 = top + 7u <= last;
    let in8 = top + 8u <= last; let in9 = top + 9u <= last;
    let at0 = min(top, last) * p.width; let at1 = min(top + 1u, last) * p.width;
    let at2 = min(top + 2u, last) * p.width; let at3 = min(top + 3u, last) * p.width;
    let at4 = min(top + 4u, last) * p.width; let at5 = min(top + 5u, last) * p.width;
    let at6 = min(top + 6u, last) * p.width; let at7 = min(top + 7u, last) * p.width;
    let at8 = min(top + 8u, last) * p.width; let at9 = min(top + 9u, last) * p.width;
    var y0 = vec4<f32>(); var y1 = vec4<f32>(); var y2 = vec4<f32>(); var y3 = vec4<f32>();
    var y4 = vec4<f32>(); var y5 = vec4<f32>(); var y6 = vec4<f32>(); var y7 = vec4<f32>();
    for (var channel = 0u; channel < p.channels; channel++) {
        let from_x = (image * p.channels + channel) * plane;
        let from_w = channel * 9u * fours + q;
        {
            let c = col + 0u - p.pad_cols;
            let inside = c < p.width;
            let base = from_x + min(c, p.width - 1u);
            let x0 = input(base + at0, inside & in0); let x1 = input(base + at1, inside & in1);
            let x2 = input(base + at2, inside & in2); let x3 = input(base + at3, inside & in3);
            let x4 = input(base + at4, inside & in4); let x5 = input(base + at5, inside & in5);
            let x6 = input(base + at6, inside & in6); let x7 = input(base + at7, inside & in7);
            let x8 = input(base + at8, inside & in8); let x9 = input(base + at9, inside & in9);
            let w0 = w[from_w + 0u * fours];
            y0 += w0 * x0; y1 += w0 * x1; y2 += w0 * x2; y3 += w0 * x3;
            y4 += w0 * x4; y5 += w0 * x5; y6 += w0 * x6; y7 += w0 * x7;
            let w1 = w[from_w + 3u * fours];
            y0 += w1 * x1; y1 += w1 * x2; y2 += w1 * x3; y3 += w1 * x4;
            y4 += w1 * x5; y5 += w1 * x6; y6 += w1 * x7; y7 += w1 * x8;
            let w2 = w[from_w + 6u * fours];
            y0 += w2 * x2; y1 += w2 * x3; y2 += w2 * x4; y3 += w2 * x5;
            y4 += w2 * x6; y5 += w2 * x7; y6 += w2 * x8; y7 += w2 * x9;
        }
        {
            let c = col + 1u - p.pad_cols;
            let inside = c < p.width;
            let base = from_x + min(c, p.width - 1u);
            let x0 = input(base + at0, inside & in0); let x1 = input(base + at1, inside & in1);
            let x2 = input(base + at2, inside & in2); let x3 = input(base + at3, inside & in3);
            let x4 = input(base + at4, inside & in4); let x5 = input(base + at5, inside & in5);
            let x6 = input(base + at6, inside & in6); let x7 = input(base + at7, inside & in7);
            let x8 = input(base + at8, inside & in8); let x9 = input(base + at9, inside & in9);
            let w0 = w[from_w + 1u * fours];
            y0 += w0 * x0; y1 += w0 * x1; y2 += w0 * x2; y3 += w0 * x3;
            y4 += w0 * x4; y5 += w0 * x5; y6 += w0 * x6; y7 += w0 * x7;
            let w1 = w[from_w + 4u * fours];
            y0 += w1 * x1; y1 += w1 * x2; y2 += w1 * x3; y3 += w1 * x4;
            y4 += w1 * x5; y5 += w1 * x6; y6 += w1 * x7; y7 += w1 * x8;
            let w2 = w[from_w + 7u * fours];
            y0 += w2 * x2; y1 += w2 * x3; y2 += w2 * x4; y3 += w2 * x5;
            y4 += w2 * x6; y5 += w2 * x7; y6 += w2 * x8; y7 += w2 * x9;
        }
        {
            let c = col + 2u - p.pad_cols;
            let inside = c < p.width;
            let base = from_x + min(c, p.width - 1u);
            let x0 = input(base + at0, inside & in0); let x1 = input(base + at1, inside & in1);
            let x2 = input(base + at2, inside & in2); let x3 = input(base + at3, inside & in3);
            let x4 = input(base + at4, inside & in4); let x5 = input(base + at5, inside & in5);
            let x6 = input(base + at6, inside & in6); let x7 = input(base + at7, inside & in7);
            let x8 = input(base + at8, inside & in8); let x9 = input(base + at9, inside & in9);
            let w0 = w[from_w + 2u * fours];
            y0 += w0 * x0; y1 += w0 * x1; y2 += w0 * x2; y3 += w0 * x3;
            y4 += w0 * x4; y5 += w0 * x5; y6 += w0 * x6; y7 += w0 * x7;
            let w1 = w[from_w + 5u * fours];
            y0 += w1 * x1; y1 += w1 * x2; y2 += w1 * x3; y3 += w1 * x4;
            y4 += w1 * x5; y5 += w1 * x6; y6 += w1 * x7; y7 += w1 * x8;
            let w2 = w[from_w + 8u * fours];
            y0 += w2 * x2; y1 += w2 * x3; y2 += w2 * x4; y3 += w2 * x5;
            y4 += w2 * x6; y5 += w2 * x7; y6 += w2 * x8; y7 += w2 * x9;
        }
    }
    // One place that stores: written out eight times, its activations would be most of the kernel.
    var sums = array<vec4<f32>, 8>(y0, y1, y2, y3, y4, y5, y6, y7);
    for (var i = 0u; i < 32u; i++) { store(image, 4u * q + i % 4u, row + i / 4u, col, sums[i / 4u][i % 4u]); }
}
