import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import type { InferenceSession, Tensor } from './session.js';

/** What a provider did with a model: computed, at a speed; refused, with its reason; or null: no process could be started to find out. */
export type Trial =
  | { readonly computes: true; readonly gigaflops: number }
  | { readonly computes: false; readonly reason: string }
  | null;

/** What measures a session, in this process or another: its source is all that goes there. */
export type Measure = (
  session: InferenceSession,
  tensor: new (type: 'float32', values: Float32Array, dims: readonly number[]) => Tensor,
) => Promise<number>;

/** Milliseconds after which a driver is taken to hang. */
const patience = 60_000;

/**
 * Opens the model, measures it, and says what came of it on descriptor 3: the drivers that it loads write to the two before. The answer
 * stands before the process ends, since some drivers fail only then.
 */
const programOf = (measure: Measure): string => `
const { writeSync } = require('node:fs');
const [, runtime, model, options] = process.argv;
const answer = (said) => {
  writeSync(3, JSON.stringify(said));
  process.exit();
};
const refuse = (error) => answer({ computes: false, reason: String(error.message) });
const measure = ${measure.toString()};
try {
  const { env, InferenceSession, Tensor } = require(runtime);
  env.logLevel = 'fatal';
  InferenceSession.create(Buffer.from(model, 'base64'), JSON.parse(options))
    .then((session) => measure(session, Tensor))
    .then((gigaflops) => answer({ computes: true, gigaflops }), refuse);
} catch (error) {
  refuse(error);
}
`;

/**
 * Tries out in a process of its own whether, and how fast, a provider runs a model. Drivers are native code, which writes to the descriptor of
 * stderr what goes wrong and may take its process with it; none of that reaches this one.
 * @param measure knows nothing but its arguments
 */
export async function tryOut(
  model: ModelProto,
  options: InferenceSession.SessionOptions,
  measure: Measure,
): Promise<Trial> {
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-node');
  const bytes = Buffer.from(toBinary(ModelProtoSchema, model)).toString('base64');
  const child = spawn(
    process.execPath,
    ['--eval', programOf(measure), runtime, bytes, JSON.stringify({ logSeverityLevel: 4, ...options })],
    {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      // an application built on Electron is started as Node
      env: { ...process.env, ...withoutDisplay(), ELECTRON_RUN_AS_NODE: '1' },
      timeout: patience,
      killSignal: 'SIGKILL',
      windowsHide: true,
    },
  );
  const answered = child.stdio[3];
  const said = answered !== null && answered !== undefined && 'read' in answered ? text(answered) : Promise.resolve('');
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', (code, signal) => resolve(signal ?? `code ${code}`));
  });
  const how = await ended;
  if (how === null) return null;
  return verdictOf(await said, how);
}

function verdictOf(answer: string, how: string): NonNullable<Trial> {
  if (answer === '') {
    const reason = how === 'SIGKILL' ? 'its driver does not answer' : `its driver ends the process (${how})`;
    return { computes: false, reason };
  }
  const said: NonNullable<Trial> = JSON.parse(answer);
  return said;
}

/** An absolute path at which nothing can stand. */
const nowhere = '/dev/null/none';

/**
 * What keeps Wayland's client library, by which some Vulkan drivers ask for a screen, from telling stderr that a machine without a
 * session has none: the folder of sockets that it looks into, where none is set that it takes.
 */
function withoutDisplay(): Readonly<Record<string, string>> {
  return process.env.XDG_RUNTIME_DIR?.startsWith('/') === true ? {} : { XDG_RUNTIME_DIR: nowhere };
}

/** Opens what may load drivers, with the environment that keeps them quiet. */
export async function quietly<T>(open: () => Promise<T>): Promise<T> {
  const { XDG_RUNTIME_DIR: before } = process.env;
  Object.assign(process.env, withoutDisplay());
  try {
    return await open();
  } finally {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
  }
}
