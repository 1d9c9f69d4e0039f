import { relative } from 'node:path';
import type { IJob } from 'kubernetes-models/batch/v1';
import { stringify } from 'yaml';
import { exitCodes } from '../../contract/failure.js';
import { type ContainerOrder, containerCommand, imageOf } from './order.js';
import { isWithin, type Volume } from './places.js';

/** The secret that holds the credentials for S3. */
const secretName = 'frelu-s3';

/** Between being asked to stop and being killed, in seconds: an epoch of the batch that is under way, and what is written then. */
const grace = 180;

/** How often a part is tried again where its pod was lost. */
const tries = 3;

/**
 * An indexed Job: pod by pod a part of the fleet. What a pod says will not get better fails its part alone, at once; a pod that its node was taken from costs
 * no attempt.
 * @param volumes hold all places of the order
 */
export function kubernetesJob(order: ContainerOrder, volumes: readonly Volume[]): string {
  const { name, jobs, parallel, seconds, user, places } = order;
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `frelu-${name}`, labels: { 'app.kubernetes.io/name': 'frelu-migrate' } },
    spec: {
      completionMode: 'Indexed',
      completions: jobs,
      parallelism: parallel ?? jobs,
      backoffLimitPerIndex: tries,
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          {
            action: 'FailIndex',
            onExitCodes: { containerName: 'worker', operator: 'In', values: [exitCodes.usage, exitCodes.input] },
          },
        ],
      },
      template: {
        metadata: { labels: { 'app.kubernetes.io/name': 'frelu-migrate' } },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: grace,
          ...(seconds !== null && { activeDeadlineSeconds: Math.ceil(seconds) }),
          ...(user !== null && { securityContext: { runAsUser: user.uid, runAsGroup: user.gid } }),
          containers: [containerOf(order, volumes)],
          volumes: volumes.map(({ claim }) => ({ name: claim, persistentVolumeClaim: { claimName: claim } })),
        },
      },
    },
  } satisfies IJob;
  const heads = [
    '# The units of a fleet, by an indexed Job; submit with: kubectl apply -f FILE',
    ...volumes.map(({ claim, path }) => `# The volume claim ${claim} has to hold what lies here in ${path}.`),
    ...(places.s3 ? [`# The secret ${secretName} has to hold AWS_ACCESS_KEY_ID and its like.`] : []),
  ];
  return `${heads.map((line) => line.replaceAll(/[\r\n]/g, ' ')).join('\n')}\n${stringify(job, { lineWidth: 0 })}`;
}

function containerOf(order: ContainerOrder, volumes: readonly Volume[]) {
  const { jobs, cpus, memory, gpus, places } = order;
  const size = { cpu: String(cpus), memory: `${memory}Gi`, ...(gpus > 0 && { 'nvidia.com/gpu': String(gpus) }) };
  return {
    name: 'worker',
    image: imageOf(order),
    command: [...containerCommand(order)],
    env: [
      // a pod is told its index, and not of how many
      { name: 'FRELU_FLEET_SHARDS', value: String(jobs) },
      { name: 'HOME', value: '/tmp' },
    ],
    ...(places.s3 && { envFrom: [{ secretRef: { name: secretName } }] }),
    resources: { requests: size, limits: size },
    volumeMounts: mountsOf(order, volumes),
  };
}

/** Each place under the path that it has here, as a part of the volume that holds it. */
function mountsOf({ places }: ContainerOrder, volumes: readonly Volume[]) {
  return places.folders.flatMap(({ path, writes }) => {
    const volume = volumes.find((each) => isWithin(path, each.path));
    if (volume === undefined) return [];
    const subPath = relative(volume.path, path);
    return [
      {
        name: volume.claim,
        mountPath: path,
        ...(subPath !== '' && { subPath }),
        readOnly: !writes,
      },
    ];
  });
}
