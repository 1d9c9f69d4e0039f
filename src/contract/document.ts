/**
 * The version of the JSON that commands print and runs keep (`docs/schemas`). It rises when a field is taken away or changes its meaning; fields
 * that are added do not raise it.
 */
export const schemaVersion = 1;

/** A result as it is printed and kept: with the version that its fields are of, before all others. */
export function asDocument(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result;
  return { schemaVersion, ...result };
}
