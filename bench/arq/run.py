#!/usr/bin/env python3
"""arq beside its peers, in turns, with medians.

    run.py loopback     throughput and CPU beside quinn, with the defaults of each and with one MTU for both
    run.py link         throughput over an emulated link, beside quinn and the kernel's TCP (root)
    run.py latency      200 bytes each 10 ms over the link at 2 % loss, beside quinn, TCP and KCP (root)
    run.py idle         memory of idle connections

The link: two network namespaces joined by TUN devices, 40 ms round trip, 100 Mbit/s, a drop-tail queue of 500 kB,
independent loss each way. TCP's bbr needs the kernel's module."""

import argparse, os, signal, statistics, subprocess, time

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../target/bench"))
BENCH = os.path.join(TARGET, "release/sockeye-bench-arq")
A, B = "sockarqa", "sockarqb"
port = 47200


def once(load, transport, congestion, seconds, link, **env):
    """One transfer; gives what sender and receiver said of it."""
    global port
    port += 1
    env = os.environ | env
    inside = lambda namespace: ["ip", "netns", "exec", namespace] if link else []
    address = f"{'10.99.0.2' if link else '127.0.0.1'}:{port}"
    receiver = subprocess.Popen(
        inside(B) + [BENCH, "receive", load, transport, address], env=env, stdout=subprocess.PIPE, text=True
    )
    time.sleep(0.5)
    sender = inside(A) + [BENCH, "send", load, transport, address, str(seconds), congestion]
    sent = subprocess.run(sender, env=env, stdout=subprocess.PIPE, text=True, timeout=seconds + 60).stdout
    try:
        got = receiver.communicate(timeout=60)[0]
    finally:
        receiver.kill()
    return {k: float(v) for k, v in (field.split("=") for field in (got + sent).split())}


def table(cases, runs, columns):
    """Runs the cases in turns; prints the median of each column, with the smallest and largest."""
    results = {name: [] for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            results[name].append(case())
    for name, rows in results.items():
        cells = []
        for label, value in columns.items():
            values = sorted(value(row) for row in rows)
            cells.append(f"{label} {statistics.median(values):8.3f} ({values[0]:.3f}-{values[-1]:.3f})")
        print(f"  {name:22}", "  ".join(cells), flush=True)


class Link:
    def __init__(self, loss):
        self.loss = loss

    def __enter__(self):
        for namespace in (A, B):
            subprocess.run(["ip", "netns", "add", namespace], check=True)
        args = [BENCH, "link", A, B, "100", "20", "500000", str(self.loss)]
        self.link = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        assert self.link.stdout.readline() == "ready\n"

    def __exit__(self, *_):
        self.link.send_signal(signal.SIGTERM)
        self.link.wait()
        for namespace in (A, B):
            subprocess.run(["ip", "netns", "del", namespace], check=True)


GIB = float(1 << 30)


def loopback(args):
    columns = {
        "Gbit/s": lambda r: r["mbit"] / 1000,
        "sender CPU s/GiB": lambda r: r["sender_cpu"] / (r["bytes"] / GIB),
        "receiver CPU s/GiB": lambda r: r["receiver_cpu"] / (r["bytes"] / GIB),
    }
    for title, env in [("each with its defaults", {}), ("UDP payload 1452", {"MTU": "1452"}), ("8952", {"MTU": "8952"})]:
        print(title)
        run = lambda transport, env=env: lambda: once("throughput", transport, "cubic", args.seconds, False, **env)
        table({t: run(t) for t in args.transports or ["arq", "quinn"]}, args.runs, columns)


def link(args):
    columns = {"Mbit/s": lambda r: r["mbit"], "wire/goodput": lambda r: r["wire"] / r["bytes"]}
    for loss in args.losses:
        print(f"loss {loss * 100:g} % each way")
        with Link(loss):
            run = lambda t, c: lambda: once("throughput", t, c, args.seconds, True)
            transports = args.transports or ["arq", "quinn", "tcp"]
            table({f"{t} {c}": run(t, c) for t in transports for c in args.congestion}, args.runs, columns)


def latency(args):
    columns = {k: lambda r, k=k: r[k] for k in ("p50", "p99", "p999", "messages")}
    columns["wire/goodput"] = lambda r: r["wire"] / r["bytes"]
    with Link(0.02):
        run = lambda t, c, **env: lambda: once("latency", t, c, args.seconds, True, **env)
        cases = {
            "arq bbr ordered": run("arq", "bbr"),
            "arq bbr unordered": run("arq", "bbr", MODE="unordered"),
            "arq cubic ordered": run("arq", "cubic"),
            "quinn bbr": run("quinn", "bbr"),
            "tcp bbr": run("tcp", "bbr"),
            "tcp cubic": run("tcp", "cubic"),
            "kcp turbo": run("kcp", "-"),
        }
        table(cases, args.runs, columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["loopback", "link", "latency", "idle"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--losses", type=float, nargs="*", default=[0, 0.001, 0.01, 0.02, 0.05])
    parser.add_argument("--transports", nargs="*")
    parser.add_argument("--congestion", nargs="*", default=["cubic", "bbr"])
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--target-dir", TARGET], cwd=HERE, check=True)
    if args.what == "idle":
        subprocess.run([BENCH, "idle", "10000"], check=True)
    else:
        {"loopback": loopback, "link": link, "latency": latency}[args.what](args)


main()
