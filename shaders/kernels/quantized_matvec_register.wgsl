// quantized matvec, registers only: y[r, j] = sum_g step[g, j] (sum_i x[r, i] code[i, j] - zero[g, j] sum_i x[r, i]) + bias[j]
// One invocation makes four columns of one row: a vector of words holds four columns of several inputs, and every input of x
// is the same for all invocations. The one idea: zero and step are taken in once a group, so a weight costs a shift, a mask,
// a conversion and a multiply-add. No barrier and no workgroup memory, which is what software adapters pay for.
// include quantized_operands
// include quantized_levels_even
// include quantized_matvec_register
