/**
 * What a shell must read once so that TAB asks us. Each script hands over the words up to the cursor and shows what
 * comes back; see answer-shell.ts for the words of the answer.
 */

/** A shell that is served. */
export type Shell = 'bash' | 'zsh' | 'fish';

/** bash cuts words at `:` and `=`, and replaces only what is behind the last of them. */
const bash = `# aitbc: completion for bash, from 3.2 on. Read it with: source <(aitbc completion bash)
_aitbc() {
  local line="\${COMP_LINE:0:COMP_POINT}" kind=none reply current head=''
  local -a words
  read -r -a words <<< "$line"
  if [[ "$line" == *[[:space:]] ]]; then words+=(''); fi
  current="\${words[\${#words[@]}-1]}"
  if [[ "$current" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then head="\${current%"\${current##*:}"}"; fi
  if [[ "\${current#"$head"}" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then head="\${current%"\${current##*=}"}"; fi
  COMPREPLY=()
  while IFS= read -r reply; do
    if [[ "$reply" == :* ]]; then
      kind="\${reply#:}"
    else
      reply="\${reply%%$'\\t'*}"
      COMPREPLY+=("\${reply#"$head"}")
    fi
  done < <(aitbc __complete -- "\${words[@]:1}" 2> /dev/null)
  local word="\${current#"$head"}"
  case "$kind" in
    files) while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -f -- "$word") ;;
    folders) while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -d -- "$word") ;;
  esac
  if [[ "$kind" != none ]]; then compopt -o filenames 2> /dev/null; fi
  return 0
}
complete -F _aitbc aitbc
`;

const zsh = `#compdef aitbc
# aitbc: completion for zsh. Read it with: source <(aitbc completion zsh)
_aitbc() {
  local kind=none reply word
  local -a plain entries
  while IFS= read -r reply; do
    word="\${reply%%$'\\t'*}"
    if [[ "$reply" == :* ]]; then
      kind="\${reply#:}"
    elif [[ "$reply" == *$'\\t' ]]; then
      plain+=("$word")
    else
      # _describe reads a colon as the end of the word.
      entries+=("\${word//:/\\\\:}:\${reply#*$'\\t'}")
    fi
  done < <(aitbc __complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)
  if (( \${#plain} )); then compadd -a plain; fi
  if (( \${#entries} )); then _describe 'aitbc' entries; fi
  case "$kind" in
    files) compset -P '*='; _files ;;
    folders) compset -P '*='; _files -/ ;;
  esac
}
if [[ "\${funcstack[1]}" == _aitbc ]]; then
  _aitbc "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _aitbc aitbc
fi
`;

const fish = `# aitbc: completion for fish. Read it with: aitbc completion fish | source
function __aitbc_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l current (commandline -ct)
    for reply in (aitbc __complete -- $words[2..-1] 2> /dev/null)
        switch $reply
            case :files
                __fish_complete_path $current
            case :folders
                __fish_complete_directories $current
            case ':*'
            case '*'
                echo $reply
        end
    end
end
complete -c aitbc -f -k -a '(__aitbc_complete)'
`;

/** The scripts by shell. */
export const scripts: Readonly<Record<Shell, string>> = Object.freeze({ bash, zsh, fish });

/** How a shell reads its script every time it starts. */
export const installLines: Readonly<Record<Shell, string>> = Object.freeze({
  bash: `echo 'source <(aitbc completion bash)' >> ~/.bashrc`,
  zsh: `echo 'source <(aitbc completion zsh)' >> ~/.zshrc`,
  fish: 'aitbc completion fish > ~/.config/fish/completions/aitbc.fish',
});

/** True for the name of a shell that is served. */
export function isShell(name: string): name is Shell {
  return Object.hasOwn(scripts, name);
}
