/**
 * Which folder may import which: docs/architecture.md draws it. Types count as much as values: a type that comes from above says that
 * it stands in the wrong folder.
 */
const base = ['contract', 'math'];
const graphs = [...base, 'model', 'transforms', 'autodiff', 'runtime'];
const parts = [...graphs, 'training', 'data', 'evaluation', 'upgrade', 'tfjs-check'];

/** Each folder with those that it may import, besides itself, `shell.ts`, `version.ts` and packages. */
const layers = {
  contract: ['math'],
  math: ['contract'],
  model: base,
  transforms: [...base, 'model'],
  autodiff: [...base, 'model'],
  runtime: [...base, 'model'],
  training: graphs,
  data: base,
  evaluation: [...base, 'model'],
  upgrade: [...base, 'model'],
  'tfjs-check': [...base, 'model'],
  report: [...base, 'evaluation'],
  tracking: ['contract', 'model', 'report', 'upgrade'],
  reading: [...base, 'model', 'runtime', 'data', 'evaluation'],
  judge: [...parts, 'reading'],
  run: [...parts, 'reading', 'judge', 'report'],
  fleet: [...parts, 'reading', 'report', 'run'],
  codemod: ['contract', 'model', 'upgrade'],
  library: [...parts, 'reading', 'report', 'run', 'codemod', 'tracking', 'cli'],
};

const folder = (name) => (name === 'transforms' ? '^transforms/' : `^src/${name}/`);
const everyFolder = '^(src/[^/]+|transforms)/';

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Modules that import each other are one module in several files.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unknown-folder',
      comment: 'A new folder needs a place among the layers, here and in docs/architecture.md.',
      severity: 'error',
      from: {},
      to: { path: everyFolder, pathNot: [...Object.keys(layers), 'cli'].map(folder) },
    },
    {
      name: 'nothing-imports-the-command-line',
      severity: 'error',
      from: { pathNot: '^(src/cli|src/library|bin|bench|test)/' },
      to: { path: folder('cli') },
    },
    {
      name: 'the-library-reads-options-alone',
      comment:
        'Of the command line, the library has how options are read and runs are found; nothing of it prints or asks.',
      severity: 'error',
      from: { path: folder('library') },
      to: { path: folder('cli'), pathNot: '^src/cli/(options|config)/|^src/cli/run-folders[.]ts$' },
    },
    {
      name: 'nothing-imports-the-library-entry',
      comment: 'src/index.ts gathers what the package exports; within it, import from where a thing stands.',
      severity: 'error',
      from: { path: '^(src|transforms|bin)/' },
      to: { path: '^src/index[.]ts$' },
    },
    {
      name: 'only-leaves-beside-the-folders',
      comment: 'What stands in src/ itself is imported from everywhere, so it imports nothing.',
      severity: 'error',
      from: { path: '^src/[^/]+[.]ts$', pathNot: '^src/index[.]ts$' },
      to: { path: '^(src|transforms)/' },
    },
    ...Object.entries(layers).map(([name, below]) => ({
      name: `${name}-imports-what-is-below`,
      comment: `${name} may import ${below.join(', ')}.`,
      severity: 'error',
      from: { path: folder(name) },
      to: { path: everyFolder, pathNot: [name, ...below].map(folder) },
    })),
  ],
  options: {
    // the compiler's own parser is of no use: version 7 has no interface for JavaScript
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
  },
};
