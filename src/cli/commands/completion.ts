import { Argument, type Command } from 'commander';
import { type Shell, scripts, shells } from '../completion/scripts.js';
import type { Run } from '../context.js';
import { oneOf } from '../options/option.js';

export function declareCompletion(command: Command): Run {
  let shell: Shell = 'bash';
  const declared = new Argument('<SHELL>', `the shell that completes`).choices(shells);
  declared.argParser((text: string) => {
    shell = oneOf(text, shells);
    return text;
  });
  command.addArgument(declared);
  command.addHelpText(
    'after',
    '\nbash:        source <(frelu-migrate completion bash)             in ~/.bashrc' +
      '\nzsh:         source <(frelu-migrate completion zsh)              in ~/.zshrc, behind compinit' +
      '\nfish:        frelu-migrate completion fish | source              in ~/.config/fish/config.fish' +
      '\nPowerShell:  frelu-migrate completion powershell | Out-String | Invoke-Expression   in $PROFILE',
  );
  return async ({ io }) => {
    io.stdout.write(scripts[shell]);
    return 0;
  };
}
