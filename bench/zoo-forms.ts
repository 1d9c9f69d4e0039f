import { messageOf } from '../src/contract/failure.js';
import { present } from '../src/contract/present.js';
import { compareForms } from './zoo/forms.js';

/** A process of its own for bench/zoo.ts: `compareForms` of the model that is named, as JSON; what it threw in `why`. */
try {
  process.stdout.write(JSON.stringify(await compareForms(present(process.argv[2], 'the model'))));
} catch (cause) {
  process.stdout.write(JSON.stringify({ why: messageOf(cause) }));
}
