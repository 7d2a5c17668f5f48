//! An HTTP/1 user agent: requests out, answers in, over TCP, TLS, Unix sockets and proxies.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use sockeye::http::{Client, Request};
//!
//! let client = Client::default();
//! let mut answer = client.fetch(&Request::get("http://127.0.0.1:8000/".parse()?), 0).await?;
//! let mut file = std::fs::File::create("page.html")?;
//! answer.copy_to(&mut file, false, |_bytes| ()).await?;
//! # Ok(()) }
//! ```
//!
//! What a message means is decided in [`crate::proto::http`]; here are sockets, time and files. Every wait has a
//! bound ([`Options`]). Everything that happens can be watched ([`Observer`]).

mod auth;
mod client;
mod connect;
mod decode;
mod exchange;
mod failure;
mod note;
mod part_file;
mod pool;
mod proxy;
mod response;
mod retry;
pub mod server;
mod splice;
mod stream;
mod timings;
mod upload;

pub use auth::Auth;
pub use client::{Client, Options, Request};
pub use connect::{ConnectOptions, ConnectTo};
pub use decode::{ACCEPTED, Coding};
pub use failure::{Failure, FailureKind};
pub use note::{Note, Observer};
pub use part_file::PartFile;
pub use proxy::{Proxy, ProxyKind, ShakeError, shake};
pub use response::{Output, Response};
pub use retry::Retry;
pub use stream::{Plain, Stream};
pub use timings::Timings;
pub use upload::{Body, Part};

pub use crate::proto::http::{Fields, Method, Version};
pub use crate::proto::proxy::Credentials;
pub use url::Url;
