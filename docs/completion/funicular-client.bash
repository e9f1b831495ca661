# bash completion for funicular-client(1)

_funicular_client()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local modes="two-way slow one-way-from-client refresh-from-client
		one-way-from-server refresh-from-server"
	local forms="vcard21 vcard30 vcal10 ical20 text maildir"

	# bash cuts words at '=' and ':'.
	if [[ $cur == ":" || $prev == ":" ]]; then
		COMPREPLY=($(compgen -W "$forms $modes" -- "${cur#:}"))
		return
	fi
	if [[ $prev == "=" || $cur == "=" ]]; then
		COMPREPLY=($(compgen -W "contacts calendar tasks notes caltask" \
			-- "${cur#=}"))
		return
	fi
	case $prev in
	--mode)
		COMPREPLY=($(compgen -W "$modes" -- "$cur"))
		return
		;;
	--auth)
		COMPREPLY=($(compgen -W "auto basic md5 mac" -- "$cur"))
		return
		;;
	--encoding)
		COMPREPLY=($(compgen -W "wbxml xml" -- "$cur"))
		return
		;;
	--syncml)
		COMPREPLY=($(compgen -W "1.0 1.1 1.2" -- "$cur"))
		return
		;;
	--fake-phone)
		COMPREPLY=($(compgen -W "nokia simple" -- "$cur"))
		return
		;;
	--db | --home | --wire)
		compopt -o nospace 2>/dev/null
		COMPREPLY=($(compgen -d -- "$cur"))
		return
		;;
	--password-file | --ca)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	--user | --max-msg-size | --max-obj-size | --send-size | \
		--device-id | --retries | --timeout | --url)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "--db --mode --home --user
			--password-file --auth --encoding --syncml
			--max-msg-size --max-obj-size --send-size --device-id
			--ignore-respuri --no-get --retries --timeout --ca
			--insecure --dry-run --allow-empty --fake-phone
			--verbose --quiet --json --wire --url --help --version" \
			-- "$cur"))
		return
	fi
	COMPREPLY=($(compgen -d -W "http:// https://" -- "$cur"))
}

complete -F _funicular_client funicular-client
