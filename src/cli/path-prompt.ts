import { existsSync } from 'node:fs';
import {
  createPrompt,
  isEnterKey,
  isTabKey,
  makeTheme,
  type Status,
  useKeypress,
  usePrefix,
  useState,
} from '@inquirer/core';
import { printable } from '../printable.js';
import { atHome, completePath } from './complete-path.js';

/** how many of the names that may be meant are shown */
const namesShown = 40;

/** A question for the path of a file or folder that is there, which Tab completes. */
export const askForPath = createPrompt<string, { readonly message: string }>(({ message }, done) => {
  const theme = makeTheme();
  const [status, setStatus] = useState<Status>('idle');
  const [value, setValue] = useState('');
  const [below, setBelow] = useState('');
  const prefix = usePrefix({ status, theme });
  useKeypress((key, line) => {
    if (status !== 'idle') return;
    if (isEnterKey(key)) {
      const path = atHome(value.trim()).replace(/(?<=.)\/$/, '');
      if (path !== '' && existsSync(path)) {
        setValue(path);
        setStatus('done');
        done(path);
        return;
      }
      // the line was taken away with the key
      line.write(value);
      setBelow(theme.style.error(path === '' ? 'Type a path; Tab completes it.' : `There is no ${printable(path)}.`));
    } else if (isTabKey(key)) {
      const { path, names } = completePath(value);
      line.clearLine(0);
      line.write(path);
      setValue(path);
      setBelow(printable(listed(names)));
    } else {
      setValue(line.line);
      setBelow('');
    }
  });
  const shown = status === 'done' ? theme.style.answer(printable(value)) : printable(value);
  return [`${prefix} ${theme.style.message(message, status)} ${shown}`, below];
});

function listed(names: readonly string[]): string {
  const more = names.length - namesShown;
  return names.slice(0, namesShown).join('  ') + (more > 0 ? `  and ${more} more` : '');
}
