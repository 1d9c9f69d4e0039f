import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import * as v from 'valibot';
import { Failure, messageOf } from '../../contract/failure.js';
import { parseJson } from '../../contract/parse-json.js';
import type { Destination } from '../destination.js';

/** The variables of the environment that MLflow's own clients read. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An MLflow tracking server, and how it is spoken to. */
export interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** for the answer to a request; a file has this long for each of its megabytes besides */
  readonly timeoutMs: number;
}

/** What is sent as the body of a request. */
export type Content = Uint8Array | { readonly path: string; readonly bytes: number };

export function serverOf(
  { url, credentials }: Extract<Destination, { kind: 'mlflow' }>,
  env: Environment,
  timeoutMs = 30_000,
): Server {
  return { url, headers: authorization(credentials, env), timeoutMs };
}

/** What stands in the address is meant for it; the environment has what is meant for any. */
function authorization(
  credentials: Extract<Destination, { kind: 'mlflow' }>['credentials'],
  {
    MLFLOW_TRACKING_TOKEN: token = '',
    MLFLOW_TRACKING_USERNAME: name = '',
    MLFLOW_TRACKING_PASSWORD: secret = '',
  }: Environment,
): Record<string, string> {
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  });
  if (credentials !== null) return basic(credentials.user, credentials.password);
  if (name !== '') return basic(name, secret);
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}

const fault = v.object({ error_code: v.string(), message: v.optional(v.string(), '') });

/** What the server answered that it did not do, by the code of MLflow's REST interface: RESOURCE_ALREADY_EXISTS ... */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Calls the REST interface, of which `path` is what follows `api/2.0/mlflow/`, and reads the answer.
 * @throws Refusal where the server says no by a code of MLflow's; Failure('input') where there is no such server, or it asks for a login
 */
export async function call<T>(
  server: Server,
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  answer: v.GenericSchema<unknown, T>,
): Promise<T> {
  const query = method === 'GET' ? `?${new URLSearchParams(v.parse(v.record(v.string(), v.string()), body))}` : '';
  const text = await send(server, method, `api/2.0/mlflow/${path}${query}`, {
    ...(method === 'POST' && { body: JSON.stringify(body), type: 'application/json' }),
  });
  try {
    return parseJson(text, answer);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Failure(
      'input',
      { what: `${server.url}: this does not answer as an MLflow server does (${cause.message}).`, cure: checkAddress },
      { cause },
    );
  }
}

/**
 * Gives a file to the server's proxy of artifacts.
 * @param place below the root of what the proxy keeps, with forward slashes
 * @throws as `call`
 */
export async function putArtifact(server: Server, place: string, content: Content): Promise<void> {
  const encoded = place.split('/').map(encodeURIComponent).join('/');
  const bytes = content instanceof Uint8Array ? content.length : content.bytes;
  await send(
    { ...server, timeoutMs: server.timeoutMs * (1 + bytes / 2 ** 20) },
    'PUT',
    `api/2.0/mlflow-artifacts/artifacts/${encoded}`,
    {
      // pieces of a large file are sent as they are read
      body: content instanceof Uint8Array ? content : Readable.toWeb(createReadStream(content.path)),
      type: 'application/octet-stream',
    },
  );
}

const checkAddress = 'Check the address, and that the server runs.';

async function send(
  { url, headers, timeoutMs }: Server,
  method: string,
  path: string,
  { body, type }: { readonly body?: string | Uint8Array | ReadableStream; readonly type?: string },
): Promise<string> {
  const signal = AbortSignal.timeout(Math.min(Math.ceil(timeoutMs), 2 ** 31 - 1));
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}/${path}`, {
      method,
      headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body, duplex: 'half' }),
      signal,
    });
    text = await response.text();
  } catch (cause) {
    throw new Failure(
      'input',
      { what: `${url}: cannot be reached (${reasonOf(cause)}).`, cure: checkAddress },
      { cause },
    );
  }
  if (response.ok) return text;
  throw refused(url, path, response.status, text);
}

/** fetch says that it failed, and its causes why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not answer in time';
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

function refused(url: string, path: string, status: number, text: string): Failure | Refusal {
  if (status === 401 || status === 403) {
    return new Failure('input', {
      what: `${url}: the server asks for another login (HTTP ${status}).`,
      cure: 'Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.',
    });
  }
  try {
    const { error_code, message } = parseJson(text, fault);
    return new Refusal(error_code, message);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const [said = ''] = text
      .replace(/<[^>]*>/g, ' ')
      .trim()
      .split(/\s*\n\s*/);
    const what = `${url}: HTTP ${status} for ${path.replace(/\?.*$/, '')}${said === '' ? '' : ` (${said.slice(0, 200)})`}.`;
    return new Failure('input', { what, cure: checkAddress }, { cause });
  }
}
