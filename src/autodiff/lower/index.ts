/**
 * Lowerings rewrite the training copy of a graph before it is differentiated; each file says what its pass requires and
 * ensures. Values that a pass adds have no observed shape: observe again before `differentiate`.
 */
export { type RunningStatistics, useBatchStatistics } from './batch-statistics.js';
export { unrollRecurrent } from './recurrent.js';
