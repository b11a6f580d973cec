# shellcheck shell=bash disable=SC2154  # log_folder is the sourcing script's
# Sourced by ./quickstart and ./check: packages, jobs, and steps that say what they do and how long they took.
# The sourcing script has set -euo pipefail and stands in the repository's root.

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Seconds as people say them.
duration() {
  if (($1 < 100)); then
    printf '%d s' "$1"
  else
    printf '%d min %02d s' $(($1 / 60)) $(($1 % 60))
  fi
}

# Names in package lists: one a line, # begins a comment.
package_names() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@"; }

missing_packages() {
  local name
  while read -r name; do
    # A whole line: dpkg says "not-installed" of a package that another one merely names.
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
  done < <(package_names "$@")
}

# Installs what the lists name and dpkg does not have. Without root: says the one line that would, and stops.
require_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "This is not a Debian system: going on with what is there (packages/*.txt say what is needed)."
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  local install="apt-get install -y --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    say "${#missing[@]} Debian packages are missing. As root, run this line, then ${0##*/} again:" >&2
    say "  apt-get update && $install" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  step "Installing ${#missing[@]} Debian packages (apt)" sh -c "apt-get update && $install"
}

# Parallel jobs: as many as there are cores, and no more than memory holds at 1.5 GB each.
jobs_that_fit() {
  local cores available limit used
  cores=$(nproc)
  available=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)
  if [[ $limit =~ ^[0-9]+$ ]]; then
    used=$(cat /sys/fs/cgroup/memory.current)
    limit=$(((limit - used) / 1048576))
    ((limit < available)) && available=$limit
  fi
  local fit=$((available / 1500))
  ((fit < 1)) && fit=1
  printf '%d' $((fit < cores ? fit : cores))
}

# What a build's log says last of how far it is: "[12/209]".
progress_in() { tail -c 4096 "$1" | grep -oE '^\[[0-9]+/[0-9]+\]' | tail -n 1; }

# Shows how far the build behind a log is: once a second on a terminal, and in a log a line each 30 s.
watch_progress() {  # TITLE LOG START
  local title=$1 log=$2 start=$3 next=30 now passed
  trap '' INT
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    now=$(progress_in "$log" || true) passed=$((SECONDS - start))
    [[ -n $now ]] || continue
    if [[ -t 1 ]]; then
      printf '\r%s … %s, %s ' "$title" "$now" "$(duration $passed)"
    elif ((passed >= next)); then
      printf '\n  %s after %s' "$now" "$(duration $passed)"
      next=$((passed + 30))
    fi
  done
}

# step TITLE COMMAND…: one line with the time it took, and meanwhile how far a build is. The command's own words go to
# $log_folder, and are shown if it fails.
step() {
  local title=$1 start=$SECONDS log status=0 watcher
  shift
  mkdir -p "$log_folder"
  log=$log_folder/$(printf '%s' "$title" | tr -cs '[:alnum:]' '-' | tr '[:upper:]' '[:lower:]' | sed 's/-*$//').log
  : >"$log"
  printf '%s … ' "$title"
  watch_progress "$title" "$log" "$start" &
  watcher=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  [[ ! -t 1 ]] || printf '\r\033[K%s … ' "$title"
  if [[ ! -t 1 ]] && ((SECONDS - start > 30)) && [[ -n $(progress_in "$log" || true) ]]; then printf '\n  '; fi
  if ((status)); then
    printf 'failed after %s\n' "$(duration $((SECONDS - start)))"
    tail -n 40 "$log" >&2
    say "All of it: $log" >&2
    return "$status"
  fi
  printf '%s\n' "$(duration $((SECONDS - start)))"
}
