//! A file that appears under its name when it is whole.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::Output;
use crate::{Error, Result};

/// A file being received. It is written as `NAME.part` and takes its name in [`finish`](Self::finish); dropped
/// before, it stays as it is, for a resume. What is no regular file (`/dev/null`, a FIFO) is written to directly.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    path: PathBuf,
    part: Option<PathBuf>,
    resumed: u64,
}

impl PartFile {
    /// Begins a file anew.
    ///
    /// # Errors
    /// The system's, on the path.
    pub fn create(path: &Path) -> Result<Self> {
        let there = fs::metadata(path).ok();
        let special = there.as_ref().is_some_and(|m| !m.is_file());
        let part = (!special).then(|| part_name(path));
        if there.is_some_and(|m| m.is_dir()) {
            return Err(Error::new("write", path.display(), io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let target = part.as_deref().unwrap_or(path);
        let mut options = File::options();
        options.write(true).create(!special).truncate(!special);
        let file = options.open(target).map_err(|e| Error::new("write", target.display(), e))?;
        Ok(Self { file, path: path.to_owned(), part, resumed: 0 })
    }

    /// How much of the file is there: in its `.part`, or else under its name.
    pub fn present(path: &Path) -> u64 {
        let length = |p: &Path| fs::metadata(p).ok().filter(fs::Metadata::is_file).map(|m| m.len());
        length(&part_name(path)).or_else(|| length(path)).unwrap_or(0)
    }

    /// Goes on at `offset`: in its `.part`, or else under its name, as other tools leave it.
    ///
    /// # Errors
    /// The system's, on the path.
    pub fn resume(path: &Path, offset: u64) -> Result<Self> {
        use std::io::Seek;
        let part = Some(part_name(path)).filter(|p| p.exists() || !path.exists());
        let target = part.as_deref().unwrap_or(path);
        let fail = |e| Error::new("write", target.display(), e);
        let mut file = File::options().write(true).create(true).truncate(false).open(target).map_err(fail)?;
        file.set_len(offset).and_then(|()| file.seek(io::SeekFrom::Start(offset))).map_err(fail)?;
        Ok(Self { file, path: path.to_owned(), part, resumed: offset })
    }

    /// Where this file goes on.
    pub fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Starts over: the server has no part to give.
    ///
    /// # Errors
    /// The system's.
    pub fn restart(&mut self) -> io::Result<()> {
        use std::io::Seek;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.resumed = 0;
        Ok(())
    }

    /// The file under the name that it has now.
    pub fn current(&self) -> &Path {
        self.part.as_deref().unwrap_or(&self.path)
    }

    /// Gives the file its name, and the time of its last change where that is told.
    ///
    /// # Errors
    /// The system's, on the path.
    pub fn finish(self, modified: Option<std::time::SystemTime>) -> Result<()> {
        let fail = |e| Error::new("write", self.path.display(), e);
        if let Some(time) = modified {
            self.file.set_modified(time).map_err(fail)?;
        }
        match &self.part {
            Some(part) => fs::rename(part, &self.path).map_err(fail),
            None => Ok(()),
        }
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output for PartFile {
    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

fn part_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    name.into()
}
