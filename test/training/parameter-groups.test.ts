import { describe, expect, it } from 'vitest';
import { unscaled } from '../../src/contract/settings.js';
import { noRoles, type ParameterRoles, parameterGroups } from '../../src/training/parameter-groups.js';

const optimizer = { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01 } as const;
const parameters = ['w', 'b', 'v', 'c'];
const roles: ParameterRoles = {
  biases: new Set(['b', 'c']),
  head: new Set(['v', 'c']),
  besideSites: new Set(),
};
const beside: ParameterRoles = { ...roles, besideSites: new Set(['b']) };

/** Each parameter with its rate, at rates of 1 for weights and 3 for shifts and offsets, and its weight decay. */
function settingsOf(
  ...args: Parameters<typeof parameterGroups>
): Record<string, readonly [rate: number, decay: number]> {
  const groups = parameterGroups(...args);
  return Object.fromEntries(
    groups.flatMap(({ parameters: own, rateScales, optimizer: { weightDecay } }) =>
      own.map((name) => [name, [Math.max(rateScales.weights, 3 * rateScales.sites), weightDecay]] as const),
    ),
  );
}

describe('groups of parameters', () => {
  it('are two where nothing is scaled', () => {
    const groups = parameterGroups({ parameters, siteParameters: ['a'], roles: beside }, { optimizer });
    expect(groups).toEqual([
      { name: 'weights', parameters, optimizer, rateScales: { weights: 1, sites: 0 } },
      { name: 'sites', parameters: ['a'], optimizer, rateScales: { weights: 0, sites: 1 } },
    ]);
    expect(parameterGroups({ parameters: [], siteParameters: [], roles: noRoles }, { optimizer })).toEqual([]);
  });

  it('have the rate and the decay of what they are; the bias of the last layer is of the last layer', () => {
    const scales = {
      optimizer,
      rateScales: { biases: 2, head: 10 },
      decayScales: { offsets: 0, biases: 0.5, head: 1 },
    };
    expect(settingsOf({ parameters, siteParameters: ['a'], roles }, scales)).toEqual({
      w: [1, 0.01],
      b: [2, 0.005],
      v: [10, 0.01],
      c: [10, 0.01],
      a: [3, 0],
    });
  });

  it('let the control arm go as far, and decay as little, as the shifts and offsets of the other', () => {
    const control = { parameters, siteParameters: [], roles: beside };
    const scales = { optimizer, decayScales: { ...unscaled, offsets: 0 }, sitesApart: true };
    expect(settingsOf(control, scales)).toMatchObject({ b: [3, 0], c: [1, 0.01] });
    // never less than its biases had anyway
    const faster = { optimizer, rateScales: { biases: 5, head: 1 }, decayScales: { ...unscaled, offsets: 2 } };
    expect(settingsOf(control, { ...faster, sitesApart: true })).toMatchObject({ b: [5, 0.01] });
  });
});
