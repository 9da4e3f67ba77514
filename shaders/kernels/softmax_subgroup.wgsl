// softmax, a workgroup a row, as in softmax.wgsl. The one new idea: a subgroup adds up, or finds the largest of, its own values
// in one instruction, so workgroup memory and barriers are only for what subgroups tell each other.
// include row_subgroup
// include softmax_row

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32, @builtin(subgroup_invocation_id) lane_index: u32,
    @builtin(subgroup_id) subgroup_index: u32, @builtin(num_subgroups) subgroup_count: u32,
) {
    lane = lane_index;
    subgroup = subgroup_index;
    subgroups = subgroup_count;
    softmax_row(share(group, groups, t), t);
}
