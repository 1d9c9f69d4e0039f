import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { billOf, defectsOf, type Format, type Project, partsOf, projectOf } from '../../release/bill.js';
import { objectionTo } from '../../release/policy.js';

const folder = resolve('.');
let project: Project;
let bills: Record<Format, string>;

beforeAll(async () => {
  project = projectOf(folder, await readFile('package.json', 'utf8'));
  bills = { cyclonedx: await billOf(project, 'cyclonedx'), spdx: await billOf(project, 'spdx') };
});

describe('the bill of materials', () => {
  it('is sound, names what users get, on any platform, and nothing that only we develop with', async () => {
    expect(await defectsOf(project, bills)).toEqual([]);
    const names = partsOf(bills.cyclonedx).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['onnxruntime-node', '@img/sharp-darwin-arm64', '@img/sharp-linux-x64']),
    );
    for (const name of ['vitest', '@biomejs/biome', 'typescript']) expect(names).not.toContain(name);
  });

  it.each<[string, Format, (bill: string) => string, RegExp]>([
    ['an unknown field', 'cyclonedx', (bill) => bill.replace('"bomFormat"', '"bomFormats"'), /schema/],
    [
      'a package under another version',
      'spdx',
      (bill) => bill.replace(/("name": "chalk",[^}]*?"versionInfo": ")[^"]*/, '$19.9.9'),
      /chalk@9\.9\.9 is missing in the CycloneDX bill/,
    ],
    [
      'a missing direct dependency',
      'cyclonedx',
      (bill) => bill.replaceAll('"name": "chalk"', '"name": "chak"'),
      /chalk/,
    ],
    [
      'an identifier that nobody has',
      'spdx',
      (bill) => bill.replace(/("relatedSpdxElement": "SPDXRef-)/, '$1x'),
      /a relationship names it/,
    ],
    ['a form of its own', 'spdx', (bill) => bill.replace('SPDX-2.3', 'SPDX-9'), /spdxVersion/],
  ])('with %s is told (%s)', async (_, format, spoil, told) => {
    const spoilt = { ...bills, [format]: spoil(bills[format]) };
    expect(spoilt).not.toEqual(bills);
    expect((await defectsOf(project, spoilt)).join('\n')).toMatch(told);
  });
});

describe('the licences', () => {
  it('of what is installed are all on the list', () => {
    expect(partsOf(bills.cyclonedx).flatMap((part) => objectionTo(part) ?? [])).toEqual([]);
  });

  it.each([
    ['some', 'GPL-3.0-only', 'some@1.0.0 is under GPL-3.0-only, which is not on the list'],
    ['some', 'MIT AND AGPL-3.0-only', 'some@1.0.0 is under MIT AND AGPL-3.0-only, which is not on the list'],
    ['some', 'LGPL-3.0-or-later', 'some@1.0.0 is under LGPL-3.0-or-later, which is not on the list'],
    ['@img/sharp-libvips-linux-x64', 'GPL-3.0-or-later', /not on the list/],
    ['some', 'SEE LICENSE IN LICENSE.txt', /no SPDX expression/],
    ['some', null, 'some@1.0.0 does not say its licence'],
    ['some', 'GPL-3.0-only OR MIT', null],
    ['@img/sharp-libvips-linux-x64', 'LGPL-3.0-or-later', null],
    ['@img/sharp-win32-x64', 'Apache-2.0 AND LGPL-3.0-or-later', null],
  ])('are held against it: %s under %s', (name, license, objection) => {
    const said = objectionTo({ name, version: '1.0.0', license });
    if (objection === null) expect(said).toBeNull();
    else expect(said).toMatch(objection);
  });
});
