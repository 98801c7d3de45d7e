const SERIES_TERMS = 13

/**
 * The natural logarithm of `x` in (0, 1), from additions, multiplications and divisions alone. IEEE 754 fixes those to the
 * bit, so every engine gets the same result; `Math.log` may differ in the last bit from one to another. The error is below
 * 4e-16 relative: ln(m * 2^e) = 2 artanh((m - 1) / (m + 1)) + e ln 2 with m in [0.7, 1.41).
 */
export function exactLog(x: number): number {
  let mantissa = x
  let exponent = 0
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent--
  }
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let sum = 0
  for (let k = SERIES_TERMS; k >= 0; k--) sum = sum * square + 1 / (2 * k + 1)
  return 2 * s * sum + exponent * Math.LN2
}
