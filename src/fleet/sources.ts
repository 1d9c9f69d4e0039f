import { addressOf } from './address.js';
import { Fingerprints, localInput, verifyInputs } from './inputs.js';
import type { ObjectCache } from './s3/cache.js';
import type { Input, Unit } from './unit.js';

/** Where inputs come from: this machine's files, and objects of S3, which are fetched once per machine. */
export class Sources {
  readonly fingerprints = new Fingerprints();
  #objects: Promise<ObjectCache> | null = null;

  /** @param cache folder of this machine's for what is fetched */
  constructor(readonly cache: string) {}

  /**
   * What lies at an address, by content.
   * @throws Failure('input') where there is nothing
   */
  async describe(uri: string): Promise<Input> {
    if (addressOf(uri).kind === 'file') return localInput(uri, this.fingerprints);
    return (await this.#cache()).describe(uri);
  }

  /**
   * The path of an input on this machine, verified.
   * @throws Failure('input') where it is not there, or another than was planned for
   */
  async local(input: Input): Promise<string> {
    const address = addressOf(input.uri);
    if (address.kind === 'file') return address.path;
    return (await this.#cache()).fetch(input);
  }

  /** @throws Failure('input') where local inputs are not what the unit was planned for */
  verify(unit: Unit): Promise<void> {
    return verifyInputs(unit, this.fingerprints);
  }

  #cache(): Promise<ObjectCache> {
    this.#objects ??= import('./s3/cache.js').then(({ ObjectCache }) => new ObjectCache(this.cache));
    return this.#objects;
  }
}
