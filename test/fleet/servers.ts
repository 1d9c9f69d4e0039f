import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer, request, type Server } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../run/runs.js';
import type { Environment } from './program.js';

/** The address of a server that `.ci/services` starts; null where it does not run, which is said. */
export function serverAt(name: 'FRELU_REDIS' | 'FRELU_POSTGRES' | 'FRELU_S3'): string | null {
  const address = process.env[name] ?? '';
  if (address !== '') return address;
  process.stderr.write(`${name} is not set, which .ci/services does: the tests that need it are skipped\n`);
  return null;
}

/** Whether a program can be run; where not, that is said. */
export function isThere(command: string, ...argv: readonly string[]): boolean {
  if (spawnSync(command, argv, { stdio: 'ignore' }).status === 0) return true;
  process.stderr.write(`${[command, ...argv].join(' ')} does not run here: the tests that need it are skipped\n`);
  return false;
}

const listening = (server: ReturnType<typeof createSocketServer> | Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' ? (address?.port ?? 0) : 0);
    });
  });

async function freePort(): Promise<number> {
  const server = createSocketServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Redis of one test's own, which keeps everything in memory alone: what it is told it forgets when it is restarted. */
export async function ownRedis() {
  const [port, folder] = [await freePort(), await temporaryFolder()];
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    server = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve) => {
      server.stdout?.on('data', (text: Buffer) => text.includes('Ready to accept') && resolve());
    });
  };
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.once('close', () => resolve());
      server.kill('SIGKILL');
    });
  await start();
  onTestFinished(stop);
  return {
    url: `redis://127.0.0.1:${port}`,
    async restart(): Promise<void> {
      await stop();
      await sleep(500);
      await start();
    },
    /** it answers nobody meanwhile, and closes no connection */
    async pause(seconds: number): Promise<void> {
      server.kill('SIGSTOP');
      await sleep(1000 * seconds);
      server.kill('SIGCONT');
    },
  };
}

/** As what the program goes to a server of S3 */
export function s3Environment(endpoint: string): Environment {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
  };
}

/** A new bucket on a server, and what a test looks at and does in it. */
export async function makeBucket(endpoint: string) {
  const Bucket = `fleet-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket }));
  return {
    name: Bucket,
    async keys(prefix: string): Promise<readonly string[]> {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
      return Contents.map(({ Key = '' }) => Key);
    },
    async text(key: string): Promise<string> {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key }));
      return Body?.transformToString() ?? '';
    },
    async put(key: string, text: string): Promise<void> {
      await client.send(new PutObjectCommand({ Bucket, Key: key, Body: text }));
    },
  };
}

/** Stands before a server of S3, and makes it slow and busy: of three requests one is answered with 503, of five answers that read one breaks off. */
export async function troubled(endpoint: string, slowMs: number) {
  const { hostname, port } = new URL(endpoint);
  let [asked, read] = [0, 0];
  const trouble = { reads: 0, writes: 0, cuts: 0 };
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const isRefused = ++asked % 3 === 0;
    const isCut = method === 'GET' && !isRefused && ++read % 5 === 0;
    if (isRefused) trouble[method === 'GET' ? 'reads' : 'writes']++;
    setTimeout(() => {
      if (isRefused) {
        incoming.resume();
        outgoing.writeHead(503, { 'content-type': 'application/xml' });
        outgoing.end('<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>');
        return;
      }
      const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        if (!isCut) answer.pipe(outgoing);
        else
          answer.once('data', (piece: Buffer) =>
            outgoing.write(piece.subarray(0, piece.length >> 1), () => outgoing.destroy()),
          );
        if (isCut) trouble.cuts++;
      });
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    }, slowMs);
  });
  const at = await listening(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${at}`, trouble };
}
