import type { MigrateResult, SettingValue } from '../../contract/result.js';
import type { Rich, Section } from '../document.js';
import type { Texts } from '../text/en.js';
import { type Context, named, numeric } from './context.js';

/** What is needed to repeat the run: settings, versions, device, and the hashes of what was read and written. */
export function settings({ result, text, numbers }: Context): Section {
  const words = text.settings;
  const { model, device, environment, files } = result;
  const asCode = (value: string): Rich => [{ kind: 'code', text: value }];
  const rows: (readonly [string, Rich])[] = [
    [words.model, asCode(model.path)],
    [words.format, [model.format]],
    [words.opset, [model.opset === null ? '–' : numbers.count(model.opset, 'model.opset')]],
    [words.parameters, [numbers.count(model.parameters, 'model.parameters')]],
    [words.modelHash, asCode(model.sha256)],
    [words.device, [deviceText(device.used, device.adapter), words.requested(device.requested)]],
    ...elsewhere(result, words),
    ['frelu-migrate', [environment.version]],
    ['Node.js', [environment.node]],
    ['ONNX Runtime', [environment.onnxruntime]],
    ['OS', [environment.platform]],
    ['CPU', [environment.cpu ?? text.notMeasured]],
    [words.threads, [environment.threads === null ? '–' : numbers.count(environment.threads, 'environment.threads')]],
  ];
  return {
    id: 'settings',
    title: words.title,
    blocks: [
      {
        kind: 'details',
        summary: words.table,
        blocks: [
          {
            kind: 'table',
            caption: words.table,
            columns: [named(words.name), numeric(words.value)],
            rows: Object.entries(result.settings).map(([name, value]) => [
              asCode(name),
              name === 'preprocessing' ? [text.said(result.settings.preprocessing)] : asCode(shown(value, words)),
            ]),
          },
        ],
      },
      {
        kind: 'table',
        caption: words.environment,
        columns: [named(words.name), named(words.value)],
        rows: rows.map(([name, value]) => [[name], value]),
      },
      ...(files.length === 0
        ? []
        : [
            {
              kind: 'table',
              caption: words.files,
              columns: [named(words.file), named('SHA-256')],
              rows: files.map(({ path, sha256 }) => [asCode(path), asCode(sha256)]),
            } as const,
          ]),
    ],
  };
}

/** What was computed on another device than the run's. */
function elsewhere({ device, computedOn }: MigrateResult, words: Texts['settings']): [string, Rich][] {
  const { activations, attribution } = computedOn;
  const parts = [
    { name: words.activations, provider: activations },
    { name: words.attribution, provider: attribution },
  ];
  const other = parts.filter(({ provider }) => provider !== null && provider !== device.used);
  if (other.length === 0) return [];
  return [[words.elsewhere, [other.map(({ name, provider }) => `${name}: ${provider}`).join(', ')]]];
}

function deviceText(used: string, adapter: string | null): string {
  return adapter === null ? used : `${used}, ${adapter}`;
}

function shown(value: SettingValue, words: Texts['settings']): string {
  if (value === null) return '–';
  if (typeof value === 'boolean') return value ? words.on : words.off;
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  if (typeof value === 'string') return value;
  return value.join(', ') || '–';
}
