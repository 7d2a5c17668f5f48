"""Walks a TCP connection through its states, slowly enough to be watched: tcp_states.py STORY PORT

STORY is open, active, both or reset. The server is 127.0.0.1:9000, the client 127.0.0.1:PORT. On one machine
segments take microseconds; so that states can be seen, an end is made deaf for a while (a socket filter that drops
whatever arrives), as if the segments took that long.
"""
import ctypes
import socket
import struct
import sys
import threading
import time

PROGRAM = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0), 8)  # the one instruction: drop


def deaf(s):
    s.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(PROGRAM)))  # SO_ATTACH_FILTER


def hears(s):
    s.setsockopt(socket.SOL_SOCKET, 27, 0)  # SO_DETACH_FILTER


story, port = sys.argv[1], int(sys.argv[2])
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 9000))
listener.listen()
client = socket.socket()
client.bind(("127.0.0.1", port))
if story == "open":
    deaf(client)
    threading.Timer(0.5, hears, [client]).start()
client.connect(("127.0.0.1", 9000))
server, _ = listener.accept()
time.sleep(0.5)
if story == "active":
    deaf(server)
    client.shutdown(socket.SHUT_WR)  # FIN-WAIT-1 until the server hears it
    time.sleep(0.3)
    hears(server)
    time.sleep(1.5)  # FIN-WAIT-2 and CLOSE-WAIT: the server could still send
    deaf(client)
    server.close()  # LAST-ACK until the client hears it
    time.sleep(0.3)
    hears(client)
elif story == "both":
    deaf(client), deaf(server)
    client.shutdown(socket.SHUT_WR), server.shutdown(socket.SHUT_WR)
    time.sleep(0.1)
    hears(server)  # the client's FIN comes while the server's own is unanswered
    time.sleep(0.5)
    hears(client)
elif story == "reset":
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()  # RST instead of FIN: what was unsent is thrown away
time.sleep(2.5)
