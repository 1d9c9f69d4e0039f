/**
 * A value that the code around it guarantees. Where the guarantee does not hold this throws, and says what is missing: a wrong
 * default ('' is an omitted input in ONNX, 0 a class) would go on as if nothing were.
 * @param what names the value: 'the producer of the loss', 'input 1 of Conv conv1'
 */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
