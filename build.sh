#!/usr/bin/env bash
# The door to this repository, from a fresh clone with only the .NET SDK. list_verbs lists the verbs.
set -euo pipefail
# A script's background jobs ignore Ctrl-C, and so would the programs that tests start and interrupt: those tests would wait for ever.
if [[ ${1:-} == test && $(trap -p INT) == *"''"* ]] && env --default-signal=INT true 2>/dev/null; then
  exec env --default-signal=INT bash "${BASH_SOURCE[0]}" "$@"
fi
# A program that ends in its own way on Ctrl-C looks like any other to bash, which would begin the next.
trap 'exit 130' INT
trap 'exit 143' TERM
# With it 'cd' may go elsewhere, and prints where it went.
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
export DOTNET_CLI_UI_LANGUAGE=en

readonly data_package=dataset-fashion-mnist
readonly data_folder=/usr/share/datasets/fashion-mnist
# Packages are compared with those of version 0.2.0 as this commit packs them; no feed has them.
readonly baseline_commit=d04b842 baseline_folder=artifacts/baseline

# Folders that go when the script ends, however it does.
scratch=()
trap '((${#scratch[@]} == 0)) || rm -rf "${scratch[@]}"' EXIT

list_verbs() {
  cat <<'VERBS'
Usage: ./build.sh VERB [arguments]; relative paths count from the folder of build.sh

  demo              train on FashionMNIST, directly and through latent vectors; arguments go to the program
  test              build everything, run all tests, end in the line "N passed, N failed"
  test core         only the F# tests (Expecto); arguments go to their runner
  test facade       only the C# tests (xunit); arguments go to dotnet test
  test onnx         only the tests of the package for ONNX (xunit); arguments go to dotnet test
  test pytorch      only the tests of the package for PyTorch's files (xunit); arguments go to dotnet test
  test tool         only the tests of the command line and of the code in docs/ (xunit); arguments go to dotnet test
  test orleans      only the tests of the package for clusters (xunit); arguments go to dotnet test
  test experiments  only the tests of the experiments (xunit); arguments go to dotnet test
  format            format all F# and C# sources
  format --check    list the sources that are not formatted; change nothing
  stress            train six kinds of model, and loop over implicit numbers, while other threads collect garbage; every run must end,
                    with the bits of a calm one [--minutes N] [--out FOLDER]; 1 minute and artifacts/stress by default
  stress --published  the same from each published form (framework-dependent, self-contained, ReadyToRun, single-file)
  consumer          pack, and use the packages from a C# and an F# program outside the repository: built, published in each form, and opted
                    out of the build step
  cluster           train CNN2 on FashionMNIST in three processes, kill one, start another; needs Redis [--epochs N] [--samples N] [--compare]
  cluster-figures   measure bytes and times of training by several workers [--quick] [--only PART,...] [--out FOLDER], or train with N kills,
                    joins and cuts of the network at random and compare with one process (--kills N, needs Redis; cuts need root and
                    iproute2); artifacts/cluster by default
  larger-than-memory  train 10^9 weights on FashionMNIST within a few hundred megabytes [STEPS WIDTH LAYERS BATCH]
  serve             one network for many tenants, on http://localhost:5000: POST a picture to /predict?adapter=NAME [--folder FOLDER]
                    [--urls URL] [--kept N]; artifacts/serve/adapters by default
  serve-load        send that service pictures from several clients at once, with 1 and with 1,000 adapters, and write requests/s and times
                    [--seconds N] [--rounds N] [--threads N] [--out FOLDER]; ten minutes and artifacts/serve by default
  docs              build the site into artifacts/site, follow every link in it, and look at three pages in Chromium
  soak              build, train, save and load every kind of model and serve under load, for an hour each, side by side; memory must stay
                    flat [--minutes N] [--only KIND,...] [--out FOLDER]
  crash             end processes by SIGKILL in the midst of training, saving and serving, fill disks, take folders away; nothing may be
                    lost [--kills N, 300 by default] [--seed N] [--only SCENARIO,...] [--out FOLDER]
  fuzz              read changed files of every kind; each must load as it was, be refused by name, or show other content where nothing
                    signs it, within 2 s and 256 MB [--cases N] [--minutes N] [--subject NAME] [--out FOLDER]; 20,000 and artifacts/fuzz
                    by default
  attack            look for a counterexample to each bound of the theory, at the edge of its ball and along the steepest directions; none may
                    be found [--trials N] [--seed N] [--only TEXT] [--seeds N] [--out FOLDER]; 10,000 trials a bound and artifacts/attack by
                    default (about ten minutes)
  mutants COPY REPORT  plant each error of tests/mutants/list.json in a copy of the tree and see whether the tests notice (hours);
                    --check only looks whether the list still fits
  bench             run the benchmarks; arguments go to the program
  against COMMIT    step times of this commit over an older one's, each value from a process of its own [--pairs N] [--kinds KIND,...]
                    [--folder FOLDER] [--out FOLDER]
  restore           restore tools and packages
  pack              write the NuGet packages to artifacts/packages, and compare their API with version 0.2.0's
VERBS
}

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

require_sdk() {
  if ! command -v dotnet >/dev/null && [[ -x "$HOME/.dotnet/dotnet" ]]; then
    export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH"
  fi
  command -v dotnet >/dev/null || fail "no 'dotnet' found. Install the .NET SDK 10: https://dot.net/download"
  # Not through a pipe into grep -q, which ends at the first match: what it no longer reads of the listing would count as a failure.
  local sdks new_enough=$'(^|\n)([1-9][0-9]{2,}|[2-9][0-9]|1[0-9])[.]'
  sdks=$(dotnet --list-sdks) || true
  [[ $sdks =~ $new_enough ]] ||
    fail "the .NET SDK 10 is missing; there is: $(cut -d' ' -f1 <<<"$sdks" | paste -sd' ' -). Install it: https://dot.net/download"
  # A newer SDK builds for it and does not run it.
  [[ $(dotnet --list-runtimes) == *'Microsoft.NETCore.App 10.'* ]] ||
    fail "the .NET runtime 10 is missing, which the programs here run on. Install it beside the newer one: https://dot.net/download"
}

restore_tools() {
  require_sdk
  dotnet tool restore >/dev/null || fail "the tools could not be restored: dotnet tool restore says why."
}

# The build looks up the package feed itself (build/PackageFeed).
restore() {
  restore_tools
  dotnet restore MappingNets.sln --nologo --verbosity quiet
}

can_install() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

install() {
  echo "build.sh: installing the Debian package $1" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } >&2
}

# For verbs that are, or end in, scripts of Python with its own library alone.
require_python() {
  command -v python3 >/dev/null && return
  can_install && install python3 && return
  fail "python3 is missing. On Debian or Ubuntu: sudo apt-get install python3. Elsewhere: https://www.python.org"
}

# For verbs that need the history, or copy the tree.
require_git() {
  command -v git >/dev/null || { can_install && install git; } || fail "git is missing. On Debian or Ubuntu: sudo apt-get install git."
  git rev-parse HEAD >/dev/null || fail "git cannot read this checkout (above is what it says)."
}

# Succeeds if the complete FashionMNIST is there afterwards; otherwise explains how to get it.
provide_data() {
  if [[ -n ${MAPPINGNETS_FASHION_MNIST:-} ]]; then
    [[ -d $MAPPINGNETS_FASHION_MNIST ]] && return
    echo "build.sh: MAPPINGNETS_FASHION_MNIST names '$MAPPINGNETS_FASHION_MNIST', which is no folder." >&2
    return 1
  fi
  [[ -f $data_folder/train-images-idx3-ubyte.gz ]] && return
  if can_install && install "$data_package"; then
    return
  fi
  echo "build.sh: FashionMNIST is missing. On Debian or Ubuntu: sudo apt-get install $data_package." >&2
  echo "build.sh: Elsewhere set MAPPINGNETS_FASHION_MNIST to a folder with its four *-ubyte(.gz) files." >&2
  return 1
}

# Plots need a font; without one they are drawn without text.
provide_font() {
  [[ $(uname) != Linux ]] && return
  [[ -n $(find /usr/share/fonts /usr/local/share/fonts "$HOME/.local/share/fonts" \
    \( -name '*.ttf' -o -name '*.otf' \) -print -quit 2>/dev/null) ]] && return
  can_install && install fonts-dejavu-core && return
  echo "build.sh: no font found, so plots will lack their text. On Debian or Ubuntu: sudo apt-get install fonts-dejavu-core." >&2
}

run_example() {
  local project=$1
  shift
  [[ -d $project ]] || fail "there is no $project yet."
  restore_tools
  provide_font
  echo "build.sh: building $project (a minute or two the first time)" >&2
  # libtorch warns of what its convolutions do not use.
  TORCH_CPP_LOG_LEVEL=${TORCH_CPP_LOG_LEVEL:-ERROR} dotnet run -c Release --project "$project" -- "$@"
}

run_on_fashion_mnist() {
  provide_data || exit 1
  run_example "$@"
}

# The number in an attribute of the first element that has it.
attribute() { sed -n "s/.*[[:space:]]$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1; }

passed=0 failed=0 skipped=0 failed_tests=

# Keeps a failed test's name and message for the end, since a log may only be kept from there.
# Arguments: a report, in NUnit's form or in Visual Studio's.
keep_failures() {
  failed_tests+=$(awk '{ gsub(/></, ">\n<"); print }' "$1" | awk '
    function text(line) {
      gsub(/<[^>]*>|^[[:space:]]+/, "", line)
      gsub(/&lt;/, "<", line); gsub(/&gt;/, ">", line); gsub(/&quot;/, "\"", line); gsub(/&apos;/, "\047", line)
      gsub(/&#xD;/, "", line); gsub(/&#xA;/, " ", line); gsub(/&amp;/, "\\&", line)
      return line
    }
    function value(line, name) {
      if (!match(line, "[[:space:]]" name "=\"[^\"]*\"")) return ""
      return text(substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 4))
    }
    /<UnitTestResult .*outcome="Failed"/ { print value($0, "testName"); wanted = 1 }
    /<test-case .*result="(Failure|Error)"/ { print value($0, "name"); wanted = 1 }
    /<Message>|<!\[CDATA\[/ { lines = wanted ? 8 : 0 }
    lines { sub(/^.*<!\[CDATA\[/, ""); if (text($0) != "") print "    " text($0); lines-- }
    /<\/Message>|]]>/ { lines = 0; wanted = 0 }' && echo /)
  failed_tests=${failed_tests%/}
}

# Adds one runner's counts. A runner that crashed or ran nothing counts as one failure.
# Arguments: its name, its exit status, then its counts of passed, failed and skipped tests.
count() {
  local name=$1 status=$2
  passed=$((passed + ${3:-0})) failed=$((failed + ${4:-0})) skipped=$((skipped + ${5:-0}))
  if [[ -z ${3:-} || $((${3:-0} + ${4:-0} + ${5:-0})) == 0 ]]; then
    failed_tests+="the $name tests ran nothing, or crashed (exit status $status)"$'\n'
  elif [[ $status != 0 && ${4:-0} == 0 ]]; then
    failed_tests+="the $name tests ended with exit status $status"$'\n'
  else
    return 0
  fi
  failed=$((failed + 1))
}

test_core() {
  local report=$results/core.xml status=0 plain=()
  [[ -t 1 ]] || plain=(--no-spinner --colours 0)
  dotnet run -c Release --no-build --project tests/Core.FSharp.Tests -- \
    --fail-on-focused-tests --nunit-summary "$report" ${plain[@]+"${plain[@]}"} "$@" || status=$?
  if [[ -f $report ]]; then
    local total errors failures ignored
    total=$(attribute "$report" total) errors=$(attribute "$report" errors)
    failures=$(attribute "$report" failures) ignored=$(attribute "$report" ignored)
    count F# "$status" $((total - errors - failures - ignored)) $((errors + failures)) "$ignored"
    keep_failures "$report"
  else
    count F# "$status"
  fi
}

# Arguments: the test project, then dotnet test's.
test_xunit() {
  local project=$1 report=$results/$1.trx status=0
  shift
  dotnet test "tests/$project" -c Release --no-build --nologo \
    --logger 'console;verbosity=normal' --logger "trx;LogFileName=$report" "$@" || status=$?
  if [[ -f $report ]]; then
    local total passes executed
    total=$(attribute "$report" total) passes=$(attribute "$report" passed) executed=$(attribute "$report" executed)
    count "$project" "$status" "$passes" $((executed - passes)) $((total - executed))
    keep_failures "$report"
  else
    count "$project" "$status"
  fi
}

# The tests of cultures need ICU; without it they are skipped.
provide_icu() {
  [[ $(uname) != Linux ]] && return
  # Its folder is not on every user's path; in a pipe it would fail where grep -q stops reading.
  local libraries package
  libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true)
  [[ $libraries == *libicuuc* ]] && return
  if can_install && apt-get update -qq >&2; then
    package=$(apt-cache search --names-only '^libicu[0-9]+$' | cut -d' ' -f1 | sort | tail -n 1)
    [[ -n $package ]] && install "$package" && return
  fi
  echo "build.sh: ICU is missing, so the tests of cultures are skipped. On Debian or Ubuntu: sudo apt-get install libicu72 (or newer)." >&2
}

# The reader in Python is tested by Debian's python3 and numpy; without them its tests are skipped.
provide_numpy() {
  for python in /usr/bin/python3 python3; do
    "$python" -c 'import numpy' 2>/dev/null && return
  done
  can_install && install python3-numpy && return
  echo "build.sh: numpy is missing, so the tests of the reader in Python are skipped. On Debian or Ubuntu: sudo apt-get install python3-numpy." >&2
}

# The notebooks run in it; without it their tests are skipped.
provide_interactive() {
  [[ -x artifacts/tools/dotnet-interactive ]] && return
  dotnet tool install Microsoft.dotnet-interactive --version 1.0.712001 --tool-path artifacts/tools >/dev/null ||
    echo "build.sh: Microsoft.dotnet-interactive could not be installed, so the tests of the notebooks are skipped." >&2
}

# The service's page is looked at in it; without it these tests are skipped.
provide_chromium() {
  for program in chromium chromium-browser google-chrome; do
    command -v "$program" >/dev/null && return
  done
  can_install && install chromium && return
  echo "build.sh: Chromium is missing, so the tests that look at pages are skipped. On Debian: sudo apt-get install chromium. Elsewhere: chromium or google-chrome on the path." >&2
}

# Clusters keep their members and their runs in it; without it the tests of that are skipped.
provide_redis() {
  [[ -x /usr/bin/redis-server ]] && return
  # The package would start a server of its own; tests and the example start theirs, on a free port.
  can_install && RUNLEVEL=1 install redis-server && return
  echo "build.sh: redis-server is missing. On Debian or Ubuntu: sudo apt-get install redis-server." >&2
  return 1
}

# Network namespaces with slow lines; without them relays take their place, and nothing is cut.
provide_namespaces() {
  command -v ip >/dev/null && command -v tc >/dev/null && return
  can_install && install iproute2 && return
  echo "build.sh: ip and tc are missing. On Debian or Ubuntu: sudo apt-get install iproute2." >&2
}

run_tests() {
  local part=${1:-all}
  shift || true
  [[ $part =~ ^(all|core|facade|onnx|pytorch|tool|orleans|experiments)$ ]] || fail "test takes 'core', 'facade', 'onnx', 'pytorch', 'tool', 'orleans' or 'experiments' (then their runner's arguments), not '$part'."
  restore_tools
  provide_data || echo "build.sh: tests that need it will be skipped." >&2
  provide_icu
  provide_numpy
  if [[ $part =~ ^(all|tool)$ ]]; then provide_chromium; fi
  provide_redis || echo "build.sh: tests that need it will be skipped." >&2
  if [[ $part =~ ^(all|orleans)$ ]]; then provide_namespaces; fi
  dotnet build MappingNets.sln -c Release --nologo --verbosity quiet || fail "the build failed; no test ran."
  if [[ $part =~ ^(all|tool)$ ]]; then provide_interactive; fi
  results=$(mktemp -d)
  scratch+=("$results")
  if [[ $part =~ ^(all|core)$ ]]; then test_core "$@"; fi
  if [[ $part =~ ^(all|facade)$ ]]; then test_xunit Facade.CSharp.Tests "$@"; fi
  if [[ $part =~ ^(all|onnx)$ ]]; then test_xunit Onnx.CSharp.Tests "$@"; fi
  if [[ $part =~ ^(all|pytorch)$ ]]; then test_xunit PyTorch.CSharp.Tests "$@"; fi
  if [[ $part =~ ^(all|tool)$ ]]; then test_xunit Tool.CSharp.Tests "$@"; fi
  if [[ $part =~ ^(all|orleans)$ ]]; then test_xunit Orleans.CSharp.Tests "$@"; fi
  if [[ $part =~ ^(all|experiments)$ ]]; then test_xunit Experiments.Tests "$@"; fi
  local skips=
  if ((skipped > 0)); then skips=", $skipped skipped"; fi
  [[ -z $failed_tests ]] || printf 'Failed:\n%s' "$failed_tests"
  echo "$passed passed, $failed failed$skips"
  ((failed == 0))
}

# Arguments: --published, then the program's.
stress() {
  restore_tools
  if [[ ${1:-} != --published ]]; then
    dotnet run -c Release --project experiments/Stress -- stress "$@"
    return
  fi
  shift
  local minutes=1 out=artifacts/stress
  while (($# > 0)); do
    case $1 in
      --minutes) minutes=${2:-} ;;
      --out) out=${2:-} ;;
      *) fail "stress --published takes --minutes N and --out FOLDER, not '$1'." ;;
    esac
    [[ -n ${2:-} ]] || fail "$1 needs a value."
    shift 2
  done
  stress_form framework-dependent --self-contained false
  stress_form self-contained --self-contained true
  stress_form ready-to-run --self-contained false -p:PublishReadyToRun=true
  stress_form single-file --self-contained true -p:PublishSingleFile=true
  ((failed == 0)) || fail "$failed of 4 published forms failed."
}

# Publishes the program in one form, runs it, and removes it: each holds all of libtorch.
# Arguments: the form's name, then dotnet publish's. Uses minutes and out; adds to failed.
stress_form() {
  local form=$1 folder
  shift
  folder=$(mktemp -d)
  scratch+=("$folder")
  if ! dotnet publish experiments/Stress -c Release --use-current-runtime --nologo --verbosity quiet -o "$folder" "$@"; then
    echo "build.sh: the form $form could not be published." >&2
    failed=$((failed + 1))
  elif ! "$folder/Stress" stress --minutes "$minutes" --form "$form" --out "$out/$form"; then
    failed=$((failed + 1))
  fi
  rm -rf "$folder"
}

format() {
  restore
  local check=() verify=() status=0
  case ${1:-} in
    '') ;;
    --check) check=(--check) verify=(--verify-no-changes) ;;
    *) fail "format takes --check or nothing, not '$1'." ;;
  esac
  dotnet fantomas ${check[@]+"${check[@]}"} src tests examples experiments || status=1
  # It reports each F# project as one that it does not format.
  dotnet format MappingNets.sln --no-restore ${verify[@]+"${verify[@]}"} 2> >(grep -v 'Could not format .*fsproj' >&2) || status=1
  return $status
}

# The packages that validation compares with, packed once from their own commit.
provide_baseline() {
  [[ -f $baseline_folder/MappingNets.0.2.0.nupkg ]] && return
  local complaint
  if ! complaint=$(git rev-parse HEAD 2>&1 >/dev/null); then
    echo "build.sh: no API is compared with version 0.2.0, because git cannot read this checkout: ${complaint%%$'\n'*}" >&2
    return
  fi
  if ! git cat-file -e "$baseline_commit^{commit}" 2>/dev/null; then
    echo "build.sh: commit $baseline_commit is not in this checkout, so no API is compared with version 0.2.0 (git fetch --unshallow)." >&2
    return
  fi
  echo "build.sh: packing version 0.2.0 from commit $baseline_commit, to compare with (a minute, once)"
  local work project
  work=$(mktemp -d)
  scratch+=("$work")
  git archive "$baseline_commit" src build paket.dependencies paket.lock .paket .config Directory.Build.props Directory.Build.targets | tar -x -C "$work"
  for project in src/Core.FSharp src/Facade.CSharp; do
    (cd "$work" && dotnet tool restore >/dev/null && dotnet pack "$project" -c Release --nologo --verbosity quiet -o packages) || fail "version 0.2.0 was not packed."
  done
  mkdir -p "$baseline_folder"
  cp "$work"/packages/*.nupkg "$baseline_folder"
  rm -rf "$work"
}

pack() {
  local project started=$SECONDS
  echo "build.sh: restoring the tools"
  restore_tools
  provide_baseline
  for project in src/Core.FSharp src/Facade.CSharp src/Images.CSharp src/Onnx.CSharp src/PyTorch.CSharp src/Orleans.CSharp src/Tool.CSharp templates; do
    echo "build.sh: restoring, building and packing $project (a few minutes the first time)"
    dotnet pack "$project" -c Release --nologo --verbosity quiet -o artifacts/packages "$@" || fail "$project was not packed."
  done
  echo "build.sh: in artifacts/packages, after $((SECONDS - started)) s:"
  ls artifacts/packages
}

verb=${1:-}
shift || true
case $verb in
  '' | help | --help | -h) list_verbs ;;
  demo)
    # Other data are the program's to find.
    [[ " $* " == *" --data"[\ =]* ]] || provide_data || exit 1
    run_example experiments/Demo "$@"
    ;;
  stress) stress "$@" ;;
  consumer)
    restore_tools
    require_python
    tests/consumer/run.sh
    ;;
  cluster)
    provide_redis || exit 1
    run_on_fashion_mnist experiments/ClusterDemo "$@"
    ;;
  cluster-figures)
    provide_redis || true
    provide_namespaces
    run_example experiments/ClusterFigures "$@"
    ;;
  serve) run_on_fashion_mnist examples/Serve "$@" ;;
  serve-load) run_on_fashion_mnist experiments/ServeLoad "$@" ;;
  docs)
    require_sdk
    require_python
    build/Site/build.sh
    ;;
  larger-than-memory) run_on_fashion_mnist examples/LargerThanMemory "$@" ;;
  soak | crash) restore_tools && dotnet run -c Release --project experiments/Stress -- "$verb" "$@" ;;
  fuzz)
    restore_tools
    dotnet run -c Release --project experiments/Fuzz -- "$@"
    ;;
  attack) restore_tools && dotnet run -c Release --project experiments/TheoryAttack -- "$@" ;;
  mutants)
    require_sdk
    require_python
    require_git
    python3 tests/mutants/run.py "$@"
    ;;
  bench) run_example experiments/Bench "$@" ;;
  against)
    require_sdk
    require_python
    require_git
    python3 experiments/Against/run.py "$@"
    ;;
  test) run_tests "$@" ;;
  format) format "$@" ;;
  restore) restore ;;
  pack) pack "$@" ;;
  *)
    list_verbs >&2
    fail "there is no verb '$verb'."
    ;;
esac
