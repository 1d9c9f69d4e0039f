/**
 * Elements in Fortran's order, the first axis the fastest, as they lie in C's, the last axis the fastest.
 * @param bytes of [shape] elements, as many bytes each
 */
export function rowMajor(bytes: Uint8Array, shape: readonly number[], elementBytes: number): Uint8Array<ArrayBuffer> {
  const Words = elementBytes % 4 === 0 ? Uint32Array : elementBytes % 2 === 0 ? Uint16Array : Uint8Array;
  const width = elementBytes / Words.BYTES_PER_ELEMENT;
  // a copy begins where words may begin
  const from = new Words(Uint8Array.from(bytes).buffer);
  const into = new Words(from.length);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, dim) => product * dim, width));
  const position = shape.map(() => 0);
  let source = 0;
  for (let at = 0; at < into.length; at += width) {
    for (let word = 0; word < width; word++) into[at + word] = from[source + word] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [next, size, stride] = [(position[axis] ?? 0) + 1, shape[axis] ?? 1, strides[axis] ?? 0];
      position[axis] = next === size ? 0 : next;
      source += next === size ? -stride * (size - 1) : stride;
      if (next < size) break;
    }
  }
  return new Uint8Array(into.buffer);
}
