"""What sockeye watch takes of a core with many TCP connections, a sample each second, on a terminal and as data.

Usage: watch.py [--sockeye PATH] [--seconds 15] [--processes 5] [--connections 9000]
Needs root: the sockets live in a network namespace of their own, which is removed at the end.
"""
import argparse
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

from world import World

here = Path(__file__).resolve().parent
parser = argparse.ArgumentParser()
parser.add_argument("--sockeye", default=here.parent.parent / "target/release/sockeye")
parser.add_argument("--seconds", type=int, default=15)
parser.add_argument("--processes", type=int, default=5)
parser.add_argument("--connections", type=int, default=9000)
args = parser.parse_args()


def measure(label, command):
    """The share of a core from the second sample on, and the peak of memory."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    child = subprocess.Popen(command, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)

    def drain():
        try:
            while os.read(primary, 1 << 16):
                pass
        except OSError:
            pass

    threading.Thread(target=drain, daemon=True).start()
    stat, status = Path(f"/proc/{child.pid}/stat"), Path(f"/proc/{child.pid}/status")

    def ticks():
        return sum(map(int, stat.read_text().rsplit(")", 1)[1].split()[11:13]))

    time.sleep(3)
    before, begun = ticks(), time.monotonic()
    time.sleep(args.seconds)
    share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    child.terminate()
    child.wait()
    print(f"{label:8} {share:6.1%} of a core, {peak / 1024:.1f} MB", flush=True)


with World(args.processes, args.connections) as world:
    measure("screen", [*world.inside, str(args.sockeye), "watch"])
    measure("--json", [*world.inside, str(args.sockeye), "watch", "--json"])
