import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArmProgress, Best, KeptState } from '../training/arm.js';

type Arrays = ReadonlyMap<string, Float32Array>;

interface ArrayEntry {
  readonly name: string;
  readonly length: number;
}

/** What stands in the first line of a checkpoint; the arrays' float32 values follow it. */
interface Header {
  readonly version: 2;
  /** of the settings that the run was started with: a checkpoint of another run is not gone on with */
  readonly fingerprint: string;
  readonly progress: Omit<ArmProgress, 'state' | 'bestState' | 'best'> & {
    readonly best: Omit<Best, 'parameters'>;
    /** null where that is `state` */
    readonly bestState: Omit<KeptState, 'state'> | null;
  };
  readonly state: readonly ArrayEntry[];
  /** empty where that is `state` */
  readonly bestState: readonly ArrayEntry[];
  readonly parameters: readonly ArrayEntry[];
}

/** Writes an arm's progress whole or not at all: a crash while writing leaves the checkpoint before. */
export async function saveCheckpoint(
  folder: string,
  arm: string,
  fingerprint: string,
  progress: ArmProgress,
): Promise<void> {
  const { state, bestState, best, ...rest } = progress;
  const { parameters, ...bestRest } = best;
  const header: Header = {
    version: 2,
    fingerprint,
    progress: { ...rest, best: bestRest, bestState: bestState === null ? null : { steps: bestState.steps } },
    state: entriesOf(state),
    bestState: entriesOf(bestState?.state ?? new Map()),
    parameters: entriesOf(parameters),
  };
  const chunks: Uint8Array[] = [Buffer.from(`${JSON.stringify(header)}\n`)];
  for (const values of [...state.values(), ...(bestState?.state.values() ?? []), ...parameters.values()]) {
    chunks.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  }
  const path = checkpointPath(folder, arm);
  await writeFile(`${path}.new`, Buffer.concat(chunks));
  await rename(`${path}.new`, path);
}

/** An arm's progress, or null where there is no checkpoint, or one of other settings, or a damaged one. */
export async function loadCheckpoint(folder: string, arm: string, fingerprint: string): Promise<ArmProgress | null> {
  const bytes = await readFile(checkpointPath(folder, arm)).catch(() => null);
  if (bytes === null) return null;
  const end = bytes.indexOf('\n');
  const header = parseHeader(bytes.toString('utf8', 0, Math.max(0, end)));
  if (header === null || header.fingerprint !== fingerprint) return null;
  let at = end + 1;
  const elements = [...header.state, ...header.bestState, ...header.parameters].reduce(
    (sum, { length }) => sum + length,
    0,
  );
  if (bytes.length !== at + elements * Float32Array.BYTES_PER_ELEMENT) return null;
  const take = (entries: readonly ArrayEntry[]): Map<string, Float32Array> =>
    new Map(
      entries.map(({ name, length }) => {
        const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + length * 4));
        at += length * 4;
        return [name, values];
      }),
    );
  const state = take(header.state);
  const keptState = take(header.bestState);
  const parameters = take(header.parameters);
  const { best, bestState, ...rest } = header.progress;
  return {
    ...rest,
    state,
    bestState: bestState === null ? null : { ...bestState, state: keptState },
    best: { ...best, parameters },
  };
}

function checkpointPath(folder: string, arm: string): string {
  return join(folder, `${arm}.checkpoint`);
}

function entriesOf(arrays: Arrays): ArrayEntry[] {
  return [...arrays].map(([name, { length }]) => ({ name, length }));
}

function parseHeader(text: string): Header | null {
  try {
    const header: unknown = JSON.parse(text);
    return isHeader(header) ? header : null;
  } catch {
    return null;
  }
}

function isHeader(value: unknown): value is Header {
  return (
    typeof value === 'object' && value !== null && 'version' in value && value.version === 2 && 'progress' in value
  );
}
