/** What stands in a run's folder about the run itself. */
export const recordName = 'run.json';

/** A run's result; a folder that has it is a finished run's. */
export const resultName = 'report.json';

/** The result of a training from scratch, whose folder holds no model's. */
export const scratchResultName = 'from-scratch.json';

/** The folder in a run's folder for what it computes. */
export const artifactsName = 'artifacts';
