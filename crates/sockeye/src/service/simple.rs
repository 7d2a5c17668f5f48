//! hello, echo, greet, discard.

use std::io;

use super::Client;
use crate::endpoint::Batch;

/// `Welcome!`, then `Hello, NAME!` for each NAME, until `exit`. Over datagrams there is nobody to welcome and
/// nothing to close: every datagram is a name.
pub(super) async fn hello(client: &mut Client<'_>) -> io::Result<()> {
    let connected = !client.endpoint.reader.is_datagrams();
    if connected {
        client.endpoint.writer.send(b"Welcome!").await?;
    }
    let mut batch = Batch::new();
    while client.endpoint.reader.recv(&mut batch).await? {
        for message in batch.iter() {
            client.note(message);
            let name = without_newline(message);
            if connected && name == b"exit" {
                return Ok(());
            }
            client.pause().await;
            client.endpoint.writer.send(&[b"Hello, ", name, b"!"].concat()).await?;
            if client.manner.once {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Everything back, as it came.
pub(super) async fn echo(client: &mut Client<'_>) -> io::Result<()> {
    let mut batch = Batch::new();
    while client.endpoint.reader.recv(&mut batch).await? {
        for message in batch.iter() {
            client.note(message);
            client.pause().await;
            client.endpoint.writer.send(message).await?;
            if client.manner.once {
                return Ok(());
            }
        }
        batch.release();
    }
    Ok(())
}

/// Thanks, and the end. A datagram is thanked for as well.
pub(super) async fn greet(client: &mut Client<'_>) -> io::Result<()> {
    if client.endpoint.reader.is_datagrams() {
        let mut batch = Batch::new();
        if !client.endpoint.reader.recv(&mut batch).await? {
            return Ok(());
        }
        batch.iter().for_each(|message| client.note(message));
    }
    client.pause().await;
    client.endpoint.writer.send(b"Thank you for connecting\r\n").await
}

/// Reads and forgets.
pub(super) async fn discard(client: &mut Client<'_>) -> io::Result<()> {
    let mut batch = Batch::new();
    while client.endpoint.reader.recv(&mut batch).await? {
        batch.iter().for_each(|message| client.note(message));
        batch.release();
    }
    Ok(())
}

impl Client<'_> {
    async fn pause(&self) {
        if !self.manner.delay.is_zero() {
            tokio::time::sleep(self.manner.delay).await;
        }
    }
}

/// People at nc end what they say with the return key.
fn without_newline(message: &[u8]) -> &[u8] {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    message.strip_suffix(b"\r").unwrap_or(message)
}
