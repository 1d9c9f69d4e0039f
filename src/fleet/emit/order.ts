import { unitBytes } from '../pool.js';
import type { Unit } from '../unit.js';

/** What is to compute a fleet's units: jobs that each see to a part of them, or take them from a queue, one unit at a time. */
export interface JobOrder {
  /** of the plan: lower-case letters and digits */
  readonly name: string;
  readonly jobs: number;
  /** how many at a time; null: as many as there is room for */
  readonly parallel: number | null;
  /** of each job */
  readonly cpus: number;
  /** of each job, in GiB (2^30 bytes) */
  readonly memory: number;
  readonly gpus: number;
  /** after which a job is stopped, in seconds; null: the cluster's own limit */
  readonly seconds: number | null;
  /** the plan's folder, absolute */
  readonly plan: string;
  /** redis:// or postgres://; null: each job has a part of its own */
  readonly queue: string | null;
  /** what jobs read and write */
  readonly places: Places;
}

/** Folders that the jobs have to see under the paths that they have here; none lies in another. */
export interface Places {
  readonly folders: readonly { readonly path: string; readonly writes: boolean }[];
  /** whether something lies in S3, so that jobs need credentials */
  readonly s3: boolean;
}

/** What runs in containers, beside the order. */
export interface ContainerOrder extends JobOrder {
  /** with this program in it; null: one with Node, into which the program is installed */
  readonly image: string | null;
  readonly version: string;
  /** whom the results belong to; null: whom the image says */
  readonly user: { readonly uid: number; readonly gid: number } | null;
}

/** What Slurm without settings of its own takes as the largest index of an array. */
const mostJobs = 1000;

/** As many as there are units, where nobody says otherwise. */
export const jobsFor = (units: readonly Unit[]): number => Math.min(mostJobs, Math.max(1, units.length));

/** In GiB: what the largest unit takes, and half as much again, since that is an estimate and a job that exceeds its limit is killed. */
export const memoryFor = (units: readonly Unit[]): number => Math.max(2, Math.ceil((1.5 * unitBytes(units)) / 2 ** 30));

/** The words behind the program's name. */
export function workArguments({ plan, queue }: Pick<JobOrder, 'plan' | 'queue'>): readonly string[] {
  return ['fleet', 'work', plan, '--local', '1', ...(queue === null ? [] : ['--queue', queue]), '--yes'];
}

/** What a container runs: the program of its image, or this version of it from the registry, with the packages that its store and queue take. */
export function containerCommand(order: ContainerOrder): readonly string[] {
  const { image, version, queue, places } = order;
  if (image !== null) return ['frelu-migrate', ...workArguments(order)];
  const isRedis = queue?.startsWith('redis') ?? false;
  const packages = [
    `frelu-migrate@${version}`,
    ...(queue === null ? [] : ['bullmq', isRedis ? 'ioredis' : 'pg']),
    ...(places.s3 ? ['@aws-sdk/client-s3'] : []),
  ];
  return [
    'npx',
    '--yes',
    ...packages.map((each) => `--package=${each}`),
    '--',
    'frelu-migrate',
    ...workArguments(order),
  ];
}

/** With which Node runs the program, where no image is named. */
export const imageOf = ({ image }: Pick<ContainerOrder, 'image'>): string => image ?? 'node:22-bookworm-slim';

/** Of those that the S3 client reads. */
export const s3Variables = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_ENDPOINT_URL',
] as const;
