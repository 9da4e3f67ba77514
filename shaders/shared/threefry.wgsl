// Threefry-2x32, 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the bits of `engine::rng`.
fn threefry_round(x: vec2<u32>, by: u32) -> vec2<u32> {
    let sum = x.x + x.y;
    return vec2<u32>(sum, ((x.y << by) | (x.y >> (32u - by))) ^ sum);
}
fn threefry_four(start: vec2<u32>, by: vec4<u32>) -> vec2<u32> {
    var x = threefry_round(start, by.x);
    x = threefry_round(x, by.y);
    x = threefry_round(x, by.z);
    return threefry_round(x, by.w);
}
fn threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
    let even = vec4<u32>(13u, 15u, 26u, 6u);
    let odd = vec4<u32>(17u, 29u, 16u, 24u);
    let third = key.x ^ key.y ^ 0x1BD11BDAu;
    var x = counter + key;
    x = threefry_four(x, even) + vec2<u32>(key.y, third + 1u);
    x = threefry_four(x, odd) + vec2<u32>(third, key.x + 2u);
    x = threefry_four(x, even) + vec2<u32>(key.x, key.y + 3u);
    x = threefry_four(x, odd) + vec2<u32>(key.y, third + 4u);
    return threefry_four(x, even) + vec2<u32>(third, key.x + 5u);
}
// A float in (0, 1): the middle of one of 2^23 equal cells.
fn unit(word: u32) -> f32 {
    return (f32(word >> 9u) + 0.5) * (1.0 / 8388608.0);
}
