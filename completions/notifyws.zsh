#compdef notifyws

_notifyws_completion() {
  local typed="${words[1,$CURRENT]}"
  compset -P '--*='
  eval $(env _TYPER_COMPLETE_ARGS="$typed" \
    _NOTIFYWS_COMPLETE=complete_zsh ${words[1]})
}

if [[ $funcstack[1] == _notifyws ]]; then
  _notifyws_completion "$@"
else
  compdef _notifyws_completion notifyws
fi
