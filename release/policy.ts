import satisfies from 'spdx-satisfies';
import type { Part } from './bill.js';

/** Licences that ask for no more than that their text and the authors' names are passed on. */
const permissive = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT'] as const;

/** Packages that may have more, and why: docs/dependencies.md says what it means for whoever passes them on. */
const exceptions: readonly { readonly name: RegExp; readonly licenses: readonly string[] }[] = [
  // libvips and what it is made of: a shared library of its own, or a WebAssembly module, which sharp loads
  { name: /^@img\/sharp-(libvips-|win32-|wasm32$)/, licenses: ['LGPL-3.0-or-later'] },
  // what ts-morph matches file patterns with: as permissive as MIT, and passed on with its text or a link to it
  { name: /^(minimatch|@isaacs\/nonrecursive-glob-match)$/, licenses: ['BlueOak-1.0.0'] },
];

/**
 * Why a package's licence does not let it be installed with ours.
 * @returns null where it does
 */
export function objectionTo({ name, version, license }: Part): string | null {
  const part = `${name}@${version}`;
  if (license === null) return `${part} does not say its licence`;
  const allowed = [
    ...permissive,
    ...exceptions.filter((each) => each.name.test(name)).flatMap(({ licenses }) => licenses),
  ];
  try {
    return satisfies(license, allowed) ? null : `${part} is under ${license}, which is not on the list`;
  } catch {
    return `${part} is under '${license}', which is no SPDX expression`;
  }
}
