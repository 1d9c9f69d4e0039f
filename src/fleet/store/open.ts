import { addressOf } from '../address.js';
import { openFolderStore } from './folder.js';
import type { FleetStore } from './store.js';

/**
 * The store at an address.
 * @param cache folder of this machine's, for a store that is none of its folders
 * @throws Failure('usage') for an address of another kind
 */
export async function openStore(uri: string, cache: string): Promise<FleetStore> {
  const address = addressOf(uri);
  if (address.kind === 'file') return openFolderStore(address.path);
  const { openObjectStore } = await import('./objects.js');
  return openObjectStore(address, cache);
}
