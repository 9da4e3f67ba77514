// time embedding: y[n, i] = sin(t[n] f_i), y[n, half + i] = cos(t[n] f_i)
// t: [rows]; y: [rows, 2 half]; turns: [2, half], f_i in whole turns as the sum of two floats, as rope has them: whole times
// below 4096 lose no digit of their angle.
// include cos_sin
struct Params { count: u32, half: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read> turns: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    // One invocation a pair.
    let n = id.x + id.y * groups.x * 64u;
    if (n >= p.count) { return; }
    let i = n % p.half;
    let time = t[n / p.half];
    let whole = time * turns[i];
    let turn = whole - floor(whole) + time * turns[p.half + i];
    let r = cos_sin(turn - floor(turn + 0.5));
    let to = n / p.half * 2u * p.half + i;
    y[to] = r.y;
    y[to + p.half] = r.x;
}
