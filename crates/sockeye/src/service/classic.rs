//! The small services of the early RFCs, and a sink that measures.

use std::{
    io,
    time::{Duration, Instant, SystemTime},
};

use super::{Client, Sunk};
use crate::endpoint::{Batch, Endpoint};

/// Printable ASCII, of which each line of chargen shows a window (RFC 864).
const FIRST: u8 = b' ';
const PRINTABLE: u8 = 95;
const WIDTH: u8 = 72;

/// Characters for as long as the client takes them (RFC 864); a line for each datagram.
pub(super) async fn chargen(client: &mut Client<'_>) -> io::Result<()> {
    if client.endpoint.reader.is_datagrams() {
        let mut batch = Batch::new();
        let mut start = 0;
        while client.endpoint.reader.recv(&mut batch).await? {
            for message in batch.iter() {
                client.note(message);
                client.endpoint.writer.send(&line(start)).await?;
                start = (start + 1) % PRINTABLE;
            }
        }
        return Ok(());
    }
    let Endpoint { reader, writer, .. } = &mut *client.endpoint;
    // A screenful at a time, which begins where the last one ended after all 95 lines.
    let all: Vec<u8> = (0..PRINTABLE).flat_map(line).collect();
    let talk = async {
        loop {
            writer.send(&all).await?;
            tokio::task::consume_budget().await;
        }
    };
    let listen = async {
        let mut batch = Batch::new();
        while reader.recv(&mut batch).await? {}
        Ok(())
    };
    tokio::select! {
        ended = talk => ended,
        ended = listen => ended,
    }
}

fn line(start: u8) -> Vec<u8> {
    let window = (0..WIDTH).map(|i| FIRST + (start + i) % PRINTABLE);
    window.chain(*b"\r\n").collect()
}

/// The date and the time as text (RFC 867).
pub(super) async fn daytime(client: &mut Client<'_>) -> io::Result<()> {
    tell(client, || jiff::Zoned::now().strftime("%A, %B %-d, %Y %H:%M:%S-%Z\r\n").to_string().into_bytes())
        .await
}

/// Seconds since 1900 in 32 bits (RFC 868), which begin anew in 2036.
pub(super) async fn time(client: &mut Client<'_>) -> io::Result<()> {
    tell(client, || since_1900(SystemTime::now()).to_be_bytes().to_vec()).await
}

fn since_1900(now: SystemTime) -> u32 {
    const UNTIL_1970: u64 = 2_208_988_800;
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    (seconds.wrapping_add(UNTIL_1970) & u64::from(u32::MAX)) as u32
}

/// One answer for each connection, or for each datagram.
async fn tell(client: &mut Client<'_>, what: impl Fn() -> Vec<u8>) -> io::Result<()> {
    if !client.endpoint.reader.is_datagrams() {
        return client.endpoint.writer.send(&what()).await;
    }
    let mut batch = Batch::new();
    while client.endpoint.reader.recv(&mut batch).await? {
        for message in batch.iter() {
            client.note(message);
            client.endpoint.writer.send(&what()).await?;
        }
    }
    Ok(())
}

/// Reads, counts and measures.
pub(super) async fn sink(client: &mut Client<'_>) -> io::Result<()> {
    let mut batch = Batch::new();
    let mut sunk = Sunk { bytes: 0, messages: 0, took: Duration::ZERO };
    let mut began = None;
    let ended = loop {
        match client.endpoint.reader.recv(&mut batch).await {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(e) => break Err(e),
        }
        let began = *began.get_or_insert_with(Instant::now);
        batch.iter().for_each(|message| client.note(message));
        sunk.bytes += batch.bytes().len() as u64;
        sunk.messages += batch.len() as u64;
        sunk.took = began.elapsed();
    };
    if let Some(report) = &client.manner.report {
        report.0(&client.endpoint.about, &sunk);
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_of_rfc_868() {
        // The RFC's own example: 2,208,988,800 corresponds to 00:00 1 Jan 1970 GMT.
        assert_eq!(since_1900(SystemTime::UNIX_EPOCH), 2_208_988_800);
        assert_eq!(since_1900(SystemTime::UNIX_EPOCH + Duration::from_secs(2_085_978_496)), 0);
    }

    #[test]
    fn lines_rotate() {
        assert_eq!(line(0).len(), 74);
        assert!(line(0).starts_with(b" !\"#") && line(94).starts_with(b"~ !"));
    }
}
