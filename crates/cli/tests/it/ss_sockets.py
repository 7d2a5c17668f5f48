"""Sockets in every state, for the tests of ss: holds them until its input ends. Argument: a directory.

States that pass quickly are held by a socket filter that drops whatever arrives at one end, so that no
acknowledgement gets through.
"""
import ctypes
import os
import socket
import struct
import sys
import time

kept = []
AF_UNIX, AF_INET, AF_INET6 = socket.AF_UNIX, socket.AF_INET, socket.AF_INET6
STREAM, DGRAM, SEQPACKET, RAW = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW


def deafen(s):
    """SO_ATTACH_FILTER with the one instruction "return 0"."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0), 8)
    kept.append(program)
    s.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))


def make(*args):
    s = socket.socket(*args)
    kept.append(s)
    return s


def listen(address, family=AF_INET, v6only=0, kind=STREAM, protocol=0):
    s = make(family, kind, protocol)
    if family != AF_UNIX:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    s.bind(address)
    s.listen(16)
    return s


def pair(listener, address, family=AF_INET, options=(), protocol=0):
    client = make(family, listener.type, protocol)
    for option in options:
        client.setsockopt(*option)
    client.connect(address)
    server, _ = listener.accept()
    kept.append(server)
    return client, server


def wait_for(port, state):
    """Waits until /proc/net/tcp has a socket of this port in this state (its number)."""
    for _ in range(600):
        for line in open("/proc/net/tcp").readlines()[1:]:
            fields = line.split()
            if int(fields[3], 16) == state and fields[1].endswith(f":{port:04X}"):
                return
        time.sleep(0.02)
    raise SystemExit(f"port {port} never came to state {state}")


here = ("127.0.0.1", 8001)
listener = listen(here)
# Once through TCP's diagram.
client, server = pair(listener, here)
client.send(b"x" * 1000)
server.send(b"y" * 77)
client, server = pair(listener, here)
client.shutdown(socket.SHUT_WR)  # FIN-WAIT-2, CLOSE-WAIT
client, server = pair(listener, here)
deafen(server)
client.shutdown(socket.SHUT_WR)  # FIN-WAIT-1
client, server = pair(listener, here)
client.shutdown(socket.SHUT_WR)
wait_for(client.getsockname()[1], 5)
deafen(client)
server.shutdown(socket.SHUT_WR)  # LAST-ACK
client, server = pair(listener, here)
deafen(server)
client.shutdown(socket.SHUT_WR)
server.shutdown(socket.SHUT_WR)  # CLOSING
wait_for(client.getsockname()[1], 11)
client, server = pair(listener, here)
local = client.getsockname()[1]
client.close()
server.close()  # TIME-WAIT
wait_for(local, 6)
deaf = make()
deafen(deaf)
deaf.setblocking(False)
deaf.connect_ex(here)  # SYN-SENT, SYN-RECV
wait_for(deaf.getsockname()[1], 2)
make().bind(("127.0.0.1", 8005))  # bound, neither listening nor connected

six = listen(("::1", 8006), AF_INET6)
pair(six, ("::1", 8006), AF_INET6)[0].send(b"z" * 5)
listen(("::", 8007), AF_INET6, 1)
mapped = listen(("::", 8008), AF_INET6)
pair(mapped, ("127.0.0.1", 8008))
pair(listener, here, options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)])
pair(listener, here, options=[(socket.SOL_SOCKET, 36, 0x1F)])  # SO_MARK
device = make()
device.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
device.bind(("127.0.0.1", 8009))
device.listen(1)
listen(("127.0.0.1", 443))
listen(("127.0.0.1", 80))
make().connect(("127.0.0.1", 80))  # waits to be accepted

udp = make(AF_INET, DGRAM)
udp.bind(("127.0.0.1", 53))
talker = make(AF_INET, DGRAM)
talker.connect(("127.0.0.1", 53))
talker.send(b"a" * 100)
make(AF_INET6, DGRAM).bind(("::", 5353))
make(AF_INET, RAW, 1), make(AF_INET6, RAW, 58), make(AF_INET, RAW, 255)

for kind, name in ((STREAM, "stream"), (SEQPACKET, "seq")):
    path = f"{sys.argv[1]}/{name}"
    local = listen(path, AF_UNIX, kind=kind)
    pair(local, path, AF_UNIX)[0].send(b"hello")
    make(AF_UNIX, kind).connect(path)  # waits to be accepted
make(AF_UNIX, DGRAM).bind(f"{sys.argv[1]}/dgram")
talker = make(AF_UNIX, DGRAM)
talker.connect(f"{sys.argv[1]}/dgram")
talker.send(b"123")
listen("\0abstract\0name", AF_UNIX)
make(AF_UNIX, DGRAM).bind("")
left, right = socket.socketpair()
left.shutdown(socket.SHUT_WR)

for kind in (RAW, DGRAM):
    make(socket.AF_PACKET, kind, 0).bind(("lo", 0x88CC))
make(socket.AF_PACKET, RAW, 0)
make(socket.AF_NETLINK, RAW, 0).bind((0, 1))
try:
    multipath = listen(("127.0.0.1", 8010), protocol=262)
    pair(multipath, ("127.0.0.1", 8010), protocol=262)
except OSError:
    pass  # a kernel without MPTCP

child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print("ready", flush=True)
sys.stdin.read()
