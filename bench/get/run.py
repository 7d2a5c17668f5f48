#!/usr/bin/env python3
"""sockeye get beside curl, from one nginx over loopback: medians of alternating runs.

usage: bench/get/run.py [--sockeye PATH] [--runs N] [--big MIB] [--tls MIB] [--dir DIR] [case…]

Cases: big (one file to a file), small (1,000 files over one connection, one invocation), tls (one file over TLS).
Everything lies in DIR, the sources as sparse files: on a tmpfs they take no memory. One run of each goes before, uncounted.
"""
import argparse, os, shutil, socket, statistics, subprocess, sys, tempfile, threading, time

def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def run(command):
    """Wall seconds, CPU seconds, largest memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # ru_maxrss would be this script's own: it counts what the process was before exec.
    memory = 0
    def watch():
        nonlocal memory
        while True:
            try:
                with open(f"/proc/{process.pid}/status") as f:
                    text = f.read()
                peak = [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")]
            except OSError:
                return
            if not peak:
                return
            memory = peak[0] / 1024
            time.sleep(0.02)
    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    watcher.join()
    if status:
        sys.exit(f"{command[:6]} … ended with {status}")
    return wall, usage.ru_utime + usage.ru_stime, memory

def compare(name, commands, runs, volume, check):
    results = {tool: [] for tool in commands}
    for turn in range(runs + 1):
        for tool, (command, clean) in commands.items():
            clean()
            result = run(command)
            check()
            if turn:
                results[tool].append(result)
    median = {t: [statistics.median(v) for v in zip(*r)] for t, r in results.items()}
    for tool, (wall, cpu, memory) in median.items():
        print(f"{name:6} {tool:8} {wall:8.3f} s  {volume / wall:9.1f}/s  cpu {cpu:7.3f} s  memory {memory:6.1f} MiB")
    ours, curl = median["sockeye"], median["curl"]
    print(f"{name:6} ratio    rate {curl[0] / ours[0]:.2f} x  cpu {ours[1] / curl[1]:.2f} x")

def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--sockeye", default="target/release/sockeye")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--big", type=int, default=4096)
    parser.add_argument("--tls", type=int, default=1024)
    parser.add_argument("--dir", default="/dev/shm")
    parser.add_argument("case", nargs="*", default=["big", "small", "tls"])
    args = parser.parse_args()
    temp, out = tempfile.mkdtemp(prefix="bench-get-", dir=args.dir), tempfile.mkdtemp(prefix="bench-get-", dir=args.dir)
    server = None
    try:
        os.mkdir(f"{temp}/www")
        for name, size in (("big", args.big << 20), ("tls", args.tls << 20)):
            with open(f"{temp}/www/{name}", "wb") as f:
                f.truncate(size)
        for i in range(1000):
            with open(f"{temp}/www/{i}", "wb") as f:
                f.write(os.urandom(1024))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                        "-keyout", f"{temp}/key", "-out", f"{temp}/cert"], check=True, stderr=subprocess.DEVNULL)
        plain, tls = port(), port()
        with open(f"{temp}/conf", "w") as f:
            f.write(f"""daemon off; master_process off; error_log {temp}/error.log; pid {temp}/pid;
                events {{ worker_connections 256; }}
                http {{ access_log off; sendfile on; keepalive_requests 100000; default_type text/plain;
                client_body_temp_path {temp}/b; proxy_temp_path {temp}/p; fastcgi_temp_path {temp}/f;
                uwsgi_temp_path {temp}/u; scgi_temp_path {temp}/s; ssl_protocols TLSv1.2 TLSv1.3;
                server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; root {temp}/www;
                ssl_certificate {temp}/cert; ssl_certificate_key {temp}/key; }} }}""")
        server = subprocess.Popen(["/usr/sbin/nginx", "-c", f"{temp}/conf"], stderr=subprocess.DEVNULL)
        while subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{plain}/0"]).returncode:
            time.sleep(0.05)
        target = f"{out}/file"
        def clean():
            if os.path.exists(target):
                os.unlink(target)
        def fetch(name, size, url, *more):
            def check():
                if os.stat(target).st_size != size:
                    sys.exit(f"{name}: the file is {os.stat(target).st_size} bytes, not {size}")
            ours = [args.sockeye, "get", "-s", *more, "-o", target, url]
            curl = ["curl", "-s", *more, "-o", target, url]
            compare(name, {"sockeye": (ours, clean), "curl": (curl, clean)}, args.runs, size / 2**20, check)
            clean()
        if "big" in args.case:
            fetch("big", args.big << 20, f"http://127.0.0.1:{plain}/big")
        if "tls" in args.case:
            fetch("tls", args.tls << 20, f"https://127.0.0.1:{tls}/tls", "-k")
        if "small" in args.case:
            urls = [f"http://127.0.0.1:{plain}/{i}" for i in range(1000)]
            files = f"{out}/files"
            def fresh():
                shutil.rmtree(files, ignore_errors=True)
                os.mkdir(files)
            def check():
                for i in (0, 500, 999):
                    with open(f"{files}/{i}", "rb") as a, open(f"{temp}/www/{i}", "rb") as b:
                        if a.read() != b.read():
                            sys.exit(f"small: file {i} differs")
            ours = [args.sockeye, "get", "-s", "-O", "--output-dir", files, *urls]
            curl = ["curl", "-s", "--remote-name-all", "--output-dir", files, *urls]
            compare("small", {"sockeye": (ours, fresh), "curl": (curl, fresh)}, args.runs, 1000, check)
    finally:
        if server:
            server.terminate()
            server.wait()
        shutil.rmtree(temp, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)

main()
