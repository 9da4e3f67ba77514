// quantized matmul, register tile: y[r, j] = sum_g step[g, j] (sum_i x[r, i] code[i, j] - zero[g, j] sum_i x[r, i]) + bias[j]
// The one idea: four columns of four inputs are unpacked once and feed four rows of x, sixteen multiply-adds a vector. Rows are
// the workgroup's, so that its invocations read the same x. No barrier and no workgroup memory, which is what software
// adapters pay for.
// include quantized_operands
// include quantized_levels_even
// include quantized_matmul_register
