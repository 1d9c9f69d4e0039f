import * as v from 'valibot';

export const failureSchema = v.object({
  unit: v.string(),
  attempts: v.array(v.object({ when: v.string(), host: v.string(), exit: v.nullable(v.number()), why: v.string() })),
  final: v.boolean(),
});

export const progressSchema = v.object({
  unit: v.string(),
  host: v.string(),
  phase: v.string(),
  share: v.number(),
  when: v.string(),
});
