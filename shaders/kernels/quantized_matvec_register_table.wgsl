// quantized matvec, registers only, table: y[r, j] = sum_g step[g, j] sum_i x[r, i] table[code[i, j]] + bias[j]
// As quantized_matvec_register, for levels from a table of sixteen: NF4.
// include quantized_operands
// include quantized_levels_table
// include quantized_matvec_register
