"""Holds N TCP connections of this process to itself (2 N sockets) on 127.0.0.K until its input ends."""
import resource
import socket
import sys

count, host = int(sys.argv[1]), f"127.0.0.{int(sys.argv[2])}"
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((host, 9000))
listener.listen(4096)
kept = [listener]
for _ in range(count):
    client = socket.socket()
    client.connect((host, 9000))
    server, _ = listener.accept()
    kept += [client.detach(), server.detach()]
print("ready", flush=True)
sys.stdin.read()
