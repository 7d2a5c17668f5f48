//! The user agent of the tutorials: ask, read until the end, split head and body, print the one, save the other.
//!
//! `cargo run --example http_split -- http://127.0.0.1:8000/ page.html`
#![expect(clippy::print_stderr, reason = "an example talks to a person")]

use sockeye::http::{Client, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(path)) = (words.next(), words.next()) else {
        return Err("give a URL and a file".into());
    };
    let mut request = Request::get(url.parse()?);
    request.fields.push("Connection", "close")?;

    let mut answer = Client::default().fetch(&request, 0).await?;
    eprint!("{}", String::from_utf8_lossy(&answer.head.raw));
    let bytes = answer.copy_to(&mut std::fs::File::create(&path)?, false, |_| ()).await?;
    eprintln!("{bytes} bytes of body in {path}; it ended {}", answer.framing());
    Ok(())
}
