// norm: y[r, j] = (x[r, j] - m_r) s_r gain[j] + bias[j], with s_r = 1 / sqrt(mean_j (x[r, j] - m_r)^2 + eps)
// Centred (LayerNorm): m_r is the row's mean. Else (RMSNorm): m_r = 0 and there is no bias.
// x, y: [rows, cols], contiguous; gain, bias: [cols]. One workgroup or invocation a row. The squares are of deviations, in a pass
// of their own: mean(x^2) - mean(x)^2 would lose every digit where the mean is large.
// include row
// include norm_row
// include norm_of_row

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    norm_of_row(share(group, groups, t), t);
}
