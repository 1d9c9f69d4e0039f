import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../../contract/failure.js';
import type { FleetEmitResult } from '../../../contract/fleet.js';
import type { ContainerOrder } from '../../../fleet/emit/order.js';
import type { Volume } from '../../../fleet/emit/places.js';
import type { OpenPlan } from '../../../fleet/plan.js';
import { packageVersion } from '../../../version.js';
import { type Context, printJson, type Run } from '../../context.js';
import { planArgument } from '../../fleet/options.js';
import { choice, option, type Read, repeated } from '../../options/option.js';
import { duration, integerFrom, oneOrMore, text } from '../../options/values.js';

const systems = ['slurm', 'kubernetes', 'compose'] as const;
type System = (typeof systems)[number];

export function declareFleetEmit(command: Command): Run {
  const plan = planArgument(command);
  const system = choice(command, '--for <SYSTEM>', 'what is to run it', systems, null);
  const size = sizeOptions(command);
  const image = option(
    command,
    '--image <IMAGE>',
    'image of a container that has this program',
    text,
    null,
    'one of Node, into which this version is installed',
  );
  const volumes = repeated(
    command,
    '--volume <CLAIM=PATH>',
    'Kubernetes: a volume claim, and the folder that it is on this machine',
  );
  return async (context) => {
    const chosen = system();
    if (chosen === null) {
      throw new Failure('usage', {
        what: 'What is to run the fleet was not said.',
        cure: `Write --for ${systems.join(', --for ')}.`,
        written: 'nothing',
      });
    }
    const { readPlan, requireVersion } = await import('../../../fleet/plan.js');
    const opened = await readPlan(plan());
    requireVersion(opened);
    const order = await orderFor(opened, chosen, { ...size(), image: image() });
    const written = await textFor(chosen, order, volumes().map(volumeOf), context);
    const { jobs, cpus, memory, gpus } = order;
    const result: FleetEmitResult = { plan: opened.folder, for: chosen, jobs, cpus, memory, gpus, text: written };
    if (context.json) printJson(context, result);
    else context.io.stdout.write(written);
    return 0;
  };
}

interface Size {
  readonly jobs: number | null;
  readonly parallel: number | null;
  readonly cpus: number;
  readonly memory: number | null;
  readonly gpus: number;
  readonly seconds: number | null;
  readonly queue: string | null;
}

function sizeOptions(command: Command): Read<Size> {
  const jobs = option(
    command,
    '--jobs <N>',
    'jobs of an array, or workers of Compose',
    oneOrMore,
    null,
    'one for each unit, at most 1000; one worker of Compose',
  );
  const parallel = option(command, '--parallel <N>', 'jobs at a time', oneOrMore, null, 'as there is room for');
  const cpus = option(command, '--cpus <N>', 'cores of each job', oneOrMore, 2);
  const memory = option(
    command,
    '--memory <GIB>',
    'memory of each job, in GiB',
    oneOrMore,
    null,
    'by the sizes of models and data',
  );
  const gpus = option(command, '--gpus <N>', 'graphics processors of each job', integerFrom(0), 0);
  const time = option(
    command,
    '--time <DURATION>',
    'after which a job is stopped, and goes on in its next turn',
    duration,
    null,
    "the cluster's own limit",
  );
  const queue = option(command, '--queue <URL>', 'take units from this queue, not a part of the plan each', text, null);
  return () => ({
    jobs: jobs(),
    parallel: parallel(),
    cpus: cpus(),
    memory: memory(),
    gpus: gpus(),
    seconds: time(),
    queue: queue(),
  });
}

async function orderFor(
  plan: OpenPlan,
  system: System,
  { jobs, memory, ...rest }: Size & { readonly image: string | null },
): Promise<ContainerOrder> {
  const [{ jobsFor, memoryFor }, { placesOf }, { distinct }] = await Promise.all([
    import('../../../fleet/emit/order.js'),
    import('../../../fleet/emit/places.js'),
    import('../../../fleet/unit.js'),
  ]);
  const units = distinct(plan.units);
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()];
  return {
    ...rest,
    name: plan.id,
    jobs: jobs ?? (system === 'compose' ? 1 : jobsFor(units)),
    memory: memory ?? memoryFor(units),
    plan: plan.folder,
    places: placesOf(plan),
    version: packageVersion,
    // what root plans, the image's own user computes
    user: uid === 0 ? null : { uid, gid },
  };
}

async function textFor(
  system: System,
  order: ContainerOrder,
  named: readonly Volume[],
  { io }: Context,
): Promise<string> {
  switch (system) {
    case 'slurm': {
      const { slurmScript } = await import('../../../fleet/emit/slurm.js');
      return slurmScript(order, io.executable);
    }
    case 'kubernetes': {
      const [{ kubernetesJob }, { volumesFor }] = await Promise.all([
        import('../../../fleet/emit/kubernetes.js'),
        import('../../../fleet/emit/places.js'),
      ]);
      return kubernetesJob(order, volumesFor(order.places, named));
    }
    case 'compose': {
      const { composeFile } = await import('../../../fleet/emit/compose.js');
      return composeFile(order);
    }
  }
}

/** @throws Failure('usage') for what is no CLAIM=PATH */
function volumeOf(text: string): Volume {
  const [, claim, path] = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)=(.+)$/.exec(text) ?? [];
  if (claim !== undefined && path !== undefined) return { claim, path: resolve(path) };
  throw new Failure('usage', {
    what: `${text} is no volume.`,
    cure: 'Write CLAIM=PATH: the name of a volume claim, and its folder here.',
    settings: ['volume'],
    written: 'nothing',
  });
}
