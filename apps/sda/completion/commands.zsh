
@name@() {
  local curcontext=$curcontext state line
  local -a commands
  typeset -A opt_args
  commands=(
@commands@  )
  _arguments -C $shared '1: :->command' '*:: :->arguments' && return
  case $state in
    command) _describe -t commands '@what@ command' commands ;;
    arguments)
      case $words[1] in
@cases@      esac
      ;;
  esac
}
