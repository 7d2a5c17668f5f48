//! A directory, served over HTTP.
//!
//! `cargo run --example http_files -- 8000 .`

use std::{path::Path, sync::Arc};

use sockeye::{
    endpoint::{Context, Direction, Opened, clients::Limits, open},
    http::server::{Files, Options, serve},
    proto::address::Address,
    stop::Stopper,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(port), Some(root)) = (words.next(), words.next()) else {
        return Err("give a port and a directory".into());
    };
    let files = Arc::new(Files::new(Path::new(&root), Options::default())?);
    let address = Address::parse(&format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork"))?;
    let Opened::Listener(listener) = open(&address, Direction::Both, &Context::default()).await? else {
        return Err("that address does not listen".into());
    };
    let (_stopper, stop) = Stopper::new();
    serve(files, *listener, &Limits::default(), &stop).await?;
    Ok(())
}
