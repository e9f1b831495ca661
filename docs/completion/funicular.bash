# Completion of funicular(1) for bash. Users, collections and devices are asked
# from the program itself.

# Words of one column (a JSON key) of what a listing command prints.
_funicular_column()
{
	local key=$1
	shift
	funicular "${_funicular_conf[@]}" --json "$@" 2>/dev/null |
		sed -n 's/^ *"'"$key"'": *"\([^"]*\)".*/\1/p'
}

_funicular_reply()
{
	local word
	COMPREPLY=()
	while IFS= read -r word; do
		[[ -n $word && $word == "$cur"* ]] &&
			COMPREPLY+=("$(printf %q "$word")")
	done
}

_funicular_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_funicular_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# The options of a command and verb.
_funicular_options()
{
	case $1 in
	serve) echo "--allow-root --check-config --print-config --print-man" ;;
	"user add") echo "--password-file --password-stdin --generate
		--no-password --md5 --zone --quota-bytes --quota-items" ;;
	"user passwd") echo "--password-file --password-stdin --generate
		--md5" ;;
	"user set") echo "--zone --quota-bytes --quota-items --name" ;;
	"user remove") echo "--erase --yes" ;;
	"device add") echo "--md5 --device-id" ;;
	"device show") echo "--devinf" ;;
	"device set") echo "--label --rules --db --past --future --newest --parts --bytes --attachments" ;;
	"device forget") echo "--yes" ;;
	"collection add") echo "--kinds --combine --aliases --display --policy
		--read-only --brake" ;;
	"collection set") echo "--aliases --display --policy --read-only
		--brake --name --combine" ;;
	"item list") echo "--deleted --limit" ;;
	"item show") echo "--history --revision" ;;
	"item purge") echo "--yes" ;;
	"session list") echo "--device --limit" ;;
	"alarm due") echo "--at --limit" ;;
	"alarm list" | "alarm sent" | "mail done") echo "--limit" ;;
	"push secret") echo "--password-file --password-stdin --generate
		--none" ;;
	"mail set") echo "--password-file --password-stdin" ;;
	report) echo "--since --limit --csv --sql" ;;
	import) echo "--dry-run" ;;
	export) echo "--format -o" ;;
	migrate) echo "--new-key" ;;
	copy) echo "--from --to --ahead --keep --check --reopen" ;;
	esac
	echo "--json --config --help"
}

# What stands behind an option; fails when the option takes no value.
_funicular_value()
{
	case $prev in
	--config | --password-file | -o) _funicular_files ;;
	--format) _funicular_words "vcf ics txt dir" ;;
	--policy) _funicular_words "newest server client duplicate" ;;
	--read-only | --brake) _funicular_words "yes no" ;;
	--kinds) _funicular_words "contact event todo note mail" ;;
	--zone) _funicular_reply < <(
		sed '/^#/d' /usr/share/zoneinfo/tzdata.zi 2>/dev/null |
			awk '$1 == "Z" { print $2 } $1 == "L" { print $3 }'
	) ;;
	--combine) _funicular_reply < <(
		_funicular_column name collection list "${args[2]}"
	) ;;
	--device) _funicular_reply < <(
		_funicular_column device device list "${args[2]}"
	) ;;
	--parts) _funicular_words "all text headers" ;;
	--quota-bytes | --quota-items | --limit | --revision | --device-id | \
		--label | --rules | --past | --future | --newest | \
		--bytes | --attachments | --aliases | --display | \
		--name | --from | --to | --reopen | --at) ;;
	*) return 1 ;;
	esac
}

# The n-th argument behind the command and its verb.
_funicular_argument()
{
	local user=${args[2]}

	case "$1 $2" in
	"user list "* | "user add "* | "alarm due "* | "mail list "* | "check "* | "migrate "* | "copy "*) ;;
	"backup 1") _funicular_files ;;
	"import 1" | "export 1" | *" 1") _funicular_reply < <(
		_funicular_column user user list
	) ;;
	"import 2" | "export 2") _funicular_reply < <(
		_funicular_column name collection list "${args[1]}"
	) ;;
	"import "*) _funicular_files ;;
	"collection add 2" | "device add 2" | "user set 3") ;;
	"user set 2") _funicular_words "reminders jid mail quiet mute lead
		morning private language escalate muted-until" ;;
	"collection "*" 2" | "item list 2") _funicular_reply < <(
		_funicular_column name collection list "$user"
	) ;;
	"device "*" 2") _funicular_reply < <(
		_funicular_column device device list "$user"
		_funicular_column label device list "$user"
	) ;;
	esac
}

# Sets args (command, verb, arguments) and _funicular_conf from the line.
_funicular_read()
{
	local i word

	args=()
	_funicular_conf=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--config)
			_funicular_conf=(--config "${COMP_WORDS[++i]}")
			;;
		--password-file | --zone | --quota-bytes | --quota-items | \
			--device-id | --label | --rules | --db | --past | \
			--future | --newest | --parts | --bytes | \
			--attachments | --kinds | --combine | \
			--aliases | --display | --policy | --read-only | --name | \
			--limit | --revision | --device | --format | \
			--from | --to | --reopen | --at | -o)
			((i++))
			;;
		-*) ;;
		*) args+=("$word") ;;
		esac
	done
}

_funicular()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local -a args _funicular_conf
	local command verbs

	COMPREPLY=()
	_funicular_read
	_funicular_value && return
	if ((${#args[@]} == 0)); then
		_funicular_words "serve user device collection item session hold alarm push mail report
			import export backup check copy migrate help --config --json
			--help --version"
		return
	fi
	command=${args[0]}
	case $command in
	user) verbs="add passwd list show set disable enable remove" ;;
	device) verbs="add list show set disable enable forget" ;;
	collection) verbs="list add set remove" ;;
	item) verbs="list show purge" ;;
	session) verbs="list show" ;;
	alarm) verbs="due list sent test again" ;;
	hold) verbs="list allow refuse" ;;
	push) verbs="list set secret test" ;;
	mail) verbs="set show list check done remove" ;;
	help)
		_funicular_words "serve user device collection item session hold alarm push mail report
			import export backup check copy migrate"
		return
		;;
	*)
		if [[ $cur == -* ]]; then
			_funicular_words "$(_funicular_options "$command")"
		else
			_funicular_argument "$command" "${#args[@]}"
		fi
		return
		;;
	esac
	if ((${#args[@]} == 1)); then
		_funicular_words "$verbs"
	elif [[ $cur == -* ]]; then
		_funicular_words "$(_funicular_options "$command ${args[1]}")"
	else
		_funicular_argument "$command ${args[1]}" $((${#args[@]} - 1))
	fi
}

complete -F _funicular funicular
