/** Where a run's results were logged. */
export interface Logged {
  /** the address or folder at which they are found */
  readonly at: string;
  /** what was left out, and why, in whole sentences */
  readonly notes: readonly string[];
}
