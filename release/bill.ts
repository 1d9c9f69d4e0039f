import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import * as v from 'valibot';
import { productionLock } from './production.js';

/** What stands in a project's folder that a bill of materials is made from. */
export interface Project {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** names of the packages that a user's project gets with this one, of whatever kind of dependency */
  readonly dependencies: readonly string[];
}

const manifest = v.object({
  name: v.string(),
  version: v.string(),
  dependencies: v.optional(v.record(v.string(), v.string()), {}),
  optionalDependencies: v.optional(v.record(v.string(), v.string()), {}),
  peerDependencies: v.optional(v.record(v.string(), v.string()), {}),
  peerDependenciesMeta: v.optional(v.record(v.string(), v.object({ optional: v.optional(v.boolean()) })), {}),
});

/** @param text of package.json */
export function projectOf(folder: string, text: string): Project {
  const { name, version, ...kinds } = v.parse(manifest, JSON.parse(text));
  const peers = Object.keys(kinds.peerDependencies).filter(
    (peer) => kinds.peerDependenciesMeta[peer]?.optional !== true,
  );
  return {
    ...{ folder, name, version },
    dependencies: [...Object.keys({ ...kinds.dependencies, ...kinds.optionalDependencies }), ...peers],
  };
}

export const formats = ['cyclonedx', 'spdx'] as const;
export type Format = (typeof formats)[number];

/**
 * The bill of materials of what is installed in production, on any platform, as npm makes it of package-lock.json: no host is asked.
 * @returns the document's text
 * @throws Error when npm ends with another code than 0
 */
export async function billOf({ folder, name }: Project, format: Format): Promise<string> {
  const here = await mkdtemp(join(tmpdir(), 'frelu-sbom-'));
  try {
    const { devDependencies: _, ...own } = v.parse(v.looseObject({}), await json(join(folder, 'package.json')));
    await writeFile(join(here, 'package.json'), JSON.stringify(own));
    const lock = await readFile(join(folder, 'package-lock.json'), 'utf8');
    await writeFile(join(here, 'package-lock.json'), productionLock(lock));
    const document: unknown = JSON.parse(await npm(['sbom', '--package-lock-only', `--sbom-format=${format}`], here));
    return `${JSON.stringify(format === 'cyclonedx' ? named(document, name) : identified(document), null, 2)}\n`;
  } finally {
    await rm(here, { recursive: true, force: true });
  }
}

const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));

/** Runs npm without a network; gives back what it prints. */
async function npm(parameters: readonly string[], folder: string): Promise<string> {
  // a script that npm runs is told which npm that is
  const own = process.env.npm_execpath;
  const [command, first] = own?.endsWith('.js') ? [process.execPath, [own]] : ['npm', []];
  const options = { cwd: folder, maxBuffer: 2 ** 26 };
  return (await promisify(execFile)(command, [...first, '--offline', ...parameters], options)).stdout;
}

/** npm gives a project without a scope the name of its folder. */
function named(document: unknown, name: string): unknown {
  const component = v.looseObject({ name: v.string() });
  const bill = v.parse(v.looseObject({ metadata: v.looseObject({ component }) }), document);
  return { ...bill, metadata: { ...bill.metadata, component: { ...bill.metadata.component, name } } };
}

/** npm makes identifiers of names without a look at SPDX 2.3, 3.2: letters, digits, full stops and hyphens (string_decoder). */
function identified(document: unknown): unknown {
  const sound = (value: unknown): unknown => {
    if (typeof value === 'string') return /^SPDXRef-/.test(value) ? value.replaceAll(/[^A-Za-z0-9.-]/g, '-') : value;
    if (Array.isArray(value)) return value.map(sound);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, sound(each)]));
  };
  return sound(document);
}

const license = v.union([
  v.pipe(
    v.object({ license: v.object({ id: v.string() }) }),
    v.transform((entry) => entry.license.id),
  ),
  v.pipe(
    v.object({ license: v.object({ name: v.string() }) }),
    v.transform((entry) => entry.license.name),
  ),
  v.pipe(
    v.object({ expression: v.string() }),
    v.transform((entry) => entry.expression),
  ),
]);

const cyclonedx = v.object({
  metadata: v.object({ component: v.object({ 'bom-ref': v.string(), name: v.string(), version: v.string() }) }),
  components: v.array(
    v.object({
      'bom-ref': v.string(),
      name: v.string(),
      version: v.string(),
      purl: v.string(),
      hashes: v.optional(v.array(v.object({ alg: v.string(), content: v.string() })), []),
      licenses: v.optional(v.array(license), []),
    }),
  ),
  dependencies: v.array(v.object({ ref: v.string(), dependsOn: v.optional(v.array(v.string()), []) })),
});

/** A package of a bill. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** an SPDX expression, or whatever else its package.json says; null where that says nothing */
  readonly license: string | null;
}

/** The packages of a CycloneDX bill, by name. */
export function partsOf(bill: string): Part[] {
  const { components } = v.parse(cyclonedx, JSON.parse(bill));
  const parts = components.map(({ name, version, licenses }) => ({ name, version, license: licenses[0] ?? null }));
  return parts.sort((a, b) => (a.name === b.name ? a.version.localeCompare(b.version) : a.name < b.name ? -1 : 1));
}

const spdx = v.object({
  spdxVersion: v.literal('SPDX-2.3'),
  dataLicense: v.literal('CC0-1.0'),
  SPDXID: v.literal('SPDXRef-DOCUMENT'),
  documentNamespace: v.pipe(v.string(), v.url()),
  documentDescribes: v.array(v.string()),
  packages: v.array(
    v.object({
      SPDXID: v.pipe(v.string(), v.regex(/^SPDXRef-[A-Za-z0-9.-]+$/)),
      name: v.string(),
      versionInfo: v.string(),
      downloadLocation: v.pipe(v.string(), v.nonEmpty()),
    }),
  ),
  relationships: v.array(
    v.object({ spdxElementId: v.string(), relatedSpdxElement: v.string(), relationshipType: v.string() }),
  ),
});

/**
 * What is wrong with the two bills of a project: nothing, where each has the form of its standard, they name the same packages, what a
 * package depends on is among them, each can be told by a hash from another of its name, and no direct dependency is missing.
 * @returns a sentence for each defect
 */
export async function defectsOf(project: Project, bills: Readonly<Record<Format, string>>): Promise<string[]> {
  const invalid = await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(bills.cyclonedx);
  if (invalid !== null) return [`CycloneDX: not as its schema says: ${JSON.stringify(invalid)}`];
  const other = v.safeParse(spdx, JSON.parse(bills.spdx));
  if (!other.success) return other.issues.map((issue) => `SPDX: ${v.getDotPath(issue)}: ${issue.message}`);
  const { metadata, components, dependencies } = v.parse(cyclonedx, JSON.parse(bills.cyclonedx));
  const { packages, relationships, documentDescribes } = other.output;

  const refs = new Set([metadata.component['bom-ref'], ...components.map((part) => part['bom-ref'])]);
  const ids = new Set(['SPDXRef-DOCUMENT', ...packages.map(({ SPDXID }) => SPDXID)]);
  const names = new Set(components.map(({ name }) => name));
  const inFirst = new Set([metadata.component, ...components].map((part) => `${part.name}@${part.version}`));
  const inSecond = new Set(packages.map((part) => `${part.name}@${part.versionInfo}`));
  const among = (known: ReadonlySet<string>, name: string, where: string) =>
    known.has(name) ? [] : [`${name} is missing ${where}`];
  return [
    ...among(inFirst, `${project.name}@${project.version}`, 'as what the CycloneDX bill is of'),
    ...project.dependencies.flatMap((name) => among(names, name, 'among the packages, and package.json names it')),
    ...dependencies.flatMap(({ ref, dependsOn }) =>
      [ref, ...dependsOn].flatMap((each) => among(refs, each, 'among the packages, and a dependency names it')),
    ),
    ...components.flatMap(({ name, hashes }) => (hashes.length > 0 ? [] : [`${name} has no hash`])),
    ...(ids.size === packages.length + 1 ? [] : ['two packages of the SPDX bill have one identifier']),
    ...documentDescribes.flatMap((id) => among(ids, id, 'among the packages, and the SPDX bill is of it')),
    ...relationships.flatMap(({ spdxElementId, relatedSpdxElement }) =>
      [spdxElementId, relatedSpdxElement].flatMap((id) =>
        among(ids, id, 'among the packages, and a relationship names it'),
      ),
    ),
    ...[...inFirst].flatMap((part) => among(inSecond, part, 'in the SPDX bill')),
    ...[...inSecond].flatMap((part) => among(inFirst, part, 'in the CycloneDX bill')),
  ];
}
