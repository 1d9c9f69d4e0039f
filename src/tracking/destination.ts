import { Failure } from '../contract/failure.js';

/** A place outside the run's folder where its results are kept too. */
export type Destination =
  | {
      readonly kind: 'mlflow';
      /** of the tracking server, without a slash at its end and without credentials */
      readonly url: string;
      readonly experiment: string;
      /** what stood in the address: a user and a password; null where none did */
      readonly credentials: { readonly user: string; readonly password: string } | null;
    }
  | { readonly kind: 'tensorboard'; readonly folder: string };

/** The experiment of runs whose destination names none. */
const defaultExperiment = 'frelu-migrate';

const cure =
  'Name an MLflow server, such as mlflow:http://localhost:5000 or mlflow:https://host/path#EXPERIMENT, or a folder for TensorBoard, such as tensorboard:logs.';

/**
 * `mlflow:http://host:port[/path][#EXPERIMENT]` or `tensorboard:FOLDER`.
 * @throws Failure('usage') for anything else; the message holds no password
 */
export function parseDestination(text: string): Destination {
  const [, kind, rest = ''] = /^(mlflow|tensorboard):(.*)$/s.exec(text) ?? [];
  if (kind === 'tensorboard' && rest !== '') return { kind, folder: rest };
  if (kind === 'mlflow') return parseServer(rest);
  throw new Failure('usage', {
    what: `'${withoutCredentials(text)}' is no place to log to.`,
    cure,
    written: 'nothing',
  });
}

function parseServer(text: string): Destination {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '') {
    throw new Failure('usage', {
      what: `'${withoutCredentials(text)}' is not the address of an MLflow server.`,
      cure,
      written: 'nothing',
    });
  }
  const { username, password, hash, origin, pathname } = url;
  const experiment = decoded(hash.slice(1));
  return {
    kind: 'mlflow',
    url: `${origin}${pathname.replace(/\/+$/, '')}`,
    experiment: experiment === '' ? defaultExperiment : experiment,
    credentials: username === '' ? null : { user: decoded(username), password: decoded(password) },
  };
}

/** What is no percent-encoding stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/#]*@/, '//');
}

/** As a command line says it, without credentials: what is shown has to be harmless in a log of CI. */
export function destinationText(destination: Destination): string {
  switch (destination.kind) {
    case 'tensorboard':
      return `tensorboard:${destination.folder}`;
    case 'mlflow': {
      const { url, experiment } = destination;
      return `mlflow:${url}${experiment === defaultExperiment ? '' : `#${encodeURIComponent(experiment)}`}`;
    }
  }
}
