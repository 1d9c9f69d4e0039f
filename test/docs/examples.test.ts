import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Project, ts } from 'ts-morph';
import { expect, it } from 'vitest';

const pages = ['README.md', 'README.ja.md', 'docs/library.md', 'docs/configuration.md'];

/** What the examples take from around them. */
const surroundings =
  'declare global { const pixels: Float32Array; const labels: Int32Array; const batches: import("frelu-migrate").TrainingBatch[] }';

it('the programs of the documentation compile, strictly, against what this package exports', async () => {
  const project = new Project({
    tsConfigFilePath: 'tsconfig.json',
    skipAddingFilesFromTsConfig: true,
    compilerOptions: { paths: { 'frelu-migrate': [resolve('src/index.ts')] }, noUnusedLocals: false, noEmit: true },
  });
  project.createSourceFile(resolve('test/docs/surroundings.ts'), `${surroundings}\nexport {};`);
  const examples = new Map<string, string>();
  for (const page of pages) {
    const blocks = [...(await readFile(page, 'utf8')).matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
    for (const [i, [, code = '']] of blocks.entries()) {
      const name = `${page.replaceAll(/\W/g, '-')}-${i + 1}`;
      // a block goes on from the imports of the page's earlier ones
      const file = project.createSourceFile(resolve(join('test/docs', `${name}.ts`)), `${code}\nexport {};`);
      examples.set(file.getFilePath(), code);
      const missing = blocks.slice(0, i).flatMap(([, earlier = '']) => earlier.match(/^import .*$/gm) ?? []);
      if (!/^import /m.test(code)) file.insertText(0, `${missing.join('\n')}\n`);
    }
  }
  expect(examples.size).toBeGreaterThan(8);
  const faults = [...examples.keys()].flatMap((path) =>
    project
      .getSourceFileOrThrow(path)
      .getPreEmitDiagnostics()
      .map((each) => `${path}: ${ts.flattenDiagnosticMessageText(each.compilerObject.messageText, ' ')}`),
  );
  expect(faults).toEqual([]);
});
