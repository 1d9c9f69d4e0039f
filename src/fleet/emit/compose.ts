import { stringify } from 'yaml';
import { type ContainerOrder, containerCommand, imageOf, s3Variables } from './order.js';

/**
 * As many workers as there are jobs, on one machine or on a swarm, that share a queue. Where none is named, the file brings a Redis of its own, which keeps what it has on a volume.
 */
export function composeFile(order: ContainerOrder): string {
  const { name, queue, jobs } = order;
  const own = queue === null;
  const shared = own ? { ...order, queue: 'redis://redis:6379' } : order;
  const file = {
    services: {
      ...(own && { redis: redisService }),
      worker: {
        ...workerOf(shared),
        deploy: deployOf(order, jobs),
        ...(own && { depends_on: { redis: { condition: 'service_healthy' } } }),
      },
    },
    ...(own && { volumes: { redis: {} } }),
  };
  const head = `# The units of a fleet, by workers that share a queue; start with: docker compose -p frelu-${name} -f FILE up worker\n`;
  return `${head}${stringify(file, { lineWidth: 0 })}`;
}

const redisService = {
  image: 'redis:7-alpine',
  // what waits and what runs is kept over a restart; nothing of a queue may be evicted
  command: ['redis-server', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
  volumes: ['redis:/data'],
  healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '2s', timeout: '2s', retries: 15 },
};

function workerOf(order: ContainerOrder) {
  const { places, user } = order;
  return {
    image: imageOf(order),
    command: containerCommand(order),
    ...(user !== null && { user: `${user.uid}:${user.gid}` }),
    environment: ['HOME=/tmp', ...(places.s3 ? s3Variables : [])],
    volumes: places.folders.map(({ path, writes }) => ({
      type: 'bind',
      source: path,
      target: path,
      read_only: !writes,
    })),
    // what is under way is saved before it is killed
    stop_grace_period: '3m',
    // a worker that was killed leaves its units to the others; one that ends has nothing left to do, or says what is wrong
    restart: 'no',
  };
}

function deployOf({ cpus, memory, gpus }: ContainerOrder, replicas: number) {
  const devices = [{ driver: 'nvidia', count: gpus, capabilities: ['gpu'] }];
  return {
    replicas,
    resources: {
      limits: { cpus: String(cpus), memory: `${memory}g` },
      ...(gpus > 0 && { reservations: { devices } }),
    },
  };
}
