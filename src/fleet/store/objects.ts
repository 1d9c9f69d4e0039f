import type { Address } from '../address.js';
import type { FleetStore } from './store.js';

export async function openObjectStore(_address: Address, _cache: string): Promise<FleetStore> {
  throw new Error('to come');
}
