#!/usr/bin/env python3
"""Step times of this commit over those of an older one, pair by pair, each value from a process of its own.

    python3 experiments/Against/run.py COMMIT [--pairs N] [--kinds KIND,...] [--folder FOLDER] [--out FOLDER]

Both commits are cloned into FOLDER (a temporary one by default) and built; kinds are direct, slvt, lwt, terms and lstm (CNN2 and an LSTM, batch
128). In a pair the two versions take turns at going first. A process trains six epochs of 20 steps of each kind before it is measured, so that
the runtime has compiled everything; the smaller of two medians counts. glibc keeps freed memory, as NativeHeap does.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROJECT = os.path.join("examples", "FashionMnist")
WARM = 6


def built(commit, folder):
    """A clone of the commit in which an example's program is Step.cs."""
    if not os.path.isdir(folder):
        # Its name is its own only when it is whole: what was broken off is made anew.
        part = folder + ".part"
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run(["git", "clone", "-q", ROOT, part], check=True)
        subprocess.run(["git", "checkout", "-q", commit], cwd=part, check=True)
        project = os.path.join(part, PROJECT)
        for name in os.listdir(project):
            if name.endswith(".cs"):
                os.remove(os.path.join(project, name))
        with open(os.path.join(HERE, "Step.cs"), encoding="utf-8") as source, open(os.path.join(project, "Step.cs"), "w", encoding="utf-8") as target:
            target.write(source.read())
        for command in (["tool", "restore"], ["build", PROJECT, "-c", "Release", "--nologo", "-v", "q"]):
            subprocess.run(["dotnet"] + command, cwd=part, check=True, stdout=subprocess.DEVNULL)
        os.rename(part, folder)
    return os.path.join(folder, PROJECT, "bin", "Release", "net10.0", "FashionMnist.dll")


def measured(program, kinds):
    memory = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
    process = subprocess.Popen(
        ["dotnet", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **memory})

    def ask(kind):
        process.stdin.write(kind + "\n")
        process.stdin.flush()
        while True:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{program} ended.")
            try:
                return float(line)
            except ValueError:
                pass

    for _ in range(WARM):
        for kind in kinds:
            ask(kind)
    values = {kind: min(ask(kind), ask(kind)) for kind in kinds}
    process.stdin.close()
    process.wait()
    return values


def interval(ratios):
    """The 95% interval of the median, by resampling."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(4000))
    return medians[100], medians[3900]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("commit")
    parser.add_argument("--pairs", type=int, default=31)
    parser.add_argument("--kinds", default="direct,slvt,lwt,terms,lstm")
    parser.add_argument("--folder", help="keeps the two builds for the next run")
    parser.add_argument("--out", default=os.path.join("artifacts", "against"))
    options = parser.parse_args()
    if options.folder:
        compare(options, options.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="against-") as folder:
            compare(options, folder)


def compare(options, folder):
    kinds = options.kinds.split(",")
    commits = {
        name: subprocess.run(["git", "rev-parse", commit], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        for name, commit in (("old", options.commit), ("new", "HEAD"))}
    # By its commit, so that a folder of an earlier run gives no other version than the report names.
    programs = {name: built(commit, os.path.join(folder, commit[:12])) for name, commit in commits.items()}
    pairs = {kind: [] for kind in kinds}
    os.makedirs(options.out, exist_ok=True)
    for pair in range(options.pairs):
        values = {}
        for name in ("old", "new") if pair % 2 == 0 else ("new", "old"):
            values[name] = measured(programs[name], kinds)
        for kind in kinds:
            pairs[kind].append({name: values[name][kind] for name in values})
        report = {"command": f"./build.sh against {options.commit} --pairs {options.pairs} --kinds {options.kinds}", **commits, "kinds": []}
        for kind in kinds:
            ratios = [one["new"] / one["old"] for one in pairs[kind]]
            low, high = interval(ratios)
            report["kinds"].append({
                "kind": kind, "pairs": len(ratios), "median": statistics.median(ratios), "low": low, "high": high,
                "old": statistics.median(one["old"] for one in pairs[kind]), "new": statistics.median(one["new"] for one in pairs[kind]),
                "ratios": [round(ratio, 4) for ratio in ratios]})
        written = os.path.join(options.out, "report.json")
        # Whole or not at all: an interrupted run leaves the pairs before.
        with open(written + ".new", "w", encoding="utf-8") as target:
            json.dump(report, target, indent=1)
            target.write("\n")
        os.replace(written + ".new", written)
        line = ", ".join(f"{one['kind']} {one['median']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" for one in report["kinds"])
        print(f"pair {pair + 1} of {options.pairs}, new / old, median and its 95% interval: {line}", flush=True)


main()
