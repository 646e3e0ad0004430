#!/bin/sh
# Runs Paket with NUGET_FEED, which paket.dependencies and paket.lock name instead of a registry's address,
# set to the first enabled source of this machine's NuGet configuration (unless the caller has set it).
if [ -z "${NUGET_FEED:-}" ]; then
  # A line is the letter E (enabled) or D, perhaps M or O, a space, and an address or a folder, which may have spaces.
  NUGET_FEED=$(dotnet nuget list source --format short | sed -n 's/^E[A-Z]* \(.*\)$/\1/p' | head -n 1)
fi

if [ -z "$NUGET_FEED" ]; then
  echo "MappingNets : error FEED0001: NuGet has no enabled package source, so Paket has none either. Add one (dotnet nuget add source ADDRESS-OR-FOLDER; dotnet nuget list source shows what there is) or set the environment variable NUGET_FEED to an address or a folder." >&2
  exit 1
fi

export NUGET_FEED
exec dotnet paket "$@"
