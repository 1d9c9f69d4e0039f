import type { Artifact } from '../artifact.js';
import type { Run } from '../run.js';
import type { MigrateOptions } from '../spec.js';
import type { Store } from '../store.js';

/** Which stages keep artifacts of their own, by a name that stands behind the key. */
export type ScopeNames = Readonly<Record<string, string>>;

/**
 * A run of other settings over the same model and data. What its settings do not change it has from the run: how the model is read, and the
 * device. Artifacts of stages that are named are its own.
 */
export function deriveRun(run: Run, options: MigrateOptions, names: ScopeNames): Run {
  return { ...run, options, place: { ...run.place, store: scopedStore(run.place.store, names) } };
}

function scopedStore(store: Store, names: ScopeNames): Store {
  const scoped = <T>(artifact: Artifact<T>): Artifact<T> => {
    const name = names[artifact.stage];
    if (name === undefined) return artifact;
    return { ...artifact, key: artifact.key === '' ? name : `${artifact.key}~${name}` };
  };
  return {
    get: (artifact) => store.get(scoped(artifact)),
    put: (artifact, value) => store.put(scoped(artifact), value),
    remove: (artifact) => store.remove(scoped(artifact)),
    clear: () => store.clear(),
  };
}
