import { describe, expect, it } from 'vitest';
import { mapPaths, pathsOf } from '../../src/fleet/spec-paths.js';
import { type Input, makeUnit } from '../../src/fleet/unit.js';
import { completeOptions, specOf } from '../../src/run/spec.js';
import { optionsFor } from '../run/runs.js';

const spec = specOf(completeOptions(optionsFor('net.onnx', '/data/a.csv')));

function inputAt(uri: string, content: string): Input {
  const entry = uri.slice(uri.lastIndexOf('/') + 1);
  return { uri, entry, files: [{ path: entry, sha256: content.repeat(64), bytes: 10 }] };
}

function unitAt(folder: string, data: string) {
  const there = mapPaths(spec, (path) => path.replace('/data', folder));
  const model = inputAt('/models/net.onnx', '1');
  return makeUnit({
    name: 'net',
    candidate: 'default',
    model,
    inputs: [inputAt(`${folder}/a.csv`, data)],
    spec: there,
    device: 'cpu',
  });
}

describe('a unit', () => {
  it('is named by what it reads, and not by where that lies', () => {
    expect(unitAt('/elsewhere', '2').id).toBe(unitAt('/data', '2').id);
    expect(unitAt('/data', '3').id).not.toBe(unitAt('/data', '2').id);
  });

  it('reads the files that its settings name, and no others', () => {
    const taught = (teacher: string) => ({ ...spec, distill: { ...spec.distill, teacher } });
    expect(pathsOf(spec)).toEqual(['/data/a.csv']);
    expect(pathsOf(taught('/models/teacher.onnx'))).toEqual(['/data/a.csv', '/models/teacher.onnx']);
    // the model as it came
    expect(pathsOf(taught('self'))).toEqual(['/data/a.csv']);
  });
});
