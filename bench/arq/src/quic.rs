//! quinn, one stream. MTU= sets the UDP payload that its discovery may find.

use crate::load::{Job, Load, Meter, Source};
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, MtuDiscoveryConfig, ServerConfig, TokioRuntime, TransportConfig, congestion,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

const CERTIFICATE: &str = "/tmp/sockeye-bench-arq.der";

fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.key_pair.serialize_der());
    (made.cert.der().clone(), key.into())
}

fn transport(congestion: &str) -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    if congestion == "bbr" {
        transport.congestion_controller_factory(Arc::new(congestion::BbrConfig::default()));
    }
    if let Some(mtu) = crate::mtu() {
        let mut discovery = MtuDiscoveryConfig::default();
        discovery.upper_bound(mtu);
        transport.mtu_discovery_config(Some(discovery));
    }
    Arc::new(transport)
}

fn endpoint(at: SocketAddr, server: Option<ServerConfig>) -> Endpoint {
    let mut config = EndpointConfig::default();
    if let Some(mtu) = crate::mtu() {
        config.max_udp_payload_size(mtu).expect("a size of datagrams");
    }
    let socket = UdpSocket::bind(at).expect("bound");
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).expect("an endpoint")
}

pub async fn receive(at: SocketAddr, load: Load) {
    let (cert, key) = certificate();
    std::fs::write(CERTIFICATE, &cert).expect("written");
    let mut config = ServerConfig::with_single_cert(vec![cert], key).expect("a configuration");
    config.transport_config(transport(""));
    let connection = endpoint(at, Some(config)).accept().await.expect("open").await.expect("connected");
    let mut stream = connection.accept_uni().await.expect("a stream");
    let mut meter = Meter::new(load);
    // The end may get lost: a second of silence is one as well.
    let silence = Duration::from_secs(1);
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(silence, stream.read_chunk(1 << 16, true)).await {
        meter.add(&chunk.bytes);
    }
    meter.print();
}

pub async fn send(job: Job) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(std::fs::read(CERTIFICATE).expect("the receiver's certificate").into()).expect("a root");
    let mut config = ClientConfig::with_root_certificates(Arc::new(roots)).expect("a configuration");
    config.transport_config(transport(&job.congestion));
    let any = if job.to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let mut endpoint = endpoint(any.parse().expect("an address"), None);
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(job.to, "localhost").expect("a name").await.expect("connected");
    let mut stream = connection.open_uni().await.expect("a stream");
    let mut source = Source::new(&job);
    while let Some(message) = source.next().await {
        stream.write_all(&message).await.expect("sent");
    }
    connection.close(0u32.into(), b"done");
    endpoint.wait_idle().await;
}
