export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof shells)[number];

/*
 * Each script asks the program, by `complete SHELL -- WORDS`, what may stand in the place of the last word. It answers with a line that says
 * whether paths may, and then a line per candidate: the word, a tab, its description. Paths are the shell's own to complete.
 */

const bash = `# completion of frelu-migrate for bash: source <(frelu-migrate completion bash)
_frelu_migrate() {
  local line word paths='' IFS=$'\\n'
  COMPREPLY=()
  while read -r line; do
    if [[ -z $paths ]]; then paths=$line; continue; fi
    word=\${line%%$'\\t'*}
    COMPREPLY+=("$word")
  done < <(frelu-migrate complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $paths == paths ]]; then
    # what bash completes by itself where nothing else is found
    compopt -o default -o bashdefault 2>/dev/null
    if (( \${#COMPREPLY[@]} > 0 )); then
      compopt -o filenames 2>/dev/null
      COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    fi
  else
    compopt +o default +o bashdefault 2>/dev/null
  fi
}
complete -F _frelu_migrate frelu-migrate
`;

const zsh = `#compdef frelu-migrate
# completion of frelu-migrate for zsh: source <(frelu-migrate completion zsh), behind compinit
_frelu_migrate() {
  local -a lines described
  local line
  lines=("\${(@f)$(frelu-migrate complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    [[ -n $line ]] && described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( \${#described} )) && _describe 'frelu-migrate' described
  [[ $lines[1] == paths ]] && _files
}
compdef _frelu_migrate frelu-migrate
`;

const fish = `# completion of frelu-migrate for fish: frelu-migrate completion fish | source
function __frelu_migrate_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (frelu-migrate complete fish -- $before[2..] "$current" 2>/dev/null)
    test (count $lines) -gt 1; and printf '%s\\n' $lines[2..]
    test "$lines[1]" = paths; and __fish_complete_path "$current"
end
complete -c frelu-migrate -f -k -a '(__frelu_migrate_complete)'
`;

const powershell = `# completion of frelu-migrate for PowerShell: frelu-migrate completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName frelu-migrate -ScriptBlock {
    param($current, $line, $position)
    $words = @($line.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
    # older versions drop an argument that is empty
    $last = if ($current -eq '') { '""' } else { $current }
    $lines = @(frelu-migrate complete powershell '--' @words $last 2>$null)
    $lines | Select-Object -Skip 1 | ForEach-Object {
        $word, $description = $_ -split "\`t", 2
        if (-not $description) { $description = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $description)
    }
    # where there is nothing, PowerShell completes paths
}
`;

/** What makes a shell complete the command lines of this program, for the shell to run. */
export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };
