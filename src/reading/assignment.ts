/**
 * The one-to-one assignment of rows to columns of a square matrix with the largest sum: the Hungarian method by shortest
 * augmenting paths, O(n^3) (Kuhn 1955, Munkres 1957; with potentials as Jonker and Volgenant, Computing 38, 1987).
 * @param profit [n][n]
 * @returns the column of each row
 */
export function bestAssignment(profit: readonly ArrayLike<number>[]): Int32Array {
  const n = profit.length;
  const rowPotential = new Float64Array(n + 1);
  const columnPotential = new Float64Array(n + 1);
  // column 0 is where the row that is being placed stands; rows and columns count from 1
  const rowOf = new Int32Array(n + 1);
  const before = new Int32Array(n + 1);
  for (let row = 1; row <= n; row++) {
    rowOf[0] = row;
    const slack = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
    const visited = new Uint8Array(n + 1);
    let column = 0;
    do {
      visited[column] = 1;
      const from = rowOf[column] ?? 0;
      let [least, next] = [Number.POSITIVE_INFINITY, 0];
      for (let j = 1; j <= n; j++) {
        if (visited[j]) continue;
        // costs are negated profits
        const reduced = -(profit[from - 1]?.[j - 1] ?? 0) - (rowPotential[from] ?? 0) - (columnPotential[j] ?? 0);
        if (reduced < (slack[j] ?? 0)) {
          slack[j] = reduced;
          before[j] = column;
        }
        if ((slack[j] ?? 0) < least) [least, next] = [slack[j] ?? 0, j];
      }
      for (let j = 0; j <= n; j++) {
        if (visited[j]) {
          const owner = rowOf[j] ?? 0;
          rowPotential[owner] = (rowPotential[owner] ?? 0) + least;
          columnPotential[j] = (columnPotential[j] ?? 0) - least;
        } else slack[j] = (slack[j] ?? 0) - least;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const previous = before[column] ?? 0;
      rowOf[column] = rowOf[previous] ?? 0;
      column = previous;
    }
  }
  const assigned = new Int32Array(n);
  for (let j = 1; j <= n; j++) assigned[(rowOf[j] ?? 1) - 1] = j - 1;
  return assigned;
}
