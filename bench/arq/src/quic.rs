//! quinn, one stream.

use crate::{Job, Meter};
use quinn::{ClientConfig, Endpoint, ServerConfig, TransportConfig, congestion};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.key_pair.serialize_der());
    (made.cert.der().clone(), key.into())
}

pub async fn receive(at: SocketAddr) {
    let (cert, key) = certificate();
    std::fs::write("/tmp/sockeye-bench-arq.der", &cert).expect("written");
    let config = ServerConfig::with_single_cert(vec![cert], key).expect("a configuration");
    let endpoint = Endpoint::server(config, at).expect("bound");
    let connection = endpoint.accept().await.expect("open").await.expect("connected");
    let mut stream = connection.accept_uni().await.expect("a stream");
    let mut meter = Meter::new();
    // The end may get lost: a second of silence is one as well.
    let silence = Duration::from_secs(1);
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(silence, stream.read_chunk(1 << 16, true)).await {
        meter.add(chunk.bytes.len());
    }
    meter.print("quinn");
}

pub async fn send(job: Job) {
    let mut roots = rustls::RootCertStore::empty();
    let cert = std::fs::read("/tmp/sockeye-bench-arq.der").expect("the receiver's certificate");
    roots.add(cert.into()).expect("a root");
    let mut config = ClientConfig::with_root_certificates(Arc::new(roots)).expect("a configuration");
    let mut transport = TransportConfig::default();
    if job.congestion == "bbr" {
        transport.congestion_controller_factory(Arc::new(congestion::BbrConfig::default()));
    }
    config.transport_config(Arc::new(transport));
    let any = if job.to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let mut endpoint = Endpoint::client(any.parse().expect("an address")).expect("bound");
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(job.to, "localhost").expect("a name").await.expect("connected");
    let mut stream = connection.open_uni().await.expect("a stream");
    let message = vec![7; job.size];
    let until = Instant::now() + Duration::from_secs_f64(job.seconds);
    while Instant::now() < until {
        stream.write_all(&message).await.expect("sent");
    }
    connection.close(0u32.into(), b"done");
    endpoint.wait_idle().await;
}
