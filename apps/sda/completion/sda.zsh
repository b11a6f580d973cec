#compdef sda
# Completion of sda for zsh, written by `sda completion zsh`.

# KEY=VALUE of --set.
_sda_setting() {
  if ! compset -P '*='; then
    compadd -S '' -- @all_keys@
    return
  fi
  case ${${IPREFIX%=}##*=} in
@keys@  esac
}
@functions@
_sda() {
  local -a shared
  shared=(
@shared@  )
  _sda_commands
}

if [[ $funcstack[1] == _sda ]]; then
  _sda "$@"
else
  compdef _sda sda
fi
