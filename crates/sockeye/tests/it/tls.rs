//! TLS configurations: our two sides with each other, and each with openssl.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use sockeye::{
    error::Reason,
    tls::{self, ClientOptions, Identity, ServerOptions, Verify},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Running, peers};

fn openssl(dir: &Path, args: &str) {
    let out = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().expect("openssl");
    assert!(out.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A CA, certificates of its for `localhost` (server) and `client`, and one that signs itself.
fn certificates() -> tempfile::TempDir {
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(dir, &format!("req -x509 {key} -subj /CN=ca -days 2 -keyout ca.key -out ca.pem"));
    let own = "-subj /CN=own -addext subjectAltName=DNS:localhost -days 2 -keyout own.key -out own.pem";
    openssl(dir, &format!("req -x509 {key} {own}"));
    fs::write(dir.join("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("a file");
    for name in ["server", "client"] {
        openssl(dir, &format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let ca = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext";
        openssl(dir, &format!("x509 -req -in {name}.csr {ca} -out {name}.pem"));
    }
    temp
}

fn identity(dir: &Path, name: &str) -> Identity {
    Identity { cert: dir.join(format!("{name}.pem")), key: Some(dir.join(format!("{name}.key"))) }
}

fn server(dir: &Path, name: &str, client_ca: bool) -> ServerOptions {
    ServerOptions {
        identity: identity(dir, name),
        client_ca: client_ca.then(|| dir.join("ca.pem")),
        alpn: vec!["x/1".into()],
        versions: tls::Versions::From12,
    }
}

/// A handshake of both sides over a pipe, and an echo of a few bytes; the client's error, where there is one.
async fn meet(server: &ServerOptions, client: &ClientOptions, name: &str) -> sockeye::Result<tls::Facts> {
    let (here, there) = tokio::io::duplex(4096);
    let (accepting, connecting) = (tls::server_config(server)?, tls::client_config(client)?);
    let echo = tokio::spawn(async move {
        let mut stream = tls::accept(accepting, "client", there).await?;
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes).await.map_err(|e| sockeye::Error::new("read", "it", e))?;
        stream.write_all(&bytes).await.map_err(|e| sockeye::Error::new("write", "it", e))?;
        stream.flush().await.map_err(|e| sockeye::Error::new("write", "it", e))
    });
    let mut stream = tls::connect(Arc::clone(&connecting), tls::server_name(name)?, here).await?;
    let mut bytes = [0; 5];
    let exchange = async {
        stream.write_all(b"hello").await?;
        stream.read_exact(&mut bytes).await
    };
    exchange.await.map_err(|e| sockeye::Error::new("talk to", "it", e))?;
    assert_eq!(&bytes, b"hello");
    echo.await.expect("no panic")?;
    Ok(tls::Facts::of(stream.get_ref().1, client.verify != Verify::Nothing))
}

fn trusting(path: PathBuf) -> ClientOptions {
    ClientOptions { cafile: Some(path), alpn: vec!["x/1".into()], ..ClientOptions::default() }
}

fn untrusted(result: sockeye::Result<tls::Facts>) -> bool {
    matches!(result.expect_err("refused").reason(), Reason::Io(e) if tls::is_untrusted(e))
}

#[tokio::test]
async fn trust_is_by_chain_and_name_as_asked() {
    if !peers(&["openssl"]) {
        return;
    }
    let temp = certificates();
    let dir = temp.path();
    let ours = server(dir, "server", false);
    let ca = trusting(dir.join("ca.pem"));
    let facts = meet(&ours, &ca, "localhost").await.expect("trusted");
    assert_eq!(
        (facts.version.as_str(), facts.alpn.as_deref(), facts.verified),
        ("TLSv1.3", Some("x/1"), true)
    );
    meet(&ours, &ca, "127.0.0.1").await.expect("an address is a name too");
    assert!(untrusted(meet(&ours, &ca, "other.example").await));
    let named = ClientOptions { name: Some("localhost".into()), ..ca.clone() };
    meet(&ours, &named, "other.example").await.expect("the name asked for is another");
    let chain = ClientOptions { verify: Verify::Chain, ..ca.clone() };
    meet(&ours, &chain, "other.example").await.expect("any name");
    let own = meet(&server(dir, "own", false), &chain, "localhost").await;
    let advice = own.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert!(advice.contains("vouches for itself"), "{advice}");
    assert!(untrusted(own));
    let nothing = ClientOptions { verify: Verify::Nothing, ..ClientOptions::default() };
    let facts = meet(&server(dir, "own", false), &nothing, "any.example").await.expect("anyone");
    assert!(!facts.verified);
    // A certificate that signs itself is trusted where it is the one named.
    let own = trusting(dir.join("own.pem"));
    meet(&server(dir, "own", false), &own, "localhost").await.expect("named itself");
    assert!(untrusted(meet(&server(dir, "own", false), &own, "other.example").await));
    assert!(untrusted(meet(&ours, &own, "localhost").await));
}

#[tokio::test]
async fn clients_show_certificates_where_asked() {
    if !peers(&["openssl"]) {
        return;
    }
    let temp = certificates();
    let dir = temp.path();
    let strict = server(dir, "server", true);
    let without = trusting(dir.join("ca.pem"));
    assert!(meet(&strict, &without, "localhost").await.is_err());
    let with = |name| ClientOptions { identity: Some(identity(dir, name)), ..without.clone() };
    meet(&strict, &with("client"), "localhost").await.expect("known");
    assert!(meet(&strict, &with("own"), "localhost").await.is_err());
}

#[tokio::test]
async fn files_that_do_not_fit_are_named() {
    if !peers(&["openssl"]) {
        return;
    }
    let temp = certificates();
    let dir = temp.path();
    let error = |options: ClientOptions| tls::client_config(&options).expect_err("refused").to_string();
    let missing = error(trusting(dir.join("none.pem")));
    assert!(missing.contains("none.pem: No such file"), "{missing}");
    let empty = error(trusting(dir.join("ca.key")));
    assert!(empty.contains("ca.key: nothing of the kind is in it"), "{empty}");
    let mixed = Identity { cert: dir.join("server.pem"), key: Some(dir.join("client.key")) };
    let mixed = error(ClientOptions { identity: Some(mixed), ..trusting(dir.join("ca.pem")) });
    assert!(mixed.contains("server.pem"), "{mixed}");
}

#[tokio::test]
async fn openssl_speaks_with_both_sides() {
    if !peers(&["openssl"]) {
        return;
    }
    let temp = certificates();
    let dir = temp.path();
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let mut command = Command::new("openssl");
    let args = format!("s_server -accept 127.0.0.1:{port} -cert server.pem -key server.key -rev");
    let mut peer = Running::start(command.args(args.split(' ')).current_dir(dir).stdin(Stdio::piped()));
    peer.line("ACCEPT");
    let config = tls::client_config(&trusting(dir.join("ca.pem"))).expect("a CA");
    let plain = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let mut stream =
        tls::connect(config, tls::server_name("localhost").expect("a name"), plain).await.expect("TLS");
    stream.write_all(b"abc\n").await.expect("open");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.expect("open");
    assert_eq!(&answer, b"cba\n");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let config = tls::server_config(&server(dir, "server", false)).expect("a certificate");
    let mut client = Command::new("openssl")
        .args(
            format!("s_client -connect 127.0.0.1:{port} -CAfile ca.pem -verify_return_error -quiet")
                .split(' '),
        )
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    client.stdin.as_mut().expect("piped").write_all(b"from openssl\n").expect("open");
    let (plain, _) = listener.accept().await.expect("it connects");
    let mut stream = tls::accept(config, "openssl", plain).await.expect("TLS");
    let mut heard = [0; 13];
    stream.read_exact(&mut heard).await.expect("open");
    assert_eq!(&heard, b"from openssl\n");
    stream.write_all(b"and back\n").await.expect("open");
    stream.shutdown().await.expect("open");
    drop(stream);
    let out = client.wait_with_output().expect("it ends");
    assert_eq!(out.stdout, b"and back\n");
}
