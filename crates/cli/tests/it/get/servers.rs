//! The servers that `sockeye get` is tested against: real ones, and one that says exactly what a test wrote.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output},
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Running};

/// Runs `sockeye get` without the environment's proxies.
pub(crate) fn get(args: &[&str]) -> Output {
    command(args).output().expect("the binary was built")
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.arg("get").args(args);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

/// What must hold of a run: its exit code. Gives the output as text.
pub(crate) fn exits(code: i32, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "stdout: {text:.500}\nstderr: {errors:.2000}");
    text
}

/// A free port; whoever takes it must do so soon.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

pub(crate) fn wait_for(port: u16, server: &mut Running) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.child.try_wait().expect("a child").is_none(), "the server ended");
        assert!(Instant::now() < deadline, "the server does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An nginx that serves `root`, plain and with TLS, and on a Unix socket.
pub(crate) struct Nginx {
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    _server: Running,
}

pub(crate) fn nginx(dir: &Path) -> Nginx {
    certificates(dir);
    let (port, tls_port) = (free_port(), free_port());
    let d = dir.display();
    let config = format!(
        "daemon off; master_process off; error_log {d}/error.log; pid {d}/nginx.pid;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; sendfile on; gzip_types text/plain; keepalive_requests 10000;\n\
           client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f;\n\
           uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;\n\
           server {{ listen 127.0.0.1:{port}; listen unix:{d}/nginx.sock;\n\
             listen 127.0.0.1:{tls_port} ssl; ssl_protocols TLSv1.2 TLSv1.3;\n\
             ssl_certificate {d}/server.pem; ssl_certificate_key {d}/server.key;\n\
             root {d}/www;\n\
             location /gzip/ {{ alias {d}/www/; gzip on; gzip_min_length 1; }}\n\
             location /away {{ return 302 http://127.0.0.1:{port}/small; }}\n\
             location /loop {{ return 301 /loop; }}\n\
             location /gone {{ return 410 'gone for good'; }}\n\
           }} }}\n"
    );
    std::fs::write(dir.join("nginx.conf"), config).expect("a directory");
    let mut command = Command::new("nginx");
    command.env("PATH", "/usr/sbin:/usr/bin:/bin").arg("-c").arg(dir.join("nginx.conf"));
    let mut server = Running::start(&mut command);
    wait_for(port, &mut server);
    Nginx { port, tls_port, _server: server }
}

/// An haproxy before `port`.
pub(crate) fn haproxy(dir: &Path, backend: u16) -> (u16, Running) {
    let port = free_port();
    let config = format!(
        "defaults\n mode http\n timeout connect 30s\n timeout client 60s\n timeout server 60s\n\
         frontend f\n bind 127.0.0.1:{port}\n default_backend b\n\
         backend b\n server s 127.0.0.1:{backend}\n"
    );
    std::fs::write(dir.join("haproxy.cfg"), config).expect("a directory");
    let mut command = Command::new("haproxy");
    command.env("PATH", "/usr/sbin:/usr/bin:/bin").arg("-db").arg("-f").arg(dir.join("haproxy.cfg"));
    let mut server = Running::start(&mut command);
    wait_for(port, &mut server);
    (port, server)
}

/// Python's http.server over `dir`.
pub(crate) fn python(dir: &Path) -> (u16, Running) {
    let port = free_port();
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1"]).current_dir(dir);
    let mut server = Running::start(&mut command);
    wait_for(port, &mut server);
    (port, server)
}

/// A CA (`ca.pem`) and a certificate of its for localhost (`server.pem`, `server.key`).
pub(crate) fn certificates(dir: &Path) {
    let run = |args: &[&str]| {
        let out = Command::new("openssl").args(args).current_dir(dir).output().expect("openssl");
        assert!(out.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let ca = ["req", "-x509", "-subj", "/CN=test ca", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"];
    run(&[&ca[..], &key].concat());
    std::fs::write(dir.join("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("a directory");
    run(&[&["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"][..], &key]
        .concat());
    run(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "ext",
        "-out",
        "server.pem",
    ]);
}

/// Bytes that no two places of have in common, for comparing.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}

/// What the scripted server does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Reads a request: its head, its body by `Content-Length`, and so many bytes more.
    Request(usize),
    /// Reads a request's head only.
    Head,
    /// Reads so many bytes.
    Read(usize),
    /// Sends this in one write.
    Send(Vec<u8>),
    /// Sends this one byte a write.
    Trickle(Vec<u8>),
    /// Sends this again and again until the client leaves or 64 MiB went out.
    Flood(Vec<u8>),
    /// Waits until the client closes.
    Hold,
    /// Resets the connection instead of closing it.
    Reset,
}

pub(crate) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// A server that plays a script for each connection, in order, and then listens no more.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    /// What it read, one item for each `Request` or `Read`.
    pub(crate) heard: Receiver<Vec<u8>>,
    /// Bytes sent by `Flood`.
    pub(crate) flooded: Receiver<usize>,
}

impl Scripted {
    pub(crate) fn new(connections: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (tell, heard) = channel();
        let (count, flooded) = channel();
        std::thread::spawn(move || {
            for script in connections {
                let Ok((mut stream, _)) = listener.accept() else { return };
                stream.set_nodelay(true).expect("TCP");
                stream.set_read_timeout(Some(PATIENCE)).expect("TCP");
                for step in script {
                    // A client that leaves early is the test's business.
                    if play(&mut stream, step, &tell, &count).is_err() {
                        break;
                    }
                }
            }
        });
        Self { port, heard, flooded }
    }

    /// One connection that reads a request and answers with these bytes.
    pub(crate) fn answer(bytes: &[u8]) -> Self {
        Self::new(vec![vec![Step::Request(0), Step::Send(bytes.to_vec())]])
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next thing it read, as text.
    pub(crate) fn next(&self) -> String {
        let bytes = self.heard.recv_timeout(PATIENCE).expect("a request");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

fn play(
    stream: &mut TcpStream,
    step: Step,
    tell: &Sender<Vec<u8>>,
    count: &Sender<usize>,
) -> std::io::Result<()> {
    match step {
        Step::Head => {
            let _ = tell.send(head(stream)?);
        }
        Step::Request(more) => {
            let mut request = head(stream)?;
            let text = String::from_utf8_lossy(&request).to_lowercase();
            let length =
                text.split("\r\ncontent-length: ").nth(1).and_then(|l| l.lines().next()?.parse().ok());
            let mut rest = vec![0; length.unwrap_or(0) + more];
            stream.read_exact(&mut rest)?;
            request.extend(rest);
            let _ = tell.send(request);
        }
        Step::Read(length) => {
            let mut bytes = vec![0; length];
            stream.read_exact(&mut bytes)?;
            let _ = tell.send(bytes);
        }
        Step::Send(bytes) => stream.write_all(&bytes)?,
        Step::Trickle(bytes) => bytes.iter().try_for_each(|b| stream.write_all(&[*b]))?,
        Step::Flood(bytes) => {
            let mut sent = 0;
            while sent < 64 << 20 && stream.write_all(&bytes).is_ok() {
                sent += bytes.len();
            }
            let _ = count.send(sent);
        }
        Step::Hold => while stream.read(&mut [0; 4096])? > 0 {},
        Step::Reset => {
            let socket = rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO));
            socket.expect("TCP");
        }
    }
    Ok(())
}
