import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it, onTestFinished } from 'vitest';
import { configSchema, configType } from '../../bench/schemas/config.js';
import { declareMigrate } from '../../src/cli/commands/migrate.js';
import { withConfig } from '../../src/cli/config/apply.js';
import { configKeys, configOptionsByCommand } from '../../src/cli/program.js';
import { tableSetting } from '../run/table.js';
import { frelu } from './command-line.js';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frelu-config-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const migrating = (folder: string, ...words: readonly string[]) =>
  withConfig(words, { declare: declareMigrate, known: configKeys, folder });

const settings = { data: 'd.csv', slice: ['site', 'age'], epochs: 2, control: false, yes: true, mean: [0.5, 0.25] };

describe('a configuration file', () => {
  it.each([
    ['frelu.config.json', JSON.stringify(settings)],
    ['frelu.config.yaml', 'data: d.csv\nslice: [site, age]\nepochs: 2\ncontrol: false\nyes: true\nmean: [0.5, 0.25]\n'],
    ['frelu.config.mjs', `export default ${JSON.stringify(settings)};`],
    ['frelu.config.ts', `const epochs: number = 2;\nexport default { ...${JSON.stringify(settings)}, epochs };`],
  ])('%s is found in the working directory, its paths taken from there', async (name, text) => {
    const folder = await folderWith({ [name]: text });
    const { words } = await migrating(folder, 'net.onnx');
    expect(words.toSorted()).toEqual(
      [
        `--data=${join(folder, 'd.csv')}`,
        ...['--slice=site', '--slice=age', '--epochs=2', '--no-control', '--yes', '--mean=0.5,0.25', 'net.onnx'],
      ].toSorted(),
    );
  });

  it('names a teacher by its path, or the model itself by a word that is none', async () => {
    const folder = await folderWith({ 'frelu.config.json': JSON.stringify({ teacher: 'large.onnx' }) });
    expect((await migrating(folder, 'net.onnx')).words).toContain(`--teacher=${join(folder, 'large.onnx')}`);
    const itself = await folderWith({ 'frelu.config.json': JSON.stringify({ teacher: 'self' }) });
    expect((await migrating(itself, 'net.onnx')).words).toContain('--teacher=self');
  });

  it('gives way to what is said on the command line, option by option', async () => {
    const folder = await folderWith({ 'frelu.config.json': JSON.stringify(settings) });
    const { words } = await migrating(folder, 'net.onnx', '--slice', 'sex', '--epochs=9');
    expect(words.filter((word) => /slice|epochs|sex/.test(word))).toEqual(['--slice', 'sex', '--epochs=9']);
    expect((await migrating(folder, 'net.onnx', '--no-config')).words).toEqual(['net.onnx']);
  });

  it('may name the model, for a command that was given none', async () => {
    const folder = await folderWith({ 'frelu.config.json': JSON.stringify({ model: 'models/net.onnx' }) });
    expect((await migrating(folder)).words).toEqual([join(folder, 'models/net.onnx')]);
    expect((await migrating(folder, 'other.onnx', '--epochs', '3')).words).toEqual(['other.onnx', '--epochs', '3']);
  });

  it('serves several commands: what one of them has not is left to the others, what none has is refused', async () => {
    const other = await folderWith({ 'frelu.config.json': JSON.stringify({ psiAlarm: 0.3 }) });
    expect((await migrating(other, 'net.onnx')).words).toEqual(['net.onnx']);
    const folder = await folderWith({ 'frelu.config.json': JSON.stringify({ epoch: 2 }) });
    await expect(migrating(folder, 'net.onnx')).rejects.toThrow('Did you mean "epochs"?');
  });

  it.each([
    [{ yes: 'please' }, '"yes" is neither true nor false'],
    [{ epochs: { a: 1 } }, '"epochs" holds {"a":1}'],
    [{ slice: [['site']] }, '"slice" holds [["site"]]'],
    [{ model: 3 }, '"model" is no path'],
    [[], 'it holds no object of options'],
  ])('that holds %j is refused', async (config, message) => {
    const folder = await folderWith({ 'frelu.config.json': JSON.stringify(config) });
    await expect(migrating(folder)).rejects.toThrow(message);
  });

  it('that is damaged, not there, or one of two is refused with its name', async () => {
    await expect(migrating(await folderWith({ 'frelu.config.yaml': 'a: [' }), 'm.onnx')).rejects.toThrow(
      'frelu.config.yaml',
    );
    await expect(migrating(await folderWith({}), 'm.onnx', '--config', 'no.json')).rejects.toThrow('no.json');
    const two = await folderWith({ 'frelu.config.yaml': 'epochs: 2', 'frelu.config.json': '{}' });
    await expect(migrating(two, 'm.onnx')).rejects.toThrow('2 configuration files stand there');
  });

  it('that is code does not run where it may have come with a model, unless it is named', async () => {
    const folder = await folderWith({ 'net.onnx': '', 'frelu.config.mjs': 'throw new Error("it ran");' });
    const model = join(folder, 'net.onnx');
    await expect(migrating(folder, model)).rejects.toThrow(/code that lies beside .*it is not run/s);
    await expect(migrating(folder, folder)).rejects.toThrow('it is not run');
    await expect(migrating(folder, model, '--config', join(folder, 'frelu.config.mjs'))).rejects.toThrow('it ran');
    await expect(migrating(folder, 'elsewhere.onnx')).rejects.toThrow('it ran');
  });
});

describe('--print-config', () => {
  it('prints what is in force, and what is read from that is the same', async () => {
    const folder = await folderWith({ 'frelu.config.json': JSON.stringify(settings) });
    const { printed } = await migrating(folder, 'net.onnx', '--input', 'x=a', '--input', 'y=b', '--print-config');
    expect(printed).toMatchObject({
      model: 'net.onnx',
      slice: ['site', 'age'],
      input: ['x=a', 'y=b'],
      ...{ epochs: 2, control: false, batchSize: 64, dryRun: false },
    });
    const again = await folderWith({ 'frelu.config.json': JSON.stringify({ ...printed, model: undefined }) });
    expect((await migrating(again, 'net.onnx', '--print-config')).printed).toEqual(printed);
  });

  it('prints the value of an option that was given without one', async () => {
    const folder = await folderWith({});
    for (const words of [['--mixup'], ['--mixup', '--epochs', '3']]) {
      expect((await migrating(folder, 'net.onnx', ...words, '--print-config')).printed).toMatchObject({ mixup: 0.2 });
    }
    const { printed } = await migrating(folder, 'net.onnx', '--mixup', '0.4', '--print-config');
    expect(printed).toMatchObject({ mixup: 0.4 });
  });

  it('does nothing else', async () => {
    const { code, stdout } = await frelu(['migrate', 'no-such.onnx', '--epochs', '3', '--print-config']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'no-such.onnx', epochs: 3 });
  });
});

it('is read by the commands themselves', async () => {
  const { model, data } = await tableSetting();
  const config = join(model, '..', 'mine.json');
  await writeFile(config, JSON.stringify({ model, data, slice: 'site' }));
  const { code, stdout } = await frelu(['evaluate', '--config', config, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).slices.map(({ value }: { value: string }) => value)).toEqual(['north', 'south']);
});

it('has a schema and a type that are those of the options', async () => {
  const options = await configOptionsByCommand();
  const schema = configSchema(options);
  const published = await readFile('docs/schemas/config.schema.json', 'utf8');
  expect(JSON.parse(JSON.stringify(schema)), 'npm run schemas makes them anew').toEqual(JSON.parse(published));
  expect(await readFile('src/contract/config.ts', 'utf8')).toBe(configType(options));
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
  expect(validate({ ...settings, input: { image: 'pixels' } })).toBe(true);
  expect(validate({ epoch: 2 })).toBe(false);
  expect(validate({ layout: 'NHCW' })).toBe(false);
});
