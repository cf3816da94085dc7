#compdef notifyws

_notifyws_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _NOTIFYWS_COMPLETE=complete_zsh notifyws)
}

compdef _notifyws_completion notifyws
