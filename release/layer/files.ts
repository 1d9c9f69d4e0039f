import { join } from 'node:path';
import { Project, ts } from 'ts-morph';
import { freluModule } from '../../src/model/tfjs/frelu-module.js';

const source = '@tensorflow/tfjs';

/**
 * The files of the folder `tfjs/`, which is the entry point `frelu-migrate/tfjs`: the very module that `codemod --inline-layer` writes, as an
 * ES module and as a CommonJS one, and its declarations. Resolvers that know no `exports` (Browserify, TypeScript's `node10`) find it as a folder.
 * @param folder the package's, in which TensorFlow.js is installed: declarations are made by the compiler, from its types
 * @returns each file's text by its path, relative to the package's folder
 */
export function layerFiles(folder: string): ReadonlyMap<string, string> {
  const declarations = declarationsOf(folder);
  const manifest = { type: 'module', main: './index.cjs', module: './index.js', types: './index.d.ts' };
  return new Map([
    ['tfjs/package.json', `${JSON.stringify(manifest, null, 2)}\n`],
    ['tfjs/index.js', freluModule({ language: 'javascript', system: 'esm', package: source })],
    ['tfjs/index.cjs', freluModule({ language: 'javascript', system: 'commonjs', package: source })],
    ['tfjs/index.d.ts', declarations],
    ['tfjs/index.d.cts', declarations],
  ]);
}

function declarationsOf(folder: string): string {
  const project = new Project({
    compilerOptions: {
      declaration: true,
      emitDeclarationOnly: true,
      strict: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: [],
    },
  });
  const text = freluModule({ language: 'typescript', system: 'esm', package: source });
  const file = project.createSourceFile(join(folder, 'tfjs', 'index.ts'), text, { overwrite: true });
  const [fault] = file.getPreEmitDiagnostics();
  if (fault !== undefined) throw new Error(ts.flattenDiagnosticMessageText(fault.compilerObject.messageText, '\n'));
  const [emitted] = file.getEmitOutput({ emitOnlyDtsFiles: true }).getOutputFiles();
  if (emitted === undefined) throw new Error('The compiler gives no declarations.');
  return emitted.getText();
}
