//! Room to read into, lent by the thread: a connection that waits for data holds none.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use super::{After, Filled, Handle};

/// How many idle buffers each thread keeps for whoever reads next.
const SPARE: usize = 4;

thread_local! {
    static ROOM: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of `size` bytes, from what this thread has lying about where possible.
pub(crate) fn take(size: usize) -> Vec<u8> {
    let spare = ROOM.with_borrow_mut(|spare| {
        let found = spare.iter().position(|b| b.len() == size)?;
        Some(spare.swap_remove(found))
    });
    spare.unwrap_or_else(|| vec![0; size])
}

/// Returns a buffer, for the next one of its size.
pub(crate) fn give_back(buffer: Vec<u8>) {
    ROOM.with_borrow_mut(|spare| {
        if spare.len() < SPARE {
            spare.push(buffer);
        }
    });
}

/// Reads once there is something, into room that is only taken then. A length of 0 is the end of the data.
pub(crate) async fn read(from: &Handle, size: usize) -> io::Result<(Vec<u8>, usize)> {
    let (buffer, length, _) = poll_fn(|cx| poll_read(from, size, cx)).await?;
    Ok((buffer, length))
}

/// [`read`] for those who poll, and what comes after it.
pub(crate) fn poll_read(
    from: &Handle,
    size: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<(Vec<u8>, usize, After)>> {
    let read = from.poll_read_with(cx, || {
        let mut buffer = take(size);
        match from.try_read(&mut buffer) {
            Ok(length) => Ok(((buffer, length), Filled::of(length, size))),
            Err(e) => {
                give_back(buffer);
                Err(e)
            }
        }
    });
    read.map_ok(|((buffer, length), after)| (buffer, length, after))
}
