//! `TLS`, `TLS-LISTEN`: TLS over TCP, either side.

use std::{path::PathBuf, sync::Arc};

use socket2::Type;
use sockeye_proto::address::{Address, Family, Host, HostPort, OptionName, Options, Port};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Context, Endpoint, Finish, Keep, Listener, Reader, Stream, Writer,
    net::{self, CONNECT_TIMEOUT},
    proxy_protocol::{self, Greet, greeted, no_stream},
    tcp,
};
use crate::{
    Error, Result,
    error::Reason,
    tls::{self, ClientOptions, Identity, ServerOptions, Verify, Versions},
};

/// `TLS:host:port`
pub(super) async fn connect(address: &Address, to: &HostPort) -> Result<Endpoint> {
    let (what, options) = (address.to_string(), &address.options);
    let name = match &to.host {
        Host::Ip(ip) => ip.to_string(),
        Host::Scoped(ip, _) => ip.to_string(),
        Host::Name(name) => name.clone(),
    };
    let asked = tls::server_name(options.text(OptionName::Sni).unwrap_or(&name))?;
    let config = tls::client_config(&client_options(options, &name)?)?;
    let peers = net::resolve(to, Family::Any).await?;
    let connected = net::connect(options, &peers, Type::STREAM, net::Speaker::Us, &what).await?;
    let plain = tcp::stream(connected, what.clone());
    let about = plain.about.clone();
    let limit = options.time(OptionName::ConnectTimeout).unwrap_or(CONNECT_TIMEOUT);
    let handshake = tls::connect(config, asked, stream(&plain)?);
    let secured = tokio::time::timeout(limit, handshake)
        .await
        .unwrap_or_else(|_| Err(Error::new("agree on TLS with", &what, Reason::TimedOut(limit))))?;
    Ok(endpoint(secured, about, plain.keep))
}

/// `TLS-LISTEN:[host:]port`
pub(super) async fn listen(
    address: &Address,
    host: Option<&Host>,
    port: &Port,
    context: &Context,
) -> Result<Listener> {
    let config = tls::server_config(&server_options(&address.options, &address.to_string())?)?;
    let inner = tcp::listen_plainly(address, Family::Any, host, port, context).await?;
    let proxied = address.options.flag(OptionName::AcceptProxy);
    let greet: Greet = Arc::new(move |mut plain: Endpoint| {
        let config = config.clone();
        Box::pin(async move {
            if proxied {
                plain = proxy_protocol::accept(plain).await?;
            }
            let about = plain.about.clone();
            let secured = tls::accept(config, about.name(), stream(&plain)?).await?;
            Ok(endpoint(secured, about, plain.keep))
        })
    });
    greeted(inner, greet, address, context)
}

fn stream(plain: &Endpoint) -> Result<Stream> {
    match &plain.reader {
        Reader::Stream(handle) => Ok(Stream::new(handle.clone(), Finish::Shutdown)),
        _ => Err(Error::new("agree on TLS with", plain.about.name(), no_stream())),
    }
}

fn endpoint<S>(secured: S, about: Arc<super::About>, keep: Keep) -> Endpoint
where
    S: AsyncRead + AsyncWrite + Send + Sync + 'static,
{
    let (reader, writer) = tokio::io::split(secured);
    Endpoint { reader: Reader::Bytes(Box::new(reader)), writer: Writer::Bytes(Box::new(writer)), about, keep }
}

fn client_options(options: &Options, host: &str) -> Result<ClientOptions> {
    let verify = match options.has(OptionName::Verify) && !options.flag(OptionName::Verify) {
        true => Verify::Nothing,
        // socat's way to say that the name does not matter.
        false if options.text(OptionName::Commonname) == Some("") => Verify::Chain,
        false => Verify::Full,
    };
    Ok(ClientOptions {
        cafile: path(options, OptionName::Cafile),
        capath: path(options, OptionName::Capath),
        verify,
        // A name that is only asked for (SNI) does not change whom we meant to reach.
        name: options.text(OptionName::Commonname).or(Some(host)).map(str::to_owned),
        sni: !options.flag(OptionName::NoSni),
        alpn: alpn(options),
        identity: identity(options),
        versions: versions(options)?,
    })
}

fn server_options(options: &Options, what: &str) -> Result<ServerOptions> {
    let usage = |text: &str| Error::new("listen on", what, Reason::Usage(text.to_owned()));
    let identity = identity(options)
        .ok_or_else(|| usage("a TLS server needs cert= (and key=, where the key is in another file)"))?;
    let ca = path(options, OptionName::Cafile);
    let client_ca = match (options.has(OptionName::Verify), options.flag(OptionName::Verify)) {
        (true, false) => None,
        (true, true) if ca.is_none() => {
            return Err(usage("verify=1 needs cafile=, the issuers of the clients' certificates"));
        }
        _ => ca,
    };
    Ok(ServerOptions { identity, client_ca, alpn: alpn(options), versions: versions(options)? })
}

fn identity(options: &Options) -> Option<Identity> {
    let cert = path(options, OptionName::Cert)?;
    Some(Identity { cert, key: path(options, OptionName::Key) })
}

fn path(options: &Options, name: OptionName) -> Option<PathBuf> {
    options.text(name).map(PathBuf::from)
}

fn alpn(options: &Options) -> Vec<String> {
    let text = options.text(OptionName::Alpn).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn versions(options: &Options) -> Result<Versions> {
    match (options.text(OptionName::MinVersion), options.text(OptionName::MaxVersion)) {
        (Some("TLS1.3"), Some("TLS1.2")) => {
            let reason = Reason::Usage("its oldest version is newer than its newest".into());
            Err(Error::new("speak", "TLS", reason))
        }
        (Some("TLS1.3"), _) => Ok(Versions::From13),
        (_, Some("TLS1.2")) => Ok(Versions::Only12),
        _ => Ok(Versions::From12),
    }
}
