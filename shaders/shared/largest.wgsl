// The largest of one value from each of 64 invocations and its place, known to all of them; the lowest place in a tie.
// All invocations of the workgroup must call it together. NOWHERE marks an invocation that has no value.
const NOWHERE = 0xFFFFFFFFu;
struct Found { value: f32, place: u32 }
var<workgroup> found: array<Found, 64>;
fn beats(a: Found, b: Found) -> bool {
    if (a.place == NOWHERE) { return false; }
    return b.place == NOWHERE || a.value > b.value || (a.value == b.value && a.place < b.place);
}
fn row_largest(t: u32, mine: Found) -> Found {
    found[t] = mine;
    for (var step = 32u; step > 0u; step >>= 1u) {
        workgroupBarrier();
        if (t < step && beats(found[t + step], found[t])) { found[t] = found[t + step]; }
    }
    workgroupBarrier();
    let largest = found[0];
    workgroupBarrier();
    return largest;
}
