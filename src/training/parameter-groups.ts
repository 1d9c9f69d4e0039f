import type { GroupSettings, StepOptions } from '../autodiff/step.js';
import { type OptimizerSettings, type ParameterScales, unscaled } from '../contract/settings.js';

/** Initializers of the model by what they are to it, which a parameter may be several of. */
export interface ParameterRoles {
  readonly biases: ReadonlySet<string>;
  readonly head: ReadonlySet<string>;
  /** of the control arm: the biases that the other arm's shifts and offsets act through */
  readonly besideSites: ReadonlySet<string>;
}

export const noRoles: ParameterRoles = { biases: new Set(), head: new Set(), besideSites: new Set() };

export interface GroupOptions {
  readonly optimizer: OptimizerSettings;
  /** of the learning rate; the shifts' and offsets' is in the rates that a step is given. Left out: 1 for all */
  readonly rateScales?: Pick<ParameterScales, 'biases' | 'head'>;
  /** whether the rate of shifts and offsets is another than the weights' */
  readonly sitesApart?: boolean;
  /** of the weight decay; left out: 1 for all */
  readonly decayScales?: ParameterScales;
}

interface Grouped {
  readonly parameters: readonly string[];
  readonly siteParameters: readonly string[];
  readonly roles: ParameterRoles;
}

type Group = StepOptions['groups'][number];

/**
 * The parameters of a network in groups of one learning rate and one weight decay. The last layer's are of the last layer, its bias too.
 *
 * In the control arm the biases that the other arm's shifts and offsets act through have the larger rate, and the smaller decay, of the
 * biases' and the offsets': otherwise a setting that lets shifts and offsets go farther would pass for a merit of FReLU.
 */
export function parameterGroups(
  { parameters, siteParameters, roles }: Grouped,
  { optimizer, rateScales = unscaled, decayScales = unscaled, sitesApart = false }: GroupOptions,
): readonly Group[] {
  const weights = parameters.map((name): readonly [string, GroupSettings] => {
    const kind = roles.head.has(name) ? 'head' : roles.biases.has(name) ? 'biases' : null;
    const [rate, decay] = kind === null ? [1, 1] : [rateScales[kind], decayScales[kind]];
    const besideSite = roles.besideSites.has(name);
    return [
      name,
      {
        optimizer: withDecay(optimizer, besideSite ? Math.min(decay, decayScales.offsets) : decay),
        rateScales: { weights: rate, sites: besideSite && sitesApart ? 1 : 0 },
      },
    ];
  });
  const ofSites = {
    optimizer: withDecay(optimizer, decayScales.offsets),
    rateScales: { weights: 0, sites: 1 },
  };
  return [
    ...alike('weights', weights),
    ...alike(
      'sites',
      siteParameters.map((name) => [name, ofSites] as const),
    ),
  ];
}

function withDecay(optimizer: OptimizerSettings, scale: number): OptimizerSettings {
  return scale === 1 ? optimizer : { ...optimizer, weightDecay: scale * optimizer.weightDecay };
}

/** Those with the same settings together, in the order of the first of each. */
function alike(name: string, parameters: readonly (readonly [string, GroupSettings])[]): Group[] {
  const groups = new Map<string, GroupSettings & { readonly parameters: string[] }>();
  for (const [parameter, settings] of parameters) {
    const key = JSON.stringify(settings);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { ...settings, parameters: [parameter] });
    else known.parameters.push(parameter);
  }
  return [...groups.values()].map((group) => ({ name, ...group }));
}
