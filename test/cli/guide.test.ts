import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { linesShown } from '../../bench/record/screen.js';
import { completePath } from '../../src/cli/complete-path.js';
import { findModels } from '../../src/cli/guide/find-models.js';
import { withOption } from '../../src/cli/guide/words.js';
import { smallData, smallModel, temporaryFolder } from './command-line.js';
import { build, executable, inTerminal, keys, python } from './terminal.js';

const { enter, down, tab, interrupt, clear } = keys;

describe('the models of a folder', () => {
  it('are told by what is in the files, the nearest first; what others made is passed over', async () => {
    const folder = await temporaryFolder();
    const places = ['', 'b', 'b/c', 'a', 'node_modules/x', '.frelu/backups'];
    for (const place of places) {
      await mkdir(join(folder, place), { recursive: true });
      await cp(await smallModel(), join(folder, place, 'net.onnx'));
    }
    await writeFile(join(folder, 'a', 'broken.onnx'), 'not a model');
    await writeFile(join(folder, 'a', 'empty.onnx'), '');
    await writeFile(join(folder, 'b', 'model.json'), '{"modelTopology": {"node": []}, "weightsManifest": []}');
    await mkdir(join(folder, 'settings'));
    await writeFile(join(folder, 'settings', 'model.json'), '{"name": "of something else"}');
    expect(await findModels(folder, 20)).toEqual([
      'net.onnx',
      'a/net.onnx',
      'b/model.json',
      'b/net.onnx',
      'b/c/net.onnx',
    ]);
    expect(await findModels(folder, 2)).toEqual(['net.onnx', 'a/net.onnx']);
    expect(await findModels(join(folder, 'nowhere'), 20)).toEqual([]);
  });
});

describe('a path that is completed', () => {
  it('goes as far as what may be meant has in common, and lists it', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'pictures'));
    await mkdir(join(folder, 'pictures', 'train'));
    for (const name of ['pictograms.npz', 'データ.csv', '.hidden']) await writeFile(join(folder, name), '');
    const complete = (typed: string) => {
      const { path, names } = completePath(`${folder}/${typed}`);
      return [path.slice(folder.length + 1), ...names];
    };
    expect(complete('p')).toEqual(['pict', 'pictograms.npz', 'pictures/']);
    expect(complete('pictu')).toEqual(['pictures/']);
    expect(complete('pictures/')).toEqual(['pictures/train/']);
    expect(complete('デ')).toEqual(['データ.csv']);
    expect(complete('')).toEqual(['', 'pictograms.npz', 'pictures/', 'データ.csv']);
    expect(complete('.')).toEqual(['.hidden']);
    expect(complete('no/such')).toEqual(['no/such']);
  });
});

it('an answer takes the place of an option that was given', () => {
  expect(withOption(['m.onnx', '--scale', '1', '--mean=2', '--json'], '--scale', '1/255')).toEqual([
    'm.onnx',
    '--mean=2',
    '--json',
    '--scale',
    '1/255',
  ]);
  expect(withOption(['m.onnx', '--mean=2'], '--mean', '-1')).toEqual(['m.onnx', '--mean', '-1']);
});

if (python === null) console.log('skipped: there is no Python with pseudo-terminals to type in');

describe.skipIf(python === null)('a guided run in a terminal', () => {
  beforeAll(build);

  /** A folder to work in, with a model and data whose reading is trusted by nobody until it is said. */
  async function workplace() {
    const folder = await temporaryFolder();
    await smallModel(folder);
    await cp(await smallData(), join(folder, 'データ.csv'));
    return folder;
  }
  const common = ['--device', 'cpu', '--lr', '0.05'];

  /** A migration of the model in the folder, that asks nothing about its reading. */
  const migrating = (...more: readonly string[]): string[] => [
    'model.onnx',
    '--data',
    'データ.csv',
    ...common,
    '--trust-reading',
    ...more,
  ];

  it('leads from a model to a report, by answers that are options', async () => {
    const folder = await workplace();
    const outcome = await inTerminal(['model.onnx', ...common], {
      folder,
      steps: [
        ['Data set', `nowhere${enter}`],
        ['There is no nowhere', `${clear}デ${tab}${enter}`],
        // what it takes the model for is doubtful: weights at random
        ['What shall be otherwise?', `${down}${enter}`],
        ['read rightly?', enter],
        ['How long', `${down}${enter}`],
        ['Where shall', `${down}${down}${enter}`],
      ],
    });
    expect(outcome).toMatchObject({ waiting: null });
    expect([0, 4]).toContain(outcome.code);
    expect(outcome.text).toMatch(/input 'x' \(float, \[4\].*\)/);
    expect(outcome.text).toContain('plan: 1 of 1 ReLU becomes FReLU\n');
    expect(outcome.text).toMatch(
      /What to expect: at none of the sites .*\ntime: about [\d.]+ s for 5 epochs of 2 arms/,
    );
    const line = /^ {2}node .*frelu-migrate\.js (.*)$/m.exec(outcome.text)?.[1];
    expect(line).toBe(`model.onnx ${common.join(' ')} --data 'データ.csv' --trust-reading --epochs 1 --dry-run`);
    expect(await readdir(folder)).toEqual(['.frelu', 'model.onnx', 'データ.csv'].toSorted());
    expect(await readdir(join(folder, '.frelu'))).toEqual(['runs']);
  });

  it('finds the model where none was named, has the reading corrected, and asks before it replaces', async () => {
    const folder = await workplace();
    const before = await readFile(join(folder, 'model.onnx'));
    const outcome = await inTerminal([], {
      folder,
      steps: [
        ['Which model?', enter],
        ['Data set', `デ${tab}${enter}`],
        ['What shall be otherwise?', `${down}${enter}`],
        // scale, the sixth of what there is to correct
        ['read rightly?', `${down.repeat(5)}${enter}`],
        ['--scale:', `much${enter}`],
        ['Give a number', `${clear}2${enter}`],
        ['read rightly?', enter],
        ['How long', enter],
        ['Where shall', enter],
        ['Replace model.onnx if established?', 'n'],
        ['(Y/n)', enter],
      ],
    });
    expect(outcome).toMatchObject({ code: 130, waiting: null });
    expect(outcome.text).toContain("model.onnx --data 'データ.csv' --trust-reading --scale 2\n");
    expect(outcome.text).toMatch(/Not started\..*Nothing was written\.\n$/s);
    expect(await readFile(join(folder, 'model.onnx'))).toEqual(before);
    expect((await readdir(folder)).toSorted()).toEqual(['model.onnx', 'データ.csv'].toSorted());
  });

  it('ends with 130 at Ctrl-C in a question, and has written nothing', async () => {
    const folder = await workplace();
    const steps = [
      ['Which model?', enter],
      ['Data set', `デ${tab}${enter}`],
      ['What shall be otherwise?', interrupt],
    ] as const;
    for (const asked of [1, 2, 3]) {
      const session = [...steps.slice(0, asked - 1), [steps[asked - 1]?.[0] ?? '', interrupt] as const];
      const outcome = await inTerminal([], { folder, steps: session });
      expect(outcome, outcome.text).toMatchObject({ code: 130, waiting: null });
      expect(outcome.text).toMatch(/Interrupted\. Run the command again\. Nothing was written\.\n/);
    }
    expect((await readdir(folder)).toSorted()).toEqual(['model.onnx', 'データ.csv'].toSorted());
  });

  it('does not wrap in a narrow terminal while it trains', async () => {
    const folder = await workplace();
    const argv = migrating('--epochs', '30', '--patience', '30', '--dry-run');
    const { raw } = await inTerminal(argv, { folder, columns: 40 });
    const drawn = raw.split('\r\u001b[2K').flatMap((piece) => piece.split('\r\n').slice(0, 1));
    const bars = drawn.filter((line) => /^(control|frelu) \d\/2/.test(line));
    expect(bars.length).toBeGreaterThan(2);
    for (const line of bars) expect(line.length).toBeLessThan(40);
    // a line that had wrapped could not have been taken back whole
    const shown = linesShown(raw, 40).filter((line) => /^(control|frelu) \d\/2/.test(line));
    expect(shown).toEqual([
      expect.stringMatching(/^control 1\/2 {2}\[#+\] {2}epoch 30\/30 {2}\d:\d\d$/),
      expect.stringMatching(/^frelu 2\/2 {2}\[#+\] {2}epoch 30\/30 {2}\d:\d\d$/),
    ]);
  });

  it.each([
    { where: 'on the terminal', redirected: false },
    { where: 'also where stderr goes to a file', redirected: true },
  ])('a model is replaced only after a question, $where', async ({ redirected }) => {
    const folder = await workplace();
    const argv = migrating('--epochs', '1', '--accept', 'always');
    const stderr = redirected ? { stderr: join(folder, 'log') } : {};
    const no = await inTerminal(argv, { folder, ...stderr, steps: [['Replace model.onnx', `n${enter}`]] });
    expect(no, no.text).toMatchObject({ code: 130, waiting: null });
    const before = await readFile(join(folder, 'model.onnx'));
    const yes = await inTerminal(argv, { folder, ...stderr, steps: [['Replace model.onnx', enter]] });
    expect(yes, yes.text).toMatchObject({ code: 0, waiting: null });
    expect(await readFile(join(folder, 'model.onnx'))).not.toEqual(before);
    if (redirected) expect(await readFile(join(folder, 'log'), 'utf8')).toContain('control 1/2: epoch 1');
  });

  it('asks nothing, and refuses, where standard input is no terminal', async () => {
    const folder = await workplace();
    const words = [process.execPath, executable, 'model.onnx', '--data', 'データ.csv'];
    const program = ['sh', '-c', `exec ${words.join(' ')} < /dev/null`];
    const outcome = await inTerminal([], { folder, program });
    expect(outcome.code).toBe(2);
    expect(outcome.text).toContain('there is nobody to ask for it. Say it beforehand (--yes). Nothing was written.');
    const alone = await inTerminal([], {
      folder,
      program: ['sh', '-c', `exec ${words.slice(0, 2).join(' ')} < /dev/null`],
    });
    expect(alone.code).toBe(2);
    expect(alone.text).toContain('Usage: frelu-migrate MODEL');
    const inBuilds = await inTerminal([], { folder, env: { CI: 'true' } });
    expect(inBuilds.code).toBe(2);
    expect(inBuilds.text).toContain('Usage: frelu-migrate MODEL');
  });
});
