function __notifyws_complete
    set -l token (commandline -ct)
    set -l option (string match -r -- '^--[^=]+=' $token)
    set -l found (env _NOTIFYWS_COMPLETE=complete_fish \
        _TYPER_COMPLETE_FISH_ACTION=get-args \
        _TYPER_COMPLETE_ARGS=(commandline -cp) notifyws)
    if test -z "$found"
        set found (__fish_complete_path (string replace -- "$option" '' $token))
    end
    for each in $found
        printf '%s\n' "$option$each"
    end
end

complete --command notifyws --no-files --arguments '(__notifyws_complete)'
