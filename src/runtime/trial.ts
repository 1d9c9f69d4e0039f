import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import type { InferenceSession } from './session.js';

/** What a provider did with a model: computed, refused with its reason, or null: no process could be started to find out. */
export type Trial = { readonly computes: true } | { readonly computes: false; readonly reason: string } | null;

/** Milliseconds after which a driver is taken to hang. */
const patience = 60_000;

/**
 * Runs the model [1, 1] -> and says what came of it on descriptor 3: the drivers that it loads write to the two before. The answer stands
 * before the process ends, since some drivers fail only then.
 */
const program = `
const { writeSync } = require('node:fs');
const [, runtime, model, options] = process.argv;
const answer = (reason) => {
  writeSync(3, JSON.stringify({ reason }));
  process.exit();
};
try {
  const { env, InferenceSession, Tensor } = require(runtime);
  env.logLevel = 'fatal';
  InferenceSession.create(Buffer.from(model, 'base64'), JSON.parse(options))
    .then((session) => session.run({ x: new Tensor('float32', Float32Array.of(1), [1, 1]) }))
    .then(() => answer(null), (error) => answer(String(error.message)));
} catch (error) {
  answer(String(error.message));
}
`;

/**
 * Tries out in a process of its own whether a provider opens and runs a model. Drivers are native code, which writes to the descriptor of
 * stderr what goes wrong and may take its process with it; none of that reaches this one.
 * @param model takes `x`, float32 [1, 1]
 */
export async function tryOut(model: ModelProto, options: InferenceSession.SessionOptions): Promise<Trial> {
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-node');
  const bytes = Buffer.from(toBinary(ModelProtoSchema, model)).toString('base64');
  const child = spawn(
    process.execPath,
    ['--eval', program, runtime, bytes, JSON.stringify({ logSeverityLevel: 4, ...options })],
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
  const { reason }: { readonly reason: string | null } = JSON.parse(answer);
  return reason === null ? { computes: true } : { computes: false, reason };
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
