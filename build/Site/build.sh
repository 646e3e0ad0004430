#!/usr/bin/env bash
# The site: docfx reads the built assemblies and docs/. Then every link in it is followed, and three pages are looked at in Chromium.
set -euo pipefail
# With it 'cd' may go elsewhere, and prints where it went.
unset CDPATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
readonly version=2.81.0 site=artifacts/site tools=artifacts/tools

[[ -x $tools/docfx ]] || dotnet tool install docfx --version "$version" --tool-path "$tools" >/dev/null
dotnet tool restore >/dev/null
dotnet build MappingNets.sln -c Release --nologo --verbosity quiet
rm -rf "$site" "$here/api"
"$tools/docfx" "$here/docfx.json" --logLevel warning
rm -rf "$here/api"
python3 "$here/check.py" "$site"
