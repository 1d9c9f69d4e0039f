/**
 * Some rows of a matrix, one after another.
 * @param values [count, width], row-major
 */
export function rowsAt(values: Float32Array, width: number, rows: Int32Array): Float32Array {
  const taken = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) taken.set(values.subarray(row * width, (row + 1) * width), i * width);
  return taken;
}
