import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as TensorFlow from '@tensorflow/tfjs';
import * as v from 'valibot';
import { Failure, messageOf } from '../contract/failure.js';
import { parseJson } from '../contract/parse-json.js';

export type Tf = typeof TensorFlow;

export interface Engine {
  readonly tf: Tf;
  /** 'tensorflow' (tfjs-node), 'wasm', or 'cpu' with the reason */
  readonly backend: string;
}

const nodePackage = '@tensorflow/tfjs-node';

/**
 * TensorFlow.js to check models with: tfjs-node, which computes with libtensorflow, where this program's installation has it or
 * the project in the working directory depends on it; else TensorFlow.js on WebAssembly.
 *
 * A model may come from anybody, with a `node_modules` beside it, so nothing in its folder is ever loaded, nor anything found from there.
 * @param modelPath the model that was named, itself or through a link
 * @param warn is told of a tfjs-node that is not used, and why
 */
export async function loadEngine(modelPath: string, warn: (message: string) => void): Promise<Engine> {
  const installed = await installation(modelPath, warn);
  if (installed !== null) {
    try {
      const module: { readonly default?: Tf } & Tf = await import(pathToFileURL(installed).href);
      const tf = module.default ?? module;
      await tf.ready();
      return { tf, backend: tf.getBackend() };
    } catch (cause) {
      const [why] = messageOf(cause).split('\n');
      warn(
        `${nodePackage} is installed (${installed}) but cannot be loaded: ${why} TensorFlow.js on WebAssembly is used instead. ` +
          `To use it, install it again with its install scripts allowed (npm rebuild ${nodePackage}).`,
      );
    }
  }
  return onWebAssembly();
}

/** What users of TensorFlow.js have in their project, and others need not carry. */
const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'] as const;

/** @throws Failure('input') naming the packages where they are not installed */
async function tensorFlow() {
  try {
    const tf: Tf = await import('@tensorflow/tfjs');
    return { tf, wasm: await import('@tensorflow/tfjs-backend-wasm') };
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
    throw new Failure('input', {
      what: 'TensorFlow.js is not installed: a model of its own is held against it before anything is written.',
      cure: `Install it beside this program: npm install ${packages.join(' ')}.`,
      written: 'nothing',
    });
  }
}

async function onWebAssembly(): Promise<Engine> {
  const { tf, wasm } = await tensorFlow();
  // keeps TensorFlow.js from advertising its node backend on the console
  tf.env().set('PROD', true);
  const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
  wasm.setWasmPaths(join(folder, '/'));
  const isReady = await withoutKernelNoise(() => tf.setBackend('wasm').catch(() => false));
  if (!isReady) await tf.setBackend('cpu');
  await tf.ready();
  return { tf, backend: isReady ? 'wasm' : 'cpu (the WebAssembly backend does not start here)' };
}

/**
 * Starts what takes hold of `console.warn` for its native code's errors, so that the lines in which XNNPACK reports a kernel that it cannot set up
 * do not reach the user: what came of it is compared with the other backend's results, and told.
 */
async function withoutKernelNoise<T>(start: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...said: unknown[]) => {
    if (!String(said[0]).startsWith('XNN status')) warn.apply(console, said);
  };
  try {
    return await start();
  } finally {
    console.warn = warn;
  }
}

/** The main module of the tfjs-node that may be loaded, the program's own before the project's; null where there is none. */
async function installation(modelPath: string, warn: (message: string) => void): Promise<string | null> {
  const folders = [realPath(dirname(resolve(modelPath))), dirname(realPath(modelPath))];
  const isOfModel = (path: string): boolean => folders.some((folder) => isWithin(path, folder));
  const own = resolveFrom(import.meta.dirname);
  // who runs this program from the model's folder runs that folder's code already
  if (own !== null && (!isOfModel(own) || isOfModel(realPath(import.meta.dirname)))) return own;
  const project = realPath(process.cwd());
  const found = resolveFrom(project);
  if (found === null) return null;
  if (!isOfModel(found) && !isOfModel(project) && (await dependsOn(project))) return found;
  const why =
    isOfModel(found) || isOfModel(project) ? 'code beside a model is never run' : 'no package.json here names it';
  warn(`${nodePackage} (${found}) is not used: ${why}. TensorFlow.js on WebAssembly is used instead.`);
  return null;
}

/** The real path of tfjs-node's main module, as Node.js finds it from a folder; null where it is not installed. */
function resolveFrom(folder: string): string | null {
  try {
    return realpathSync(createRequire(join(folder, 'from.js')).resolve(nodePackage));
  } catch {
    return null;
  }
}

const dependencies = v.optional(v.record(v.string(), v.unknown()), {});
const packageJson = v.object({
  dependencies,
  devDependencies: dependencies,
  optionalDependencies: dependencies,
  peerDependencies: dependencies,
});

/** Whether the project that a folder belongs to, by the nearest package.json, names tfjs-node among its dependencies. */
async function dependsOn(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
  if (text === null) return dirname(folder) === folder ? false : dependsOn(dirname(folder));
  try {
    return Object.values(parseJson(text, packageJson)).some((named) => nodePackage in named);
  } catch {
    // no package.json that npm would take either
    return false;
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || resolve(way) === way);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
