#!/usr/bin/env bash
# Runs every shell example of README.md that calls mos, in a scratch folder where traces/, docs/ and scripts/ are as in the
# project; then checks the Swift examples of README.md and of the documentation catalogue, and that the catalogue converts
# without warnings.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ln -s "$root/docs" "$root/traces" "$root/scripts" "$scratch/"
failures=0 examples=0

# blocks LANGUAGE: the fenced blocks of a language, each ended by a line with a form feed
blocks() { awk -v open="^\`\`\`$1\$" '/^```$/ && on { on = 0; print "\f" } on { print } $0 ~ open { on = 1 }' README.md; }

while IFS= read -r -d $'\f' block; do
  grep -q '^mos ' <<<"$block" || continue
  examples=$((examples + 1))
  if ! output=$(cd "$scratch" && PATH=$root/.build/release:$PATH bash -eo pipefail -c "$block" 2>&1); then
    printf 'check-readme: this example fails:\n%s\n%s\n' "$block" "$output" >&2
    failures=$((failures + 1))
  elif [ -z "$output" ]; then
    printf 'check-readme: this example shows nothing:\n%s\n' "$block" >&2
    failures=$((failures + 1))
  fi
done < <(blocks sh)

scripts/check-articles.py || failures=$((failures + 1))
scripts/documentation.sh || failures=$((failures + 1))
echo "check-readme: $examples examples, $failures wrong"
[ "$failures" -eq 0 ] && [ "$examples" -gt 0 ]
