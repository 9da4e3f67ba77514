// quantized matmul, register tile, table: y[r, j] = sum_g step[g, j] sum_i x[r, i] table[code[i, j]] + bias[j]
// As quantized_matmul_register, for levels from a table of sixteen: NF4.
// include quantized_operands
// include quantized_levels_table
// include quantized_matmul_register
