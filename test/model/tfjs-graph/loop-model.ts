import type { JsonObject } from '../../../src/model/tfjs/json.js';
import { bool, type HandmadeModel, text, type } from './graph-model.js';

/** TensorFlow's two ways to write a loop: nodes of the main graph, or functions of its library. */
export const styles = ['Enter and NextIteration', 'While'] as const;
export type Style = (typeof styles)[number];

export interface Variable {
  readonly name: string;
  readonly start: string;
  readonly dtype: 'float32' | 'int32' | 'list';
}

/** Where the nodes of a condition or a body go. */
export interface Place {
  /** a variable as this part of the loop reads it */
  read(variable: string): string;
  node(op: string, name: string, inputs: readonly string[], attr?: JsonObject): string;
  integer(name: string, value: number): string;
  floats(name: string, shape: readonly number[], values: readonly number[]): string;
}

export interface LoopParts {
  readonly variables: readonly Variable[];
  condition(place: Place): string;
  /** what a round makes of variables; the others stay */
  body(place: Place): Readonly<Record<string, string>>;
}

/** Writes a loop; returns what each variable is once it is over, by name. */
export function writeLoop(model: HandmadeModel, style: Style, parts: LoopParts): (variable: string) => string {
  return style === 'While' ? writeWhile(model, parts) : writeFrame(model, parts);
}

function writeFrame(model: HandmadeModel, { variables, condition, body }: LoopParts): (variable: string) => string {
  const place = (read: (variable: string) => string): Place => ({
    read,
    node: (op, name, inputs, attr = {}) => model.node(op, name, inputs, attr),
    integer: (name, value) => model.integers(name, value),
    floats: (name, shape, values) => model.constant(name, shape, values),
  });
  for (const { name, start, dtype } of variables) {
    const attr = { T: type(dtype), frame_name: text('loop'), is_constant: bool(false) };
    model.node('Enter', `enter/${name}`, [start], attr);
    model.node('Merge', `merge/${name}`, [`enter/${name}`, `next/${name}`], { T: type(dtype) });
  }
  model.node('LoopCond', 'cond', [condition(place((name) => `merge/${name}`))]);
  for (const { name, dtype } of variables) {
    model.node('Switch', `switch/${name}`, [`merge/${name}`, 'cond'], { T: type(dtype) });
    model.node('Exit', `exit/${name}`, [`switch/${name}`], { T: type(dtype) });
  }
  const made = body(place((name) => `switch/${name}:1`));
  for (const { name, dtype } of variables) {
    model.node('NextIteration', `next/${name}`, [made[name] ?? `switch/${name}:1`], { T: type(dtype) });
  }
  return (name) => `exit/${name}`;
}

function writeWhile(model: HandmadeModel, { variables, condition, body }: LoopParts): (variable: string) => string {
  const write = (name: string, outputs: (place: Place) => readonly (readonly [string, string])[]) => {
    const nodeDef: JsonObject[] = [];
    // within a function an output is named with the node's own name for it; only its number counts
    const named = (input: string) => {
      const isArgument = variables.some((variable) => variable.name === input);
      const [node = '', output = '0'] = input.split(':');
      return isArgument ? input : `${node}:out:${output}`;
    };
    const place: Place = {
      read: (variable) => variable,
      node: (op, node, inputs, attr = {}) => {
        nodeDef.push({ name: node, op, input: inputs.map(named), attr });
        return node;
      },
      integer: (node, value) => {
        nodeDef.push(model.constantNode(node, [], [value], 'int32'));
        return node;
      },
      floats: (node, shape, values) => {
        nodeDef.push(model.constantNode(node, shape, values));
        return node;
      },
    };
    const made = outputs(place);
    const inputArg = variables.map((variable) => ({ name: variable.name, ...typeOf(variable.dtype) }));
    const outputArg = made.map(([output]) => ({ name: output, type: 'DT_FLOAT' }));
    const ret = Object.fromEntries(made.map(([output, value]) => [output, named(value)]));
    model.functions.push({ signature: { name, inputArg, outputArg }, nodeDef, ret });
  };
  write('loop_condition', (place) => [['goes_on', condition(place)]]);
  write('loop_body', (place) => {
    const made = body(place);
    return variables.map(({ name }) => [`${name}_next`, made[name] ?? name]);
  });
  const attr = { cond: { func: { name: 'loop_condition' } }, body: { func: { name: 'loop_body' } } };
  const starts = variables.map(({ start }) => start);
  model.node('StatelessWhile', 'loop', starts, attr);
  return (name) => {
    const output = variables.findIndex((variable) => variable.name === name);
    return output === 0 ? 'loop' : `loop:${output}`;
  };
}

function typeOf(dtype: Variable['dtype']): JsonObject {
  return { type: dtype === 'float32' ? 'DT_FLOAT' : dtype === 'int32' ? 'DT_INT32' : 'DT_VARIANT' };
}

/** Goes on until the state is small: only a run tells how many rounds that takes. */
export function openLoop(model: HandmadeModel, style: Style): void {
  const x = model.input('x', [2, 2]);
  const first = model.node('Relu', 'before', [model.node('MatMul', 'product', [x, model.random('w', [2, 2])])]);
  const end = writeLoop(model, style, {
    variables: [{ name: 'state', start: first, dtype: 'float32' }],
    condition: (place) => {
      const largest = place.node('Max', 'largest', [place.read('state'), place.integer('axis', 0)]);
      const all = place.node('Max', 'all', [largest, place.integer('other_axis', 0)]);
      return place.node('Greater', 'greater', [all, place.floats('bound', [], [0.1])], { T: type('float32') });
    },
    body: (place) => ({
      state: place.node('Mul', 'half', [place.read('state'), place.floats('factor', [], [0.5])], {
        T: type('float32'),
      }),
    }),
  });
  const last = model.node('MatMul', 'after', [end('state'), model.random('v', [2, 3])]);
  model.node('Relu', 'behind', [last], { T: type('float32') });
  model.fields = { signature: { outputs: { y: { name: 'behind:0', dtype: 'DT_FLOAT' } } } };
}
