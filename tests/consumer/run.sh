#!/usr/bin/env bash
# Packs the packages and uses them from a C# and an F# program in a temporary folder, as an application of somebody else does: without a
# warning of the build, trained, and cured in every form; as shipped, with one warning, where the application opts out.
set -euo pipefail
# With it 'cd' may go elsewhere, and prints where it went.
unset CDPATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
readonly work=$(mktemp -d)
# A version of its own, so that no package of the same name is taken from the machine's cache.
readonly version=0.0.0-consumer.$(date +%s)
cache=$(dotnet nuget locals global-packages --list | sed 's/^[^:]*: //')
trap 'rm -rf "$work" "${cache%/}"/mappingnets*/"$version"' EXIT
failed=0

echo "consumer: packing" >&2
for project in src/Core.FSharp src/Facade.CSharp src/Orleans.CSharp; do
  dotnet pack "$project" -c Release --nologo --verbosity quiet -p:PackageVersion="$version" -o "$work/packages" >&2
done

# What a feed shows of a package, and what a debugger needs.
for package in "$work/packages"/*.nupkg; do
  # Into variables: grep ends at the first match, and a listing that it no longer reads would count as a failure.
  entries=$(python3 -m zipfile -l "$package") symbols=$(python3 -m zipfile -l "${package%.nupkg}.snupkg")
  for entry in README.md icon.png; do
    grep -q "^$entry " <<<"$entries" || { echo "consumer: $(basename "$package") has no $entry."; failed=$((failed + 1)); }
  done
  readme=$(python3 -c 'import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read("README.md").decode())' "$package")
  # Links of the repository lead nowhere on a feed's page.
  ! grep -qE '\]\((docs|CHANGELOG|CONTRIBUTING|LICENSE)' <<<"$readme" || { echo "consumer: the README of $(basename "$package") has relative links."; failed=$((failed + 1)); }
  grep -q '\.pdb ' <<<"$symbols" || { echo "consumer: $(basename "$package") has no symbols."; failed=$((failed + 1)); }
done

# Arguments: the language's name, the project file, the source and the package.
project() {
  local folder=$work/$1
  mkdir -p "$folder"
  cp "$here/$3" "$folder/"
  cat >"$folder/$2" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <AssemblyName>Consumer</AssemblyName>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <InvariantGlobalization>true</InvariantGlobalization>
    <SatelliteResourceLanguages>en</SatelliteResourceLanguages>
    <RestoreAdditionalProjectSources>$work/packages</RestoreAdditionalProjectSources>
  </PropertyGroup>
  <ItemGroup>
$([[ $3 == *.fs ]] && echo '    <Compile Include="Program.fs" />')
    <PackageReference Include="$4" Version="$version" />
    <PackageReference Include="libtorch-cpu-$platform" Version="2.10.0" />
  </ItemGroup>
</Project>
XML
}

# Arguments: the language, the form, what is expected (cured or "as shipped"), then dotnet's verb and arguments.
form() {
  local language=$1 name=$2 expected=$3 output=$work/out result warnings
  shift 3
  rm -rf "$output"
  if ! (cd "$work/$language" && dotnet "$@" -c Release --nologo --verbosity quiet -o "$output") >"$work/log" 2>&1; then
    result="could not be built: $(grep -m 1 -E 'error|warning' "$work/log" || tail -n 1 "$work/log")"
  elif ! result=$("$output/Consumer" 2>"$work/log"); then
    result="failed: $(head -n 1 "$work/log")"
  fi
  warnings=$(grep -c 'runs TorchSharp as it was shipped' "$work/log" || true)
  echo "$language, $name: $result, $warnings warning(s)"
  if [[ $result != "$expected, "* || $warnings != $([[ $expected == cured ]] && echo 0 || echo 1) ]]; then
    failed=$((failed + 1))
  fi
}

case $(uname) in
  Linux) platform=linux-x64 ;;
  Darwin) platform=osx-arm64 ;;
  *) platform=win-x64 ;;
esac
project 'C#' Consumer.csproj Program.cs MappingNets
project 'F#' Consumer.fsproj Program.fs MappingNets
project cluster Consumer.csproj Cluster.cs MappingNets.Orleans
form cluster "build output" cured build
for language in 'C#' 'F#'; do
  form "$language" "build output" cured build
  form "$language" framework-dependent cured publish --use-current-runtime --self-contained false
  form "$language" self-contained cured publish --use-current-runtime --self-contained true
  form "$language" ready-to-run cured publish --use-current-runtime --self-contained false -p:PublishReadyToRun=true
  form "$language" single-file cured publish --use-current-runtime --self-contained true -p:PublishSingleFile=true
  form "$language" "opted out" "as shipped" publish --use-current-runtime --self-contained false -p:MappingNetsCureTorchSharp=false
done
((failed == 0)) || { echo "consumer: $failed forms failed." >&2; exit 1; }
