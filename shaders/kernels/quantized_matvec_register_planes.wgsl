// quantized matvec, registers only, planes: y[r, j] = sum_g step[g, j] (sum_i x[r, i] code[i, j] - zero[g, j] sum_i x[r, i]) + bias[j]
// As quantized_matvec_register, for codes of several planes: 3, 5, 6 and 7 bits. A kernel of its own, because software adapters walk
// both sides of every branch.
// include quantized_operands
// include quantized_levels_planes
// include quantized_matvec_register
