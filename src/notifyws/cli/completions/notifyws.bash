# In bash "=" is a word of its own, which no option of ours is.
_notifyws_completion() {
    local IFS=$'\n' word words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        [[ $word == "=" ]] || words+=("$word")
    done
    word=${COMP_WORDS[COMP_CWORD]}
    words+=("${word#=}")
    COMPREPLY=()
    while read -r word; do
        [[ -z $word ]] || COMPREPLY+=("$word")
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$(( ${#words[@]} - 1 )) \
                 _NOTIFYWS_COMPLETE=complete_bash "$1")
    return 0
}

complete -o default -F _notifyws_completion notifyws
