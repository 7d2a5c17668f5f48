//! A socket as a file: `std::io`'s traits, and buffered readers and writers.

use std::io::{self, BufReader, BufWriter, Read, Write};

use super::Socket;
use crate::Result;

impl Socket {
    /// `makefile('rb')`: a buffered reader on this socket, for lines and the like.
    pub fn reader(&self) -> BufReader<&Self> {
        BufReader::new(self)
    }

    /// `makefile('wb')`: a buffered writer on this socket; flush it before waiting for an answer.
    pub fn writer(&self) -> BufWriter<&Self> {
        BufWriter::new(self)
    }

    /// `makefile('rwb')`: a buffered reader and writer that outlive this value, on duplicates of the descriptor.
    pub fn makefile(&self) -> Result<(BufReader<Self>, BufWriter<Self>)> {
        Ok((BufReader::new(self.dup()?), BufWriter::new(self.dup()?)))
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv(buffer)?)
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.send(bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
