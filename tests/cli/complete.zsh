# SPDX-License-Identifier: Apache-2.0
setopt extendedglob
# complete.zsh FOLDER LINE: what zsh's completion, with FOLDER first in fpath, would offer at the end of LINE, one a line.
# A real line editor on a pseudo-terminal; compadd, through which every word passes, also prints what matched.
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "fpath=(${(q)1} \$fpath); path=(${(q)1}/bin \$path); PROMPT=; RPROMPT=; autoload -Uz compinit; compinit -u -D; setopt rcquotes
compadd() {
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd \"\$@\"; return; fi
	local -a hits; builtin compadd -A hits \"\$@\"
	(( \$#hits )) && print -l -- '<'\${^hits}'>'
}
finished() { print '<'/finished'>'; }
compfinish() { _main_complete; finished; compstate[insert]=; compstate[list]=; }
zle -C compfinish complete-word compfinish
bindkey '^I' compfinish
print '<'/ready'>'"
zpty -r -m z ready '*</ready>*'
zpty -n -w z "$2"$'\t'
zpty -r -m z text '*</finished>*'
for line in ${(f)text}; do
	line=${line%$'\r'}
	[[ $line == (#b)*'<'([^/]*)'>' ]] && print -r -- $match[1]
done
zpty -d z
