#!/usr/bin/env bash
# House rules that the formatter does not know. Prints each violation as file:line, and fails if there is one.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
failures=0

# report RULE TEXT: a violation when TEXT is not empty
report() {
  [ -n "$2" ] || return 0
  failures=$((failures + 1))
  printf '%s:\n%s\n' "$1" "$(sed 's/^/  /' <<<"$2")"
}

tracked() { git ls-files --cached --others --exclude-standard -- "$@"; }
# matches REGEX PATHSPEC...: file:line:text of each match. The regexes below are written so as not to match themselves.
matches() {
  local regex=$1
  shift
  tracked "$@" | xargs -d '\n' -r grep -nHIE -d skip -- "$regex"
}

code=('*.swift' '*.c' '*.h' '*.py' '*.sh')
report 'more than 500 lines' "$(tracked "${code[@]}" | xargs -d '\n' -r wc -l | awk '$2 != "total" && $1 > 500')"
report 'an example of more than 200 lines' \
  "$(tracked 'examples/*.swift' | xargs -d '\n' -r wc -l | awk '$2 != "total" && $1 > 200')"
report 'an example that is no outsider' "$(matches '@testabl[e]|import Middleboxe[s]|"Middleboxe[s]"' 'examples/*.swift')"
report 'unsafe compiler flags' "$(matches 'unsafe[F]lags' '*Package.swift')"
report 'unfinished' "$(matches '\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b' "${code[@]}")"
report 'section banner' "$(matches '// *MA[R]K' '*.swift')"
report 'path of one machine' "$(matches '(^|[][[:space:]"'"'"'`=(:])/(hom[e]|roo[t]|User[s]|tm[p])/' . ':!LICENSE')"
report 'trailing space or tab indentation' "$(matches '[[:space:]]$|^	' '*.swift' '*.py' '*.sh' '*.md')"

for script in $(tracked '*.sh' .ci/run); do
  report 'shell syntax' "$(bash -n "$script" 2>&1)"
done

# Relative links of the documents lead to files.
links=$(tracked '*.md' | while read -r file; do
  grep -oE '\]\([^)#:]+' "$file" | cut -c3- | while read -r target; do
    [ -e "$(dirname "$file")/$target" ] || echo "$file: $target"
  done
done)
report 'broken link' "$links"

[ "$failures" -eq 0 ] || { echo "lint: $failures rules broken" >&2; exit 1; }
