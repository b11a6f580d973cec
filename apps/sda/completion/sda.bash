# Completion of sda for bash, written by `sda completion bash`.

# What follows flag $2 of command $1: sets kind and words, which are _sda's.
_sda_value() {
  case "$1,$2" in
@values@  esac
}

# What may stand where no flag wants a value.
_sda_words() {
  local flags='@global_flags@'
  case $1 in
    '') words="@commands@ $flags" ;;
@words@  esac
}

# What key $1 may be.
_sda_choices() {
  case $1 in
@keys@    *) words='' ;;
  esac
}

_sda() {
  # Not COMP_WORDS: bash parts words at '=', and --set KEY=VALUE is one of ours.
  local -a line
  local current flag command='' kind=none words='' prefix='' i
  read -a line <<<"${COMP_LINE:0:COMP_POINT}"
  [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && line+=('')
  current=${line[-1]} flag=${line[-2]-}
  for ((i = 1; i < ${#line[@]} - 1; ++i)); do
    case ${line[i]} in
      @global_value_flags@) ((++i)) ;;
      -*) ;;
      *)
        case $command,${line[i]} in
          ,*) command=${line[i]} ;;
@nested@        esac
        ;;
    esac
  done
  COMPREPLY=()
  if [[ $current == --*=* ]]; then
    prefix=${current%%=*}= flag=${current%%=*} current=${current#*=}
  fi
  _sda_value "$command" "$flag"
  case $kind in
    file) return ;;  # bash's own completion of files
    folder) compopt +o default -o dirnames 2>/dev/null && return ;;
    other) compopt +o default 2>/dev/null; return ;;
    setting)
      if [[ $current == *=* ]]; then
        _sda_choices "${current%%=*}"
        prefix+=${current%%=*}= current=${current#*=}
      else
        words='@all_keys@'
        compopt -o nospace 2>/dev/null
      fi
      compopt +o default 2>/dev/null
      ;;
    words) compopt +o default 2>/dev/null ;;
    none)
      _sda_words "$command"
      if [[ -n $command && $current != -* ]]; then
        words=''  # files, unless one of a few words follows
        case $command in
@following@        esac
      fi
      ;;
  esac
  # Where bash parts words at '=', what stands before it is no part of the reply.
  if [[ $COMP_WORDBREAKS == *=* ]]; then prefix=''; fi
  for i in $(compgen -W "$words" -- "$current"); do COMPREPLY+=("$prefix$i"); done
}

complete -o bashdefault -o default -F _sda sda
