import { Failure } from '../contract/failure.js';

/** One of `of` equal parts of a fleet, from 0. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** @throws Failure('usage') for what is not I/N with I from 1 to N */
export function parseShard(text: string): Shard {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(i) - 1, of: Number(n) };
  if (shard.index >= 0 && shard.index < shard.of) return shard;
  throw new Failure('usage', {
    what: `${text} is no part of a fleet.`,
    cure: 'Write I/N, from 1/N to N/N.',
    written: 'nothing',
  });
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The part that an array job's own variables say; null where there are none. */
export function shardFrom(env: Environment): Shard | null {
  const slurm = numbers(env, 'SLURM_ARRAY_TASK_ID', 'SLURM_ARRAY_TASK_MIN', 'SLURM_ARRAY_TASK_COUNT');
  if (slurm !== null) {
    const [id, first, of] = slurm;
    const step = Number(env.SLURM_ARRAY_TASK_STEP ?? 1);
    return checked({ index: Math.round((id - first) / step), of }, 'SLURM_ARRAY_TASK_ID');
  }
  const batch = numbers(env, 'AWS_BATCH_JOB_ARRAY_INDEX', 'AWS_BATCH_JOB_ARRAY_SIZE');
  if (batch !== null) return checked({ index: batch[0], of: batch[1] }, 'AWS_BATCH_JOB_ARRAY_INDEX');
  // Kubernetes tells a pod its index, and not of how many: the manifest that we print does
  const pod = numbers(env, 'JOB_COMPLETION_INDEX', 'FRELU_FLEET_SHARDS');
  if (pod !== null) return checked({ index: pod[0], of: pod[1] }, 'JOB_COMPLETION_INDEX');
  return null;
}

/** @throws Failure('usage') where the first is there and another is not, or no number */
function numbers<const Names extends readonly string[]>(
  env: Environment,
  ...names: Names
): { [Index in keyof Names]: number } | null;
function numbers(env: Environment, ...names: readonly string[]): number[] | null {
  const [first = ''] = names;
  if (env[first] === undefined) return null;
  return names.map((name) => {
    const text = env[name] ?? '';
    if (/^\d+$/.test(text)) return Number(text);
    throw new Failure('usage', {
      what: `${first} is set, and ${name} says no number.`,
      cure: 'Say which part of the fleet this job is.',
      settings: ['shard'],
      written: 'nothing',
    });
  });
}

function checked(shard: Shard, name: string): Shard {
  if (shard.index >= 0 && shard.index < shard.of) return shard;
  throw new Failure('usage', {
    what: `${name} names part ${shard.index + 1} of ${shard.of}.`,
    cure: 'Say which part of the fleet this job is.',
    settings: ['shard'],
    written: 'nothing',
  });
}

/** Neighbours in a plan are seeds of one model: they go to different parts. */
export function partOf<T>(all: readonly T[], { index, of }: Shard): readonly T[] {
  return all.filter((_, i) => i % of === index);
}
