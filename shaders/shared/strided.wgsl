// Row-major positions of up to four axes, and where a strided view keeps the element at one.
fn unravel(linear: u32, shape: vec4<u32>) -> vec4<u32> {
    let w = linear % shape.w;
    let z = (linear / shape.w) % shape.z;
    let y = (linear / (shape.w * shape.z)) % shape.y;
    let x = linear / (shape.w * shape.z * shape.y);
    return vec4<u32>(x, y, z, w);
}
fn address(position: vec4<u32>, offset: u32, strides: vec4<u32>) -> u32 {
    let parts = position * strides;
    return offset + parts.x + parts.y + parts.z + parts.w;
}
// Workgroups come in at most 65535 along x, so long work is folded into y.
fn flat_index(id: vec3<u32>, groups: vec3<u32>, size: u32) -> u32 {
    return id.x + id.y * groups.x * size;
}
