#!/usr/bin/env bash
# Makes the documentation of EventDSL from its sources and its catalogue; a warning is a failure. Needs no plugin: the
# symbols come from the compiled modules, and docc is part of the toolchain.
# Usage: scripts/documentation.sh [OUTPUT-FOLDER]            default: .build/documentation
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
module=EventDSL
output=${1:-.build/documentation}
if ! command -v docc >/dev/null; then
  echo "documentation: docc is not in this toolchain: the documentation is not checked" >&2
  exit 0
fi

swift build --quiet --target $module
build=$(swift build --show-bin-path)
symbols=$(mktemp -d)
trap 'rm -rf "$symbols"' EXIT
maps=()
for map in "$build"/*.build/module.modulemap; do maps+=(-Xcc "-fmodule-map-file=$map"); done
target=$(swift -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')
swift symbolgraph-extract -module-name $module -I "$build/Modules" -target "$target" "${maps[@]}" \
  -minimum-access-level public -skip-synthesized-members -output-dir "$symbols"
docc convert Sources/$module/$module.docc --additional-symbol-graph-dir "$symbols" --output-dir "$output" \
  --fallback-display-name $module --fallback-bundle-identifier $module --warnings-as-errors --transform-for-static-hosting
echo "documentation: $output (docc preview, or any web server, shows it under /documentation/eventdsl)"
