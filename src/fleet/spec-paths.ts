import { teacherFile } from '../contract/settings.js';
import type { RunSpec } from '../run/spec.js';

/** Every path that a spec names, each once. */
export function pathsOf(spec: RunSpec): readonly string[] {
  const found = new Set<string>();
  mapPaths(spec, (path) => {
    found.add(path);
    return path;
  });
  return [...found];
}

/** A spec with other paths: the one place that knows which of its fields are some. */
export function mapPaths(spec: RunSpec, map: (path: string) => string): RunSpec {
  const mapped = (path: string | null): string | null => (path === null ? null : map(path));
  const { data, task, reading, distill } = spec;
  return {
    ...spec,
    data: {
      ...data,
      data: map(data.data),
      test: mapped(data.test),
      preprocessorConfig: mapped(data.preprocessorConfig),
      ...(data.slices !== undefined && { slices: { ...data.slices, file: mapped(data.slices.file) } }),
    },
    task: { ...task, loss: ownFile(task.loss, map), metric: ownFile(task.metric, map) },
    reading: { ...reading, classes: mapped(reading.classes) },
    distill: { ...distill, teacher: mapped(teacherFile(distill)) ?? distill.teacher },
  };
}

/** A graph of the user's with another path; what is not one as it is. */
function ownFile<Named>(named: Named, map: (path: string) => string): Named {
  if (typeof named !== 'object' || named === null || !('file' in named) || typeof named.file !== 'string') return named;
  return { ...named, file: map(named.file) };
}
