"""Runs a program on a terminal of a given width and prints what it wrote: on_terminal.py WIDTH PROGRAM ARG…"""
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

controller, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
program = subprocess.Popen(sys.argv[2:], stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL)
os.close(terminal)
while True:
    try:
        data = os.read(controller, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(program.wait())
