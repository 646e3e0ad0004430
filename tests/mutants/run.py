#!/usr/bin/env python3
"""Plants each small code change of list.json, one at a time, in a copy of the tree, and sees whether the tests notice.

    python3 tests/mutants/run.py COPY REPORT [--only AREA] [--from N] [--numbers N,N,...] [--check]

COPY is a folder for the copy of the tree (made with git clone, built once); REPORT is a JSON file, written anew after each change, so that a
run can be stopped and looked at. A change is killed when it does not build, or when a test fails: first the test list that
is most likely to, then all tests of its project. Everything runs after other work, where nice exists.
--check only looks whether each old text stands once in its file.
"""

import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LOW = ["nice", "-n", "5"] if shutil.which("nice") else []


def run(command, folder, seconds):
    """The exit status, 124 where time ran out; a test that hangs was changed by the mutant too."""
    try:
        return subprocess.run(
            LOW + command, cwd=folder, timeout=seconds, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        return 124


def check(mutants):
    bad = 0
    for mutant in mutants:
        with open(os.path.join(ROOT, mutant["file"]), encoding="utf-8") as source:
            times = source.read().count(mutant["old"])
        if times != 1:
            bad += 1
            print(f"{mutant['file']}: found {times} times: {mutant['old']!r}", file=sys.stderr)
    print(f"{len(mutants)} changes, {bad} that no longer fit")
    return bad


def project_of(mutant):
    return "tests/Core.FSharp.Tests" if mutant["file"].startswith("src/Core.FSharp/") else "tests/Facade.CSharp.Tests"


def build(copy, project):
    return run(["dotnet", "build", project, "-c", "Release", "--no-restore", "--nologo", "-v", "q"], copy, 3600)


def tests(copy, project, first):
    """Starts the built tests themselves: `dotnet run` and `dotnet test` would evaluate the projects again each time."""
    name = os.path.basename(project)
    built = os.path.join(copy, project, "bin", "Release", "net10.0", name)
    if name == "Core.FSharp.Tests":
        command = [built, "--no-spinner", "--colours", "0"]
        return run(command + (["--filter-test-list", first] if first else []), copy, 3600)
    command = ["dotnet", "vstest", built + ".dll", f"--Settings:{os.path.join(copy, 'tests', 'test.runsettings')}"]
    return run(command + ([f"--TestCaseFilter:FullyQualifiedName~{first}"] if first else []), copy, 7200)


def outcome(copy, mutant):
    path = os.path.join(copy, mutant["file"])
    with open(path, encoding="utf-8", newline="") as source:
        text = source.read()
    if text.count(mutant["old"]) != 1:
        return "does not fit", ""
    project = project_of(mutant)
    try:
        with open(path, "w", encoding="utf-8", newline="") as source:
            source.write(text.replace(mutant["old"], mutant["new"]))
        if build(copy, project) != 0:
            return "killed", "the compiler"
        if mutant["first"] and tests(copy, project, mutant["first"]) != 0:
            return "killed", mutant["first"]
        if tests(copy, project, "") != 0:
            return "killed", "all tests"
        return "survived", ""
    finally:
        with open(path, "w", encoding="utf-8", newline="") as source:
            source.write(text)


def main():
    with open(os.path.join(HERE, "list.json"), encoding="utf-8") as source:
        mutants = json.load(source)
    arguments = sys.argv[1:]
    if "--check" in arguments:
        sys.exit(1 if check(mutants) else 0)
    copy, report = arguments[0], arguments[1]
    numbered = list(enumerate(mutants, 1))
    if "--only" in arguments:
        numbered = [pair for pair in numbered if pair[1]["area"] == arguments[arguments.index("--only") + 1]]
    if "--from" in arguments:
        numbered = [pair for pair in numbered if pair[0] >= int(arguments[arguments.index("--from") + 1])]
    if "--numbers" in arguments:
        chosen = [int(number) for number in arguments[arguments.index("--numbers") + 1].split(",")]
        numbered = [(number, mutants[number - 1]) for number in chosen]
    if not os.path.isdir(copy):
        subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
        for command in (["dotnet", "tool", "restore"], ["dotnet", "restore", "MappingNets.sln"]):
            subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)
    for project in sorted({project_of(mutant) for _, mutant in numbered}):
        if build(copy, project) != 0:
            sys.exit(f"{project} does not build without any change")
        lists = {mutant["first"] for _, mutant in numbered if mutant["first"] and project_of(mutant) == project}
        for first in sorted(lists):
            if tests(copy, project, first) != 0:
                sys.exit(f"'{first}' fails, or is no list of tests, without any change")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=copy, check=True, capture_output=True, text=True).stdout.strip()
    results = []
    for number, mutant in numbered:
        started = time.monotonic()
        result, by = outcome(copy, mutant)
        results.append({
            "number": number, "area": mutant["area"], "file": mutant["file"], "old": mutant["old"], "new": mutant["new"],
            "result": result, "by": by, "seconds": round(time.monotonic() - started, 1)})
        counts = {kind: sum(one["result"] == kind for one in results) for kind in ("killed", "survived", "does not fit")}
        with open(report, "w", encoding="utf-8") as target:
            json.dump({
                "command": "./build.sh mutants " + " ".join(arguments), "commit": commit,
                "planted": len(results), "of": len(mutants), **counts, "changes": results}, target, indent=1, ensure_ascii=False)
            target.write("\n")
        print(f"{number:3} {result:12} {by:40} {mutant['file']}: {mutant['old']!r}", flush=True)
    sys.exit(0 if all(one["result"] == "killed" for one in results) else 1)


main()
