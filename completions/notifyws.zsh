#compdef notifyws
# It asks as fish does: what is answered to zsh is a command, and no text.

_notifyws_completion() {
  local typed="${words[1,$CURRENT]}" word meaning
  local -a found
  compset -P '--*='
  while IFS=$'\t' read -r word meaning; do
    [[ -z $word ]] || found+=("${word//:/\\:}${meaning:+:$meaning}")
  done < <(env _TYPER_COMPLETE_ARGS="$typed" _TYPER_COMPLETE_FISH_ACTION=get-args \
    _NOTIFYWS_COMPLETE=complete_fish "${words[1]}")
  if (( $#found )); then
    _describe value found
  else
    _files
  fi
}

if [[ $funcstack[1] == _notifyws ]]; then
  _notifyws_completion "$@"
else
  compdef _notifyws_completion notifyws
fi
