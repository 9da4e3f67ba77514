// rotary positions: y[.., p, i] = x[.., p, i] cos a - x[.., p, i + d/2] sin a
//                   y[.., p, i + d/2] = x[.., p, i] sin a + x[.., p, i + d/2] cos a,   a = (start + p) f_i
// x: a view of up to four axes [.., positions, d]; y: the same shape, contiguous. direction: 1, or -1 to turn back.
// turns: [2, d/2], f_i in whole turns as the sum of two floats: the first has 12 bits, so its product with a position
// below 4096 is exact and so is the fraction of a turn left of it. Long angles lose nothing that way.
// include strided
// include cos_sin
struct Params {
    shape: vec4<u32>, strides: vec4<u32>, offset: u32, half_count: u32, has_start: u32, direction: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> turns: array<f32>;
@group(0) @binding(3) var<storage, read> start: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    // One invocation a pair.
    let n = flat_index(id, groups, 64u);
    if (n >= p.half_count) { return; }
    let half = p.shape.w / 2u;
    let i = n % half;
    let at = unravel(n, vec4<u32>(p.shape.xyz, half));
    var position = f32(at.z);
    if (p.has_start == 1u) { position = f32(at.z + start[0]); }
    let whole = position * turns[i];
    let turn = p.direction * (whole - floor(whole) + position * turns[half + i]);
    let r = cos_sin(turn - floor(turn + 0.5));
    let from_at = address(at, p.offset, p.strides);
    let a = x[from_at];
    let b = x[from_at + half * p.strides.w];
    let to = n / half * p.shape.w + i;
    y[to] = a * r.x - b * r.y;
    y[to + half] = a * r.y + b * r.x;
}
