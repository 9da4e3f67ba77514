// softmax: y[r, j] = exp(s x[r, j] - m) / sum_j' exp(s x[r, j'] - m), m the largest visible s x[r, j]
// x, y: [rows, cols], contiguous; s a scale. mask: 0 none; 1 causal, where row r = (outer, query) of `queries` sees
// j <= query + cols - queries; 2 given, mask[r % mask_rows, j] != 0 is visible. Masked places are 0, and a row with
// nothing visible is all 0. log: y[r, j] = s x[r, j] - m - log(sum) instead, masked places at -1e30. One workgroup or
// invocation a row.
// include row
// include softmax_row

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    softmax_row(share(group, groups, t), t);
}
