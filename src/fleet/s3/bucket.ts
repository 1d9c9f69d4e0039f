import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { Failure, messageOf } from '../../contract/failure.js';

/** What is used of a bucket. */
export interface Bucket {
  /** an object's bytes in pieces; null where there is none */
  read(key: string): Promise<AsyncIterable<Uint8Array> | null>;
  text(key: string): Promise<string | null>;
  /** keys below a prefix, with their sizes */
  list(prefix: string): AsyncGenerator<{ readonly key: string; readonly bytes: number }>;
  putText(key: string, text: string): Promise<void>;
  putFile(key: string, path: string): Promise<void>;
  /** @returns false where an object stands there, which stays */
  putOnce(key: string, text: string): Promise<boolean>;
  remove(key: string): Promise<void>;
}

/** how often a request is made before it counts as failed: a server that is busy (503) is asked again, later and later */
const maxAttempts = 8;

/**
 * A bucket of S3, or of a server that speaks as it does. Who we are, the region and the server are taken from the usual places (AWS_ACCESS_KEY_ID ..., AWS_REGION,
 * AWS_ENDPOINT_URL); with a server of one's own the bucket is part of the path, unless AWS_S3_FORCE_PATH_STYLE is `false`.
 * @throws Failure('usage') where the package for it is not installed
 */
export async function openBucket(name: string): Promise<Bucket> {
  const sdk = await import('@aws-sdk/client-s3').catch((cause: unknown) => {
    throw new Failure(
      'usage',
      {
        what: `s3://${name}: the package for S3 is not installed here (${messageOf(cause)}).`,
        cure: 'Install it: npm install @aws-sdk/client-s3.',
        written: 'nothing',
      },
      { cause },
    );
  });
  const { env } = process;
  const isOwnServer = (env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? '') !== '';
  const forcePathStyle = (env.AWS_S3_FORCE_PATH_STYLE ?? String(isOwnServer)) === 'true';
  const client: S3Client = new sdk.S3Client({
    maxAttempts,
    forcePathStyle,
    ...(isOwnServer && env.AWS_REGION === undefined && { region: 'us-east-1' }),
    // servers other than AWS do not all know checksums in trailers
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 120_000 },
  });
  const at = (key: string) => ({ Bucket: name, Key: key });
  const explained = async <T>(key: string, request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      throw explain(`s3://${name}/${key}`, error);
    }
  };
  const read = (key: string) =>
    explained(key, async () => {
      try {
        const { Body } = await client.send(new sdk.GetObjectCommand(at(key)));
        return Body === undefined ? null : piecesOf(Body.transformToWebStream());
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    });
  return {
    read,
    async text(key) {
      const pieces = await read(key);
      if (pieces === null) return null;
      const parts: Uint8Array[] = [];
      await explained(key, async () => {
        for await (const piece of pieces) parts.push(piece);
      });
      return Buffer.concat(parts).toString('utf8');
    },
    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await explained(prefix, () =>
          client.send(
            new sdk.ListObjectsV2Command({
              Bucket: name,
              Prefix: prefix,
              ...(token !== undefined && { ContinuationToken: token }),
            }),
          ),
        );
        for (const { Key = '', Size = 0 } of page.Contents ?? []) yield { key: Key, bytes: Size };
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    putText: (key, text) =>
      explained(key, async () => {
        await client.send(new sdk.PutObjectCommand({ ...at(key), Body: text }));
      }),
    putFile: (key, path) =>
      explained(key, async () => {
        const { size } = await stat(path);
        await client.send(new sdk.PutObjectCommand({ ...at(key), Body: createReadStream(path), ContentLength: size }));
      }),
    putOnce: (key, text) =>
      explained(key, async () => {
        try {
          await client.send(new sdk.PutObjectCommand({ ...at(key), Body: text, IfNoneMatch: '*' }));
          return true;
        } catch (error) {
          // 409: another one is just being written under this key
          if (statusOf(error) === 412 || statusOf(error) === 409) return false;
          throw error;
        }
      }),
    remove: (key) =>
      explained(key, async () => {
        await client.send(new sdk.DeleteObjectCommand(at(key)));
      }),
  };
}

async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.releaseLock();
  }
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}

/** A store that is not reached is nothing that a unit can be blamed for. */
function explain(place: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const status = statusOf(error);
  return new Failure(
    'input',
    {
      what: `${place}: the store does not do what is asked for (${status === null ? '' : `${status}, `}${messageOf(error)}).`,
      cure: 'Check the address, the credentials and the server, and start again.',
      written: 'model-untouched',
    },
    { cause: error },
  );
}
