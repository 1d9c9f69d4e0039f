/** Names that are taken, and fresh ones beside them: each is given in constant time, however many there are. */
export class Names {
  readonly #taken: Set<string>;
  /** by wanted name: the first number that has not been tried behind it */
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  has(name: string): boolean {
    return this.#taken.has(name);
  }

  add(name: string): void {
    this.#taken.add(name);
  }

  /** `wanted` where it is free, else `wanted_1`, `wanted_2` ...: the first that is. It is taken from now on. */
  fresh(wanted: string): string {
    let name = wanted;
    if (this.#taken.has(name)) {
      let number = this.#next.get(wanted) ?? 1;
      do name = `${wanted}_${number++}`;
      while (this.#taken.has(name));
      this.#next.set(wanted, number);
    }
    this.#taken.add(name);
    return name;
  }
}
