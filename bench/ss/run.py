"""sockeye ss beside ss and netstat with 90,000 TCP sockets, alternating, medians.

Usage: run.py [--sockeye PATH] [--runs 7] [--processes 5] [--connections 9000]
Needs root: the sockets live in a network namespace of their own, which is removed at the end.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from world import World

here = Path(__file__).resolve().parent
parser = argparse.ArgumentParser()
parser.add_argument("--sockeye", default=here.parent.parent / "target/release/sockeye")
parser.add_argument("--runs", type=int, default=7)
parser.add_argument("--processes", type=int, default=5)
parser.add_argument("--connections", type=int, default=9000)
args = parser.parse_args()


def once(command):
    """Wall and CPU seconds of one run with its output thrown away."""
    start = time.monotonic()
    with open(os.devnull, "w") as null:
        child = subprocess.Popen(command, stdout=null, stderr=null)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if child.returncode != 0:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return wall, usage.ru_utime + usage.ru_stime


def memory(command):
    """Peak memory in MB: read from the running program, for what the parent used would count as its own."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    peak = 0
    while child.stdout.read1(1 << 16):
        for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]))
    child.wait()
    return peak / 1024


def compare(label, commands):
    runs = {name: [] for name in commands}
    for _ in range(args.runs):
        for name, command in commands.items():
            runs[name].append(once(command))
    medians = {n: [statistics.median(column) for column in zip(*r)] for n, r in runs.items()}
    peaks = {name: memory(command) for name, command in commands.items()}
    base, base_peak = medians["ss"], peaks["ss"]
    for name, (wall, cpu) in medians.items():
        peak = peaks[name]
        ratio = f"{wall / base[0]:.2f} x wall, {cpu / base[1]:.2f} x cpu, {peak / base_peak:.2f} x memory"
        print(f"{label:8} {name:8} {wall:7.3f} s wall {cpu:7.3f} s cpu {peak:6.1f} MB   {ratio}", flush=True)


with World(args.processes, args.connections) as world:
    for flags in ["-tan", "-tanp", "-tani"]:
        commands = {"ss": [*world.inside, "ss", flags], "sockeye": [*world.inside, str(args.sockeye), "ss", flags]}
        if flags == "-tanp" and shutil.which("netstat"):
            commands["netstat"] = [*world.inside, "netstat", flags]
        compare(flags, commands)
