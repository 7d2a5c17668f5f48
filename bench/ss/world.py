"""A network namespace full of TCP sockets, for as long as it is entered."""
import os
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent


class World:
    def __init__(self, processes, connections):
        self.processes, self.connections = processes, connections
        self.namespace = f"sockeye-bench-{os.getpid()}"
        # nsenter replaces itself by the program, so that what is measured is the program.
        self.inside = ["nsenter", f"--net=/var/run/netns/{self.namespace}"]
        self.holders = []

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        try:
            self.fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def fill(self):
        subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)
        for k in range(self.processes):
            command = ["ip", "netns", "exec", self.namespace, sys.executable, here / "sockets.py"]
            self.holders.append(
                subprocess.Popen(
                    [*map(str, command), str(self.connections), str(2 + k)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for holder in self.holders:
            if holder.stdout.readline() != "ready\n":
                raise SystemExit("the sockets could not be made: is the descriptor limit too low?")

    def __exit__(self, *_):
        for holder in self.holders:
            holder.stdin.close()
            holder.wait()
        subprocess.run(["ip", "netns", "del", self.namespace], check=False)
