/**
 * The mean of the parameters over the ends of several epochs: stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407).
 */
export interface EpochAverage {
  /** of epochs */
  readonly count: number;
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

/** How much of the training is over before the ends of epochs are averaged, and from when on the rate stays what it is. */
export const averagedFrom = 0.5;

/** The mean over one more epoch, a + (p - a) / (n + 1); of the first one, what it ended with. */
export function withEpoch(average: EpochAverage | null, ended: ReadonlyMap<string, Float32Array>): EpochAverage {
  if (average === null) return { count: 1, parameters: ended };
  const count = average.count + 1;
  const parameters = [...ended].map(([name, values]) => {
    const before = average.parameters.get(name);
    if (before === undefined) throw new Error(`'${name}' is not in the average`);
    const mean = values.map((value, i) => {
      const old = before[i] ?? Number.NaN;
      return old + (value - old) / count;
    });
    return [name, mean] as const;
  });
  return { count, parameters: new Map(parameters) };
}
