#!/usr/bin/env python3
"""Relays side by side, over loopback, in turns: sockeye and each peer that is installed.

    bench/relay/run.py [--rounds 5] [--only bulk,sources,tls,connections,latency,idle,udp] [--seconds 3]

Prints one table: medians over the rounds, the ratio of sockeye to the best peer, and CPU seconds of the
relay process (user and system, all its threads and children) for each GiB that passed.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOCKEYE = str(ROOT / "target/release/sockeye")
TICK = os.sysconf("SC_CLK_TCK")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(type=kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process, its threads, its children, and what those left behind."""
    total = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(stat.parent.name) == pid:
                total += sum(int(f) for f in fields[11:15])
            elif int(fields[1]) == pid:
                total += sum(int(f) for f in fields[11:13])
    return total / TICK


def pss_kib(pid):
    total = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
            if pid in (int(stat.parent.name), parent):
                rollup = (stat.parent / "smaps_rollup").read_text()
                total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
    return total


def wait_for(port):
    """Waits until something listens, without connecting to it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            if f":{port:04X} " in "".join(l for l in open(table) if " 0A " in l):
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {port}")


class Relays:
    """How each relay is started: from `listen` to `target`, TCP over loopback."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def sockeye(self, listen, target):
        return [SOCKEYE, "relay", f"tcp-listen:127.0.0.1:{listen},fork", f"tcp:127.0.0.1:{target}"]

    def socat(self, listen, target):
        return ["socat", f"tcp-listen:{listen},bind=127.0.0.1,reuseaddr,fork,backlog=4096", f"tcp:127.0.0.1:{target}"]

    def socat_128k(self, listen, target):
        return ["socat", "-b131072", *self.socat(listen, target)[1:]]

    def haproxy(self, listen, target):
        conf = self.folder / f"haproxy-{listen}.cfg"
        conf.write_text(
            f"global\n maxconn 4500\ndefaults\n mode tcp\n option splice-auto\n timeout connect 5s\n timeout client 1h\n"
            f" timeout server 1h\nlisten l\n bind 127.0.0.1:{listen}\n server s 127.0.0.1:{target}\n")
        return ["haproxy", "-db", "-f", str(conf)]

    def nginx(self, listen, target):
        conf = self.folder / f"nginx-{listen}.conf"
        modules = "/usr/lib/nginx/modules/ngx_stream_module.so"
        load = f"load_module {modules};" if os.path.exists(modules) else ""
        conf.write_text(
            f"{load} daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {self.folder}/nginx-{listen}.pid;\n"
            f"error_log {self.folder}/nginx.log; events {{ worker_connections 16000; }}\n"
            f"stream {{ server {{ listen 127.0.0.1:{listen} backlog=4096; proxy_pass 127.0.0.1:{target}; }} }}\n")
        return ["nginx", "-c", str(conf), "-p", str(self.folder)]

    def all(self):
        installed = [("sockeye", self.sockeye)]
        for name, tool in [("socat", "socat"), ("socat_128k", "socat"), ("haproxy", "haproxy"), ("nginx", "nginx")]:
            if shutil.which(tool) and (name != "nginx" or os.path.exists("/usr/lib/nginx/modules/ngx_stream_module.so")):
                installed.append((name, getattr(self, name)))
        return installed


@contextlib.contextmanager
def running(command, port=None):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        if port:
            wait_for(port)
        yield process
    finally:
        # With the children that it forked.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bulk(relays, seconds, _):
    """One stream through each relay, by iperf3: Gbit/s and CPU seconds for each GiB."""
    server_port, results = free_port(), {}
    with running(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(server_port)], server_port):
        for name, start in relays:
            port = free_port()
            with running(start(port, server_port), port) as process:
                time.sleep(0.2)
                before = cpu_seconds(process.pid)
                out = subprocess.run(["iperf3", "-c", "127.0.0.1", "-p", str(port), "-t", str(seconds), "-J"],
                                     capture_output=True, text=True).stdout
                used = cpu_seconds(process.pid) - before
                moved = int(re.findall(r'"bytes":\s*(\d+)', out.split('"sum_received"')[1])[0])
                results[name] = {"Gbit/s": moved * 8 / seconds / 1e9, "CPU s/GiB": used / (moved / 2**30)}
            time.sleep(0.2)
    return results


def drain(server, done):
    """Reads one connection to its end and says how many bytes there were."""
    client, _ = server.accept()
    view, count = bytearray(1 << 20), 0
    with client:
        while got := client.recv_into(view):
            count += got
    done.append((count, time.perf_counter()))


def timed(server, command, feed=None, before=None):
    """Runs a relay that ends with its source, into `server`: throughput, and CPU seconds for each GiB."""
    done = []
    reader = threading.Thread(target=drain, args=(server, done))
    reader.start()
    began = time.perf_counter()
    relay = subprocess.Popen(command, stdin=feed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if before:
        before()
    reader.join(120)
    _, _, usage = os.wait4(relay.pid, 0)
    relay.returncode = 0
    count, ended = done[0]
    assert count == SIZE, f"{count} of {SIZE} bytes arrived"
    return {"Gbit/s": count * 8 / (ended - began) / 1e9,
            "CPU s/GiB": (usage.ru_utime + usage.ru_stime) / (count / 2**30)}


SIZE = 1 << 30


def sources(_, __, ___):
    """1 GiB from a file, a pipe and a Unix socket into TCP, by a relay that ends with its source."""
    results = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        data = pathlib.Path(folder) / "data"
        with open(data, "wb") as out:
            for _ in range(SIZE >> 20):
                out.write(b"\xa5" * (1 << 20))
        for name, prefix in [("sockeye", [SOCKEYE, "relay", "-u"]), ("socat", ["socat", "-u"]),
                             ("socat_128k", ["socat", "-u", "-b131072"])]:
            if not shutil.which(prefix[0]):
                continue
            row = {}
            for kind in ("file", "pipe", "unix"):
                server = socket.create_server(("127.0.0.1", 0))
                to = f"tcp:127.0.0.1:{server.getsockname()[1]}"
                if kind == "file":
                    got = timed(server, [*prefix, f"open:{data}", to])
                elif kind == "pipe":
                    cat = subprocess.Popen(["cat", data], stdout=subprocess.PIPE)
                    got = timed(server, [*prefix, "-" if "socat" in prefix[0] else "stdin", to], cat.stdout)
                    cat.wait()
                else:
                    path = f"{folder}/{name}.sock"
                    feeder = []

                    def feed(path=path, feeder=feeder):
                        while not os.path.exists(path):
                            time.sleep(0.005)
                        client = subprocess.Popen([sys.executable, "-c", FEEDER, path, str(data)])
                        feeder.append(client)

                    got = timed(server, [*prefix, f"unix-listen:{path}", to], before=feed)
                    feeder[0].wait()
                server.close()
                row.update({f"{kind} {figure}": value for figure, value in got.items()})
            results[name] = row
    return results


FEEDER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
with open(sys.argv[2], "rb") as data:
    s.sendfile(data)
"""


def tls(_, __, ___):
    """1 GiB from a TLS client into TCP: the relay ends TLS; openssl s_client sends."""
    global SIZE
    whole, SIZE = SIZE, 1 << 30
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        for name, command in [
            ("sockeye", lambda at, to: [SOCKEYE, "relay", f"tls-listen:127.0.0.1:{at},cert={cert},key={key},verify=0", to]),
            ("socat", lambda at, to: ["socat", f"openssl-listen:{at},bind=127.0.0.1,cert={cert},key={key},verify=0", to]),
            ("socat_128k", lambda at, to: ["socat", "-b131072",
                f"openssl-listen:{at},bind=127.0.0.1,cert={cert},key={key},verify=0", to]),
        ]:
            server, port = socket.create_server(("127.0.0.1", 0)), free_port()

            def feed(port=port):
                wait_for(port)
                head = subprocess.Popen(["head", "-c", str(SIZE), "/dev/zero"], stdout=subprocess.PIPE)
                subprocess.Popen(["openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", f"127.0.0.1:{port}"],
                                 stdin=head.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

            results[name] = timed(server, command(port, f"tcp:127.0.0.1:{server.getsockname()[1]}"), before=feed)
            server.close()
    SIZE = whole
    return results


def web_server(folder, port):
    """nginx, which answers every request with two bytes and closes."""
    conf = pathlib.Path(folder) / f"web-{port}.conf"
    conf.write_text(
        f"daemon off; worker_processes 1; pid {folder}/web-{port}.pid; error_log {folder}/web.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; keepalive_timeout 0; server {{\n"
        f" listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 ok; }} }} }}\n")
    return ["nginx", "-c", str(conf), "-p", str(folder)]


def connections(relays, seconds, _):
    """New connections a second, one short HTTP request each, 64 at a time, by wrk."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        target = free_port()
        with running(web_server(folder, target), target):
            for name, start in [("direct", None), *relays]:
                port = free_port() if start else target
                with running(start(port, target), port) if start else contextlib.nullcontext():
                    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "-H", "Connection: close",
                                          f"http://127.0.0.1:{port}/"], capture_output=True, text=True).stdout
                results[name] = {"connections/s": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])}
    return results


def latency(relays, seconds, _):
    """Round trips of 64 bytes: median microseconds, less those of the direct way."""
    def echo(server):
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            def serve(c=client):
                with contextlib.suppress(OSError):
                    while data := c.recv(4096):
                        c.sendall(data)
            threading.Thread(target=serve, daemon=True).start()

    def measure(port):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            times, end = [], time.monotonic() + seconds
            while time.monotonic() < end:
                began = time.perf_counter_ns()
                s.sendall(b"x" * 64)
                got = 0
                while got < 64:
                    got += len(s.recv(64))
                times.append((time.perf_counter_ns() - began) / 1000)
            return statistics.median(times[len(times) // 10:])

    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=echo, args=(server,), daemon=True).start()
    target = server.getsockname()[1]
    direct, results = measure(target), {}
    for name, start in relays:
        port = free_port()
        with running(start(port, target), port):
            results[name] = {"added µs": measure(port) - direct}
    server.close()
    return results


def idle(relays, _, count):
    """Memory of the relay for each idle connection, proportional set size."""
    server, results = socket.create_server(("127.0.0.1", 0), backlog=4096), {}
    kept = []
    threading.Thread(target=lambda: accept_all(server, kept), daemon=True).start()
    for name, start in relays:
        number = min(count, 300) if name.startswith("socat") else count
        port = free_port()
        with running(start(port, server.getsockname()[1]), port) as process:
            time.sleep(0.3)
            before, clients = pss_kib(process.pid), []
            for i in range(number):
                client = socket.create_connection(("127.0.0.1", port))
                client.sendall(b"x")
                clients.append(client)
                if i % 200 == 199:
                    time.sleep(0.05)
            time.sleep(1)
            results[name] = {"KiB each": (pss_kib(process.pid) - before) / number}
            for client in clients:
                client.close()
        for client in kept:
            client.close()
        kept.clear()
    server.close()
    return results


SENDER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", int(sys.argv[1])))
data, rate, seconds, sent = b"x" * 1200, float(sys.argv[2]), float(sys.argv[3]), 0
began = time.monotonic()
while (now := time.monotonic() - began) < seconds:
    due = int(now * rate)
    while sent < due:
        s.send(data)
        sent += 1
    time.sleep(0.0005)
print(sent)
"""


def udp(_, seconds, __):
    """Datagrams of 1,200 bytes through one session: the highest rate tried at which none was lost."""
    def start_sockeye(listen, target):
        return [SOCKEYE, "relay", f"udp-listen:127.0.0.1:{listen},fork,rcvbuf=8m", f"udp:127.0.0.1:{target},sndbuf=8m"]

    def start_socat(listen, target):
        return ["socat", f"udp-listen:{listen},bind=127.0.0.1,fork,rcvbuf=8388608", f"udp:127.0.0.1:{target},sndbuf=8388608"]

    results = {}
    for name, start in [("sockeye", start_sockeye), ("socat", start_socat)]:
        best, rate = 0.0, 10_000.0
        while rate < 2_000_000:
            lost, used = udp_once(start, rate, min(seconds, 1.5))
            if lost:
                break
            best, rate = rate, rate * 1.25
        results[name] = {"datagrams/s": best}
    return results


def udp_once(start, rate, seconds):
    sink = socket.socket(type=socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE: what is lost is lost in the relay
    sink.bind(("127.0.0.1", 0))
    port = free_port(socket.SOCK_DGRAM)
    count = 0
    with running(start(port, sink.getsockname()[1])) as process:
        time.sleep(0.3)
        sender = subprocess.Popen([sys.executable, "-c", SENDER, str(port), str(rate), str(seconds)],
                                  stdout=subprocess.PIPE, text=True)
        sink.settimeout(1.0)
        view = bytearray(2048)
        with contextlib.suppress(TimeoutError):
            while True:
                sink.recv_into(view)
                count += 1
        sent = int(sender.communicate()[0])
        used = cpu_seconds(process.pid)
    sink.close()
    return sent - count, used


def accept_all(server, kept):
    with contextlib.suppress(OSError):
        while True:
            kept.append(server.accept()[0])


def elsewhere(congestion):
    """Goes on in a network namespace with this congestion control: the machine's own may pace loopback (BBR)."""
    if os.environ.get("BENCH_ELSEWHERE") != "1":
        os.environ["BENCH_ELSEWHERE"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text(congestion)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4000)
    parser.add_argument("--only", default="bulk,sources,tls,connections,latency,idle,udp")
    parser.add_argument("--congestion", help="in a network namespace of its own, which has this congestion control")
    args = parser.parse_args()
    if args.congestion:
        elsewhere(args.congestion)
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        relays = Relays(folder).all()
        for measure in args.only.split(","):
            rounds = [globals()[measure](relays, args.seconds, args.connections) for _ in range(args.rounds)]
            print(f"\n{globals()[measure].__doc__}")
            figures = list(rounds[0]["sockeye"])
            print(f"{'':12}" + "".join(f"{f:>14}" for f in figures))
            for name in rounds[0]:
                row = [statistics.median(r[name][f] for r in rounds) for f in figures]
                print(f"{name:12}" + "".join(f"{v:14.3f}" for v in row))
            for figure in figures:
                peers = [n for n in rounds[0] if n not in ("sockeye", "direct")]
                best = max if figure.endswith("/s") else min
                ratios = {"best peer": [r["sockeye"][figure] / best(r[n][figure] for n in peers) for r in rounds]}
                ratios |= {n: [r["sockeye"][figure] / r[n][figure] for r in rounds] for n in peers}
                print(f"  sockeye, {figure}: " + ", ".join(
                    f"{statistics.median(of):.2f} ({min(of):.2f} to {max(of):.2f}) x {name}" for name, of in ratios.items()))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
