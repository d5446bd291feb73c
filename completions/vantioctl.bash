# SPDX-License-Identifier: Apache-2.0
# bash completion for vantioctl; written by 'vantioctl completion bash', do not edit.

# Sets what may follow the words $1 (a noun, or a noun and a verb).
_vantioctl_table()
{
	opts= args=()
	case $1 in
	'')
		verbs=
		nouns='doctor run enforce load unload status policy agent tail killswitch ledger receipt phantom key completion help'
		globals='--json -j --ledger --no-color --quiet -q --version -V --help -h'
		;;
	doctor)
		verbs=''
		opts='--tier -t'
		;;
	run)
		verbs=''
		opts='--policy -p --preset -P --tier -t --name -n --phantom --allow-degraded'
		args+=('program')
		;;
	enforce)
		verbs=''
		opts='--policy -p --workdir -w --refresh --rotate --egress-interface --audit --allow-degraded'
		;;
	load)
		verbs=''
		opts=''
		;;
	unload)
		verbs=''
		opts=''
		;;
	status)
		verbs=''
		opts='--sample'
		;;
	policy)
		verbs='check show hash push explain test diff replay presets learn'
		;;
	'policy check')
		opts='--workdir -w'
		args+=('policy ...')
		;;
	'policy show')
		opts='--resolve -r --workdir -w'
		args+=('policy')
		;;
	'policy hash')
		opts='--canonical --workdir -w'
		args+=('policy')
		;;
	'policy push')
		opts='--allow-degraded --workdir -w'
		args+=('policy')
		;;
	'policy explain')
		opts='--workdir -w'
		args+=('policy')
		args+=('choice read write create unlink rename link symlink mkdir rmdir mknod truncate chmod chown utimes setxattr removexattr setflags exec mmap_exec connect sendto bind listen mount ptrace signal bpf module userns raw_socket io_uring perf keyring')
		args+=('none')
		args+=('none')
		;;
	'policy test')
		opts='--cases -c --workdir -w'
		args+=('policy')
		;;
	'policy diff')
		opts='--workdir -w'
		args+=('policy')
		args+=('policy')
		;;
	'policy replay')
		opts='--since --until --agent --limit -n --fail-on-change --workdir -w'
		args+=('policy')
		;;
	'policy presets')
		opts=''
		args+=('choice aider base build claude-code codex cursor-agent gemini-cli git loopback node opencode python')
		;;
	'policy learn')
		opts='--output -o --force -f --name -n --base -b --preset --allow-sensitive --many --absolute --agent --since --until --filter --workdir -w'
		args+=('program')
		;;
	agent)
		verbs='enroll list release remove'
		;;
	'agent enroll')
		opts='--name -n --policy -p --trace-id'
		args+=('none')
		;;
	'agent list')
		opts=''
		;;
	'agent release')
		opts=''
		args+=('agent')
		;;
	'agent remove')
		opts=''
		args+=('agent')
		;;
	tail)
		verbs=''
		opts='--follow -f --filter --lines -n'
		;;
	killswitch)
		verbs=''
		opts='--soft --hard --release --agent -a'
		args+=('choice status')
		;;
	ledger)
		verbs='verify list show stats export prove checkpoint cosign keys erase reindex'
		;;
	'ledger verify')
		opts='--against --vkey --since --segment --quorum --witness'
		;;
	'ledger list')
		opts='--since --until --agent --decision --hook --rule --trace-id --filter --sort --reverse -r --limit -n --after --before --offset'
		;;
	'ledger show')
		opts=''
		args+=('record')
		;;
	'ledger stats')
		opts='--by --every --since --until --agent --decision --rule --limit -n'
		;;
	'ledger export')
		opts='--format --output-file -o --hmac-key --location --retain'
		;;
	'ledger prove')
		opts='--disclose --checkpoint --output-file -o'
		args+=('record ...')
		;;
	'ledger checkpoint')
		opts=''
		;;
	'ledger cosign')
		opts='--key --vkey --output-file -o'
		args+=('file')
		;;
	'ledger keys')
		opts=''
		;;
	'ledger erase')
		opts='--field --before --dry-run -n'
		;;
	'ledger reindex')
		opts=''
		;;
	receipt)
		verbs='verify'
		;;
	'receipt verify')
		opts='--vkey --quorum --witness'
		args+=('file')
		;;
	phantom)
		verbs='list diff commit collapse'
		;;
	'phantom list')
		opts=''
		;;
	'phantom diff')
		opts='--patch'
		args+=('none')
		args+=('file ...')
		;;
	'phantom commit')
		opts='--force'
		args+=('none')
		args+=('file ...')
		;;
	'phantom collapse')
		opts=''
		args+=('none')
		;;
	key)
		verbs='generate show rotate'
		;;
	'key generate')
		opts='--output-file -o --name'
		;;
	'key show')
		opts='--as-witness'
		args+=('file')
		;;
	'key rotate')
		opts=''
		;;
	completion)
		verbs=''
		opts='--values'
		args+=('choice bash zsh fish')
		;;
	help)
		verbs=''
		opts=''
		args+=('none')
		args+=('none')
		;;
	esac
}

# Sets the kind of value that an option takes; $1 is "NOUN VERB|--option". Nothing for a flag.
_vantioctl_value()
{
	case $1 in
	*'|--ledger') value=dir ;;
	'doctor|--tier' | 'doctor|-t') value='choice kernel user observe' ;;
	'run|--policy' | 'run|-p') value='policy' ;;
	'run|--preset' | 'run|-P') value='choice aider base build claude-code codex cursor-agent gemini-cli git loopback node opencode python' ;;
	'run|--tier' | 'run|-t') value='choice auto kernel user observe' ;;
	'run|--name' | 'run|-n') value='none' ;;
	'enforce|--policy' | 'enforce|-p') value='policy' ;;
	'enforce|--workdir' | 'enforce|-w') value='dir' ;;
	'enforce|--refresh') value='none' ;;
	'enforce|--rotate') value='none' ;;
	'enforce|--egress-interface') value='none' ;;
	'status|--sample') value='none' ;;
	'policy check|--workdir' | 'policy check|-w') value='dir' ;;
	'policy show|--workdir' | 'policy show|-w') value='dir' ;;
	'policy hash|--workdir' | 'policy hash|-w') value='dir' ;;
	'policy push|--workdir' | 'policy push|-w') value='dir' ;;
	'policy explain|--workdir' | 'policy explain|-w') value='dir' ;;
	'policy test|--cases' | 'policy test|-c') value='policy' ;;
	'policy test|--workdir' | 'policy test|-w') value='dir' ;;
	'policy diff|--workdir' | 'policy diff|-w') value='dir' ;;
	'policy replay|--since') value='none' ;;
	'policy replay|--until') value='none' ;;
	'policy replay|--agent') value='agent' ;;
	'policy replay|--limit' | 'policy replay|-n') value='none' ;;
	'policy replay|--workdir' | 'policy replay|-w') value='dir' ;;
	'policy learn|--output' | 'policy learn|-o') value='file' ;;
	'policy learn|--name' | 'policy learn|-n') value='none' ;;
	'policy learn|--base' | 'policy learn|-b') value='policy' ;;
	'policy learn|--preset') value='choice aider base build claude-code codex cursor-agent gemini-cli git loopback node opencode python' ;;
	'policy learn|--allow-sensitive') value='none' ;;
	'policy learn|--many') value='none' ;;
	'policy learn|--agent') value='agent' ;;
	'policy learn|--since') value='none' ;;
	'policy learn|--until') value='none' ;;
	'policy learn|--filter') value='none' ;;
	'policy learn|--workdir' | 'policy learn|-w') value='dir' ;;
	'agent enroll|--name' | 'agent enroll|-n') value='none' ;;
	'agent enroll|--policy' | 'agent enroll|-p') value='none' ;;
	'agent enroll|--trace-id') value='trace' ;;
	'tail|--filter') value='none' ;;
	'tail|--lines' | 'tail|-n') value='none' ;;
	'killswitch|--agent' | 'killswitch|-a') value='agent' ;;
	'ledger verify|--against') value='file' ;;
	'ledger verify|--vkey') value='file' ;;
	'ledger verify|--since') value='none' ;;
	'ledger verify|--segment') value='none' ;;
	'ledger verify|--quorum') value='none' ;;
	'ledger verify|--witness') value='file' ;;
	'ledger list|--since') value='none' ;;
	'ledger list|--until') value='none' ;;
	'ledger list|--agent') value='agent' ;;
	'ledger list|--decision') value='choice permit block quarantine killswitch' ;;
	'ledger list|--hook') value='none' ;;
	'ledger list|--rule') value='none' ;;
	'ledger list|--trace-id') value='trace' ;;
	'ledger list|--filter') value='none' ;;
	'ledger list|--sort') value='choice leaf time agent pid op decision rule count' ;;
	'ledger list|--limit' | 'ledger list|-n') value='none' ;;
	'ledger list|--after') value='none' ;;
	'ledger list|--before') value='none' ;;
	'ledger list|--offset') value='none' ;;
	'ledger stats|--by') value='choice agent decision rule op hook' ;;
	'ledger stats|--every') value='none' ;;
	'ledger stats|--since') value='none' ;;
	'ledger stats|--until') value='none' ;;
	'ledger stats|--agent') value='agent' ;;
	'ledger stats|--decision') value='choice permit block quarantine killswitch' ;;
	'ledger stats|--rule') value='none' ;;
	'ledger stats|--limit' | 'ledger stats|-n') value='none' ;;
	'ledger export|--format') value='choice ndjson csv spanner tlog-tiles' ;;
	'ledger export|--output-file' | 'ledger export|-o') value='file' ;;
	'ledger export|--hmac-key') value='file' ;;
	'ledger export|--location') value='none' ;;
	'ledger export|--retain') value='none' ;;
	'ledger prove|--disclose') value='none' ;;
	'ledger prove|--checkpoint') value='file' ;;
	'ledger prove|--output-file' | 'ledger prove|-o') value='file' ;;
	'ledger cosign|--key') value='file' ;;
	'ledger cosign|--vkey') value='file' ;;
	'ledger cosign|--output-file' | 'ledger cosign|-o') value='file' ;;
	'ledger erase|--field') value='choice args_salt resource syscall_args comm exe cgroup' ;;
	'ledger erase|--before') value='none' ;;
	'receipt verify|--vkey') value='file' ;;
	'receipt verify|--quorum') value='none' ;;
	'receipt verify|--witness') value='file' ;;
	'key generate|--output-file' | 'key generate|-o') value='file' ;;
	'key generate|--name') value='none' ;;
	'completion|--values') value='choice agent record trace' ;;
	esac
}

# Offers what may stand in place of $cur: $1 is a kind, the rest its words.
_vantioctl_offer()
{
	local kind=$1
	shift
	case $kind in
	choice) mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur") ;;
	file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	dir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	policy | cases)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -X '!*.toml' -- "$cur"; compgen -d -- "$cur")
		;;
	program) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	agent | record | trace)
		local values
		values=$(vantioctl ${ledger:+--ledger "$ledger"} --quiet completion --values "$kind" 2>/dev/null)
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
		;;
	esac
}

_vantioctl()
{
	local cur word noun= verb= ledger= opt= i n=0 glued= nouns verbs opts value args
	local -a w=()
	COMPREPLY=()
	# bash breaks --option=value at the sign: put it together again.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == '=' && ${#w[@]} -gt 0 && ${w[-1]} == --?* && ${w[-1]} != *=* ]]; then
			w[-1]+='='
			glued=1
		elif [[ $glued ]]; then
			w[-1]+=$word
			glued=
		else
			w+=("$word")
		fi
	done
	cur=${w[-1]}
	_vantioctl_table ''
	for ((i = 0; i < ${#w[@]} - 1; i++)); do
		word=${w[i]}
		case $word in
		--)
			[[ ${args[0]} == program ]] || continue
			if ((i == ${#w[@]} - 2)); then _vantioctl_offer program; else _vantioctl_offer file; fi
			return
			;;
		--ledger=*) ledger=${word#*=} ;;
		-*)
			value=
			_vantioctl_value "$noun${verb:+ $verb}|$word"
			[[ $value ]] || continue
			if ((++i == ${#w[@]} - 1)); then
				# shellcheck disable=SC2086
				_vantioctl_offer $value
				return
			fi
			[[ $word == --ledger ]] && ledger=${w[i]}
			;;
		*)
			if [[ ! $noun ]]; then
				noun=$word
				_vantioctl_table "$noun"
			elif [[ ! $verb && $n == 0 && " $verbs " == *" $word "* ]]; then
				verb=$word
				_vantioctl_table "$noun $verb"
			else
				((n++))
			fi
			;;
		esac
	done
	if [[ $cur == --*=* ]]; then
		opt=${cur%%=*}
		value=
		_vantioctl_value "$noun${verb:+ $verb}|$opt"
		cur=${cur#*=}
		# shellcheck disable=SC2086
		[[ $value ]] && _vantioctl_offer $value
		[[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$opt=}")
	elif [[ $cur == -* ]]; then
		_vantioctl_offer choice "$globals $opts"
	elif [[ ! $noun ]]; then
		_vantioctl_offer choice "$nouns"
	elif [[ ! $verb && $verbs ]]; then
		_vantioctl_offer choice "$verbs"
	elif ((${#args[@]})); then
		value=${args[n]}
		((n >= ${#args[@]})) && [[ ${args[-1]} == *' ...' ]] && value=${args[-1]}
		value=${value% ...}
		# shellcheck disable=SC2086
		[[ $value && $value != program ]] && _vantioctl_offer $value
	fi
}

complete -F _vantioctl vantioctl
