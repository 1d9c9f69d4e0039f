import * as v from 'valibot';

const names = v.optional(v.record(v.string(), v.string()), {});

const entry = v.looseObject({
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
  peerDependenciesMeta: v.optional(v.record(v.string(), v.object({ optional: v.optional(v.boolean()) })), {}),
});
type Entry = v.InferOutput<typeof entry>;

const lockFile = v.looseObject({ lockfileVersion: v.literal(3), packages: v.record(v.string(), entry) });

/** Where Node finds `name` from a package that lies at `from`: the nearest node_modules upwards. */
function resolved(packages: Readonly<Record<string, Entry>>, from: string, name: string): string | undefined {
  for (let at = from; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (place in packages) return place;
    if (at === '') return undefined;
  }
}

/** What a package has installed beside it; a peer that is optional is there only where somebody else asks for it. */
function wantedBy({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Entry): string[] {
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
  return [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers];
}

/** Where what is installed in production lies, on any platform, by a lock file of version 3: `node_modules/...`. */
export function productionPackages(text: string): readonly string[] {
  return Object.keys(v.parse(lockFile, JSON.parse(productionLock(text))).packages).filter((place) => place !== '');
}

/**
 * A lock file without what only development needs. `npm sbom --omit=dev` is of no use for it: it leaves out what both need
 * (seen in npm 11).
 * @param text of package-lock.json, version 3
 */
export function productionLock(text: string): string {
  const lock = v.parse(lockFile, JSON.parse(text));
  const { devDependencies: _, ...root } = lock.packages[''] ?? v.parse(entry, {});
  const packages: Record<string, Entry> = { ...lock.packages, '': root };
  const reached = new Set(['']);
  for (const place of reached) {
    const from = packages[place];
    for (const name of from === undefined ? [] : wantedBy(from)) {
      const found = resolved(packages, place, name);
      if (found !== undefined) reached.add(found);
    }
  }
  const kept = Object.entries(packages).filter(([place]) => reached.has(place));
  return JSON.stringify({ ...lock, packages: Object.fromEntries(kept) });
}
