// conv2d fours: fours[channel, tap, q] = the weights of filters 4q to 4q + 3 at that channel and tap, 0 past the last
// w: [filters, channels, taps], or as its gradient reads it: strides exchanged, taps flipped. For conv2d_rows, which then
// loads the weights of four filters at once.
struct Params { filters: u32, channels: u32, taps: u32, w_filter: u32, w_channel: u32, flip: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> fours: array<vec4<f32>>;

fn weight(f: u32, at: u32) -> f32 {
    return select(0.0, w[min(f, p.filters - 1u) * p.w_filter + at], f < p.filters);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let n = id.x + id.y * groups.x * 64u;
    let count = (p.filters + 3u) / 4u;
    let f = n % count * 4u;
    let tap = n / count % p.taps;
    let channel = n / (count * p.taps);
    if (channel >= p.channels) { return; }
    let at = channel * p.w_channel + select(tap, p.taps - 1u - tap, p.flip == 1u);
    fours[n] = vec4<f32>(weight(f, at), weight(f + 1u, at), weight(f + 2u, at), weight(f + 3u, at));
}
