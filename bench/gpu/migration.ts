import { fileURLToPath } from 'node:url';
import { endedProgram } from '../command.js';
import { type Row, section } from '../print.js';

const shipped = (path: string): string => fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url));

/** A whole migration of a model that ships with the package, on its data: on WebGPU, and on the CPU. */
export async function compareMigrations(): Promise<void> {
  const rows: Row[] = [];
  for (const device of ['webgpu', 'cpu']) {
    const data = ['--data', shipped('data'), '--epochs', '1', '--lr', '0.01'];
    const { seconds, code, output, errors } = await endedProgram([
      ...['migrate', shipped('plain.onnx'), ...data, '--device', device],
      ...['--dry-run', '--yes', '--json'],
    ]);
    // 4: it was judged, and not accepted
    if (code !== 0 && code !== 4) throw new Error(errors);
    const { device: on, arms, verdict }: Told = JSON.parse(output);
    rows.push([
      on.used,
      `${seconds.toFixed(1)} s`,
      ...[arms.control, arms.frelu].map(({ samplesPerSecond }) => `${samplesPerSecond?.toFixed(0) ?? '-'} samples/s`),
      `accuracy ${arms.frelu.test.accuracy.value.toFixed(4)}`,
      verdict,
    ]);
  }
  await section('A whole migration: from the command to the verdict, an epoch of either arm', rows);
}

interface Told {
  readonly device: { readonly used: string };
  readonly arms: Readonly<Record<'control' | 'frelu', ToldArm>>;
  readonly verdict: string;
}

interface ToldArm {
  readonly samplesPerSecond: number | null;
  readonly test: { readonly accuracy: { readonly value: number } };
}
