import type { Questions } from '../questions.js';
import { findModels } from './find-models.js';

/** More than fit on a screen are chosen from by their path. */
const modelsListed = 20;

/** The model that a user means who named none: one of those in the folder, or another. @throws Failure('interrupted') */
export async function chooseModel(questions: Questions, folder: string): Promise<string> {
  const found = await findModels(folder, modelsListed);
  const message = 'Which model?';
  if (found.length === 0) return questions.path('Which model? (an .onnx file, or a model.json of TensorFlow.js):');
  const chosen = await questions.choose<string | null>(message, [
    ...found.map((path) => ({ name: path, value: path })),
    { name: 'another: type its path', value: null },
  ]);
  return chosen ?? questions.path('Path of the model:');
}
