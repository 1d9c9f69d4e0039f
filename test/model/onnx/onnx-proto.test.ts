import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnx } from 'onnx-proto';
import { expect, it } from 'vitest';
import { defaultPlanOptions } from '../../../src/contract/settings.js';
import { loadModel } from '../../../src/model/load.js';
import { readFloats } from '../../../src/model/tensor.js';
import { rewriteModel } from '../../../src/run/rewrite.js';
import { temporaryFolder } from '../../run/runs.js';

/** float32 values that lie as bytes, or as numbers of a field of their own. */
function floatsOf({ rawData, floatData }: onnx.ITensorProto): Float32Array {
  if (rawData === null || rawData === undefined || rawData.length === 0) return Float32Array.from(floatData ?? []);
  return new Float32Array(Uint8Array.from(rawData).buffer);
}

it.each([
  { name: 'plain', form: 'folded' },
  { name: 'residual', form: 'fused' },
  { name: 'residual', form: 'explicit' },
] as const)(
  '$name, $form: another reader of ONNX decodes what is written as the same graph',
  async ({ name, form }) => {
    const out = join(await temporaryFolder(), 'out.onnx');
    const model = fileURLToPath(new URL(`../../../fixtures/${name}.onnx`, import.meta.url));
    const rewrite = { model, out, a: 0.1, b: -0.05, overwrite: false };
    const { plan } = await rewriteModel({ ...rewrite, plan: { ...defaultPlanOptions, form, padding: 'floor' } });
    expect(plan.summary.migrate).toBeGreaterThan(0);

    const decoded = onnx.ModelProto.decode(await readFile(out));
    const { graph } = await loadModel(out);
    expect(decoded.opsetImport?.map(({ version }) => Number(version))).toEqual(
      graph.model.opsetImport.map(({ version }) => Number(version)),
    );
    const said = decoded.graph ?? {};
    expect(said.node?.map(({ opType, input, output }) => ({ opType, input, output }))).toEqual(
      graph.proto.node.map(({ opType, input, output }) => ({ opType, input, output })),
    );
    expect(said.output?.map((output) => output.name)).toEqual(graph.proto.output.map((output) => output.name));
    const initializers = said.initializer ?? [];
    expect(initializers.map((tensor) => tensor.name)).toEqual(graph.proto.initializer.map((tensor) => tensor.name));
    for (const [i, tensor] of graph.proto.initializer.entries()) {
      const other = initializers[i] ?? {};
      expect(other.dims?.map(Number), tensor.name).toEqual(tensor.dims.map(Number));
      if (tensor.dataType === onnx.TensorProto.DataType.FLOAT) {
        expect(floatsOf(other), tensor.name).toEqual(Float32Array.from(readFloats(tensor)));
      }
    }
    // not the file as it came: what was written is what is read
    const original = onnx.ModelProto.decode(await readFile(model));
    expect(onnx.ModelProto.toObject(decoded)).not.toEqual(onnx.ModelProto.toObject(original));
  },
);
