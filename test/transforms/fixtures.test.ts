import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Form, Granularity, PlanOptions } from '../../src/contract/settings.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { bakeParameters } from '../../transforms/rewrite/bake.js';
import { transforms } from '../../transforms/rewrite/transforms.js';
import { expectClose, literal, migrated, parametric, randomParameters, run } from './compare.js';
import { parseGraph, printGraph } from './notation.js';

/** What a fixture's first line says: the options of the plan, and the values that its after-graph was written with. */
interface Fixture {
  readonly options: PlanOptions;
  readonly shift: readonly number[];
  readonly offset: readonly number[];
  readonly before: string;
  readonly after: string;
}

const folder = join(import.meta.dirname, 'fixtures');
const files = readdirSync(folder);

function readFixture(file: string): Fixture {
  const [head = '', before = '', after = ''] = readFileSync(join(folder, file), 'utf8').split('\n---\n');
  const words = new Map(head.split(/\s+/).map((word) => [word.split('=')[0], word.split('=')[1] ?? '']));
  const forms: Readonly<Record<string, Form>> = { folded: 'folded', fused: 'fused', explicit: 'explicit' };
  const granularity: Granularity = words.get('granularity') === 'channel' ? 'channel' : 'layer';
  const form = forms[words.get('form') ?? ''] ?? 'auto';
  const numbers = (key: string) => (words.get(key) ?? '0').split(',').map(Number);
  const options: PlanOptions = { form, padding: 'zero', granularity, include: [], exclude: [] };
  return { options, shift: numbers('shift'), offset: numbers('offset'), before, after };
}

test.each(transforms.filter(({ name }) => name !== 'pad-with-floor'))('$name has fixtures', ({ name, description }) => {
  expect(description).not.toBe('');
  expect(files.filter((file) => file.startsWith(`${name}.`))).not.toEqual([]);
});

describe.each(files)('%s', (file) => {
  const fixture = readFixture(file);
  const graph = parseGraph(fixture.before);
  const plan = planMigration(graph, fixture.options);

  test('before becomes after', () => {
    const parameters = migrated(plan).map(({ id, shift }) => ({
      id,
      shift: Float32Array.from(shift === null ? [] : fixture.shift),
      offset: Float32Array.from(fixture.offset),
    }));
    expect(printGraph(bakeParameters(graph, plan, parameters))).toBe(printGraph(parseGraph(fixture.after)));
  });

  test('with a = b = 0 it computes what it computed', async () => {
    expectClose(await run(bakeParameters(graph, plan, [])), await run(graph), 1e-6);
    expectClose(await run(parametric(graph, plan, [])), await run(graph), 1e-6);
  });

  test('with random parameters the written and the trained graph compute relu(x + a) + b', async () => {
    const parameters = randomParameters(plan);
    const half = file.includes('float16');
    const expected = await run(literal(graph, plan, parameters));
    expectClose(await run(bakeParameters(graph, plan, parameters)), expected, half ? 2e-3 : 1e-5);
    expectClose(await run(parametric(graph, plan, parameters)), expected, half ? 2e-3 : 1e-5);
  });

  test('a second run finds FReLU, and changes nothing', () => {
    const once = bakeParameters(graph, plan, randomParameters(plan));
    const again = planMigration(once, fixture.options);
    expect(again.sites.map(({ status, reason }) => `${status}: ${reason}`)).toEqual(
      plan.sites.map(({ form }) => `skip: already FReLU (${form})`),
    );
    const twice = bakeParameters(once, again, []);
    expect(Buffer.concat(encodeModel(twice.model)).equals(Buffer.concat(encodeModel(once.model)))).toBe(true);
  });
});
