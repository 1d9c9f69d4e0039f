import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { Failure, messageOf } from '../../contract/failure.js';
import { maxAttempts, persist, statusOf } from './persist.js';

/** What is used of a bucket. */
export interface Bucket {
  /** an object's bytes in pieces; null where there is none */
  read(key: string): Promise<AsyncIterable<Uint8Array> | null>;
  text(key: string): Promise<string | null>;
  /** the objects below a prefix */
  list(prefix: string): AsyncGenerator<Listed>;
  putText(key: string, text: string): Promise<void>;
  putFile(key: string, path: string): Promise<void>;
  /** @returns false where an object stands there, which stays */
  putOnce(key: string, text: string): Promise<boolean>;
  remove(key: string): Promise<void>;
}

export interface Listed {
  readonly key: string;
  readonly bytes: number;
  /** by the server's clock; null where it does not say */
  readonly modified: Date | null;
}

/**
 * A bucket of S3, or of a server that speaks as it does. Who we are, the region and the server are taken from the usual places (AWS_ACCESS_KEY_ID ..., AWS_REGION,
 * AWS_ENDPOINT_URL); with a server of one's own the bucket is part of the path, unless AWS_S3_FORCE_PATH_STYLE is `false`.
 * @throws Failure('usage') where the package for it is not installed
 */
export async function openBucket(name: string): Promise<Bucket> {
  const sdk = await loadSdk(name);
  const client = clientOf(sdk);
  const opened: Opened = {
    sdk,
    client,
    at: (key) => ({ Bucket: name, Key: key }),
    async explained(key, request) {
      try {
        return await request();
      } catch (error) {
        throw explain(`s3://${name}/${key}`, error);
      }
    },
  };
  const read = (key: string) => readObject(opened, key);
  return {
    read,
    text: (key) => opened.explained(key, () => persist(async () => textOf(await read(key)))),
    list: (prefix) => listObjects(opened, name, prefix),
    ...putsInto(opened),
    remove: (key) =>
      opened.explained(key, async () => {
        await client.send(new sdk.DeleteObjectCommand(opened.at(key)));
      }),
  };
}

type Sdk = typeof import('@aws-sdk/client-s3');

interface Opened {
  readonly sdk: Sdk;
  readonly client: S3Client;
  at(key: string): { readonly Bucket: string; readonly Key: string };
  /** @throws Failure('input') for whatever the request throws */
  explained<T>(key: string, request: () => Promise<T>): Promise<T>;
}

async function loadSdk(name: string): Promise<Sdk> {
  // it announces, on every start, which Node its later versions will want
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  try {
    return await import('@aws-sdk/client-s3');
  } catch (cause) {
    throw new Failure(
      'usage',
      {
        what: `s3://${name}: the package for S3 is not installed here (${messageOf(cause)}).`,
        cure: 'Install it: npm install @aws-sdk/client-s3.',
        written: 'nothing',
      },
      { cause },
    );
  }
}

function clientOf({ S3Client }: Sdk): S3Client {
  const { env } = process;
  const isOwnServer = (env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? '') !== '';
  return new S3Client({
    maxAttempts,
    forcePathStyle: (env.AWS_S3_FORCE_PATH_STYLE ?? String(isOwnServer)) === 'true',
    ...(isOwnServer && env.AWS_REGION === undefined && { region: 'us-east-1' }),
    // servers other than AWS do not all know checksums in trailers
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 120_000 },
  });
}

function readObject({ sdk, client, at, explained }: Opened, key: string) {
  return explained(key, async () => {
    try {
      const { Body } = await client.send(new sdk.GetObjectCommand(at(key)));
      return Body === undefined ? null : piecesOf(Body.transformToWebStream());
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  });
}

async function* listObjects(
  { sdk, client, explained }: Opened,
  bucket: string,
  prefix: string,
): AsyncGenerator<Listed> {
  let token: string | undefined;
  do {
    const from = { Bucket: bucket, Prefix: prefix, ...(token !== undefined && { ContinuationToken: token }) };
    const page = await explained(prefix, () => client.send(new sdk.ListObjectsV2Command(from)));
    for (const { Key = '', Size = 0, LastModified = null } of page.Contents ?? []) {
      yield { key: Key, bytes: Size, modified: LastModified };
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

function putsInto({ sdk, client, at, explained }: Opened): Pick<Bucket, 'putText' | 'putFile' | 'putOnce'> {
  return {
    putText: (key, text) =>
      explained(key, async () => {
        await client.send(new sdk.PutObjectCommand({ ...at(key), Body: text }));
      }),
    putFile: (key, path) =>
      explained(key, async () => {
        const { size } = await stat(path);
        await persist(() =>
          client.send(new sdk.PutObjectCommand({ ...at(key), Body: createReadStream(path), ContentLength: size })),
        );
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
  };
}

async function textOf(pieces: AsyncIterable<Uint8Array> | null): Promise<string | null> {
  if (pieces === null) return null;
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts).toString('utf8');
}

async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.releaseLock();
  }
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
