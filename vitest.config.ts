import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { globSync } from 'tinyglobby';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// each of two workers has one processor: of small networks a second thread of ONNX Runtime costs more than it computes
const env = { FRELU_THREADS: '1' };

/**
 * What a test does to its whole process: it puts other modules in the place of ours, changes the folder or the backend of TensorFlow.js, measures memory.
 */
const ofProcess = /\bvi\.mock\(|\bprocess\.chdir\(|from '@tensorflow\/|\bmaxRSS\b|\bVmHWM\b|\bmemoryUsage\b/;

const root = import.meta.dirname;
const sources = new Map(
  globSync('test/**/*.ts', { cwd: root, absolute: true }).map((path) => [path, readFileSync(path, 'utf8')]),
);

/** Whether a file, or what it imports of its neighbours, does something to its process. */
function isApart(path: string): boolean {
  const source = sources.get(path) ?? '';
  const imports = [...source.matchAll(/from '(\.[^']*)\.js'/g)].map(([, name]) => resolve(dirname(path), `${name}.ts`));
  return [source, ...imports.map((each) => sources.get(each) ?? '')].some((each) => ofProcess.test(each));
}

const tests = [...sources.keys()].filter((path) => path.endsWith('.test.ts'));
/** They compute with TensorFlow.js, and nothing that they do sets another backend. */
const readers = tests.filter((path) => /\/test\/model\/tfjs/.test(path));
/** Each has a process of its own. All others share those of two workers, and what these have loaded. */
const apart = tests.filter((path) => !readers.includes(path) && isApart(path));
const together = tests.filter((path) => !readers.includes(path) && !apart.includes(path));

/** Those that start programs and train networks: begun first, so that no worker is left with a long one. */
const slow = ['fleet', 'run', 'report', 'cli', 'tracking', 'docs', 'training', 'upgrade', 'library', 'codemod'];

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const [, folder = ''] = /\/test\/(\w+)\//.exec(moduleId) ?? [];
      return slow.includes(folder) ? slow.indexOf(folder) : slow.length;
    };
    // projects stay in their order: a worker is kept only for the next file of its own
    const placeOf = ({ project }: TestSpecification): number => projects.findIndex(({ name }) => name === project.name);
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b) || rankOf(a) - rankOf(b));
  }
}

const projects = [
  { name: 'apart', include: apart },
  { name: 'readers', include: readers, isolate: false },
  { name: 'together', include: together, isolate: false },
];

export default defineConfig({
  test: {
    // nothing is awaited for so long: a machine of half the speed, with others on it, has to pass
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
    env,
    sequence: { sequencer: SlowFirst },
    projects: projects.map((test) => ({ extends: true, test })),
  },
});
