//! Which processes hold which sockets, from `/proc/PID/fd`.

use std::{
    mem::MaybeUninit,
    num::NonZero,
    os::fd::OwnedFd,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, RawDir, StatxFlags, fstat, openat, statx},
    io::Errno,
};

/// The processes of the machine and the sockets that they hold.
#[derive(Debug, Default)]
pub struct Processes {
    tasks: Vec<Task>,
    /// Sorted: by inode, then the last of the walk first, as ss prints them.
    held: Vec<Held>,
    /// Where the inodes of each of `held.len()` equal parts of their range begin in `held`: inodes are given
    /// out in turn, so that a look-up is one step and not a search.
    index: Vec<u32>,
    /// How many processes did not let us look.
    hidden: usize,
}

#[derive(Debug, Clone)]
struct Task {
    pid: u32,
    tid: u32,
    comm: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    inode: u32,
    task: std::cmp::Reverse<u32>,
    fd: std::cmp::Reverse<u32>,
}

/// A process (or thread) that holds a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Holder<'a> {
    /// Its command's name.
    pub comm: &'a str,
    /// The process.
    pub pid: u32,
    /// The thread; the same as the process where threads were not asked for.
    #[serde(skip)]
    pub tid: u32,
    /// The descriptor.
    pub fd: u32,
}

impl Processes {
    /// Walks `/proc` on every core. With `threads`, each thread counts on its own.
    pub fn walk(threads: bool) -> Self {
        let Ok(root) = rustix::fs::open("/proc", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) else {
            return Self::default();
        };
        let ids = task_ids(&root, threads);
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(ids.len().max(1));
        let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    let mut found = Found::default();
                    while let Some((pid, tid)) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                        found.visit(&root, *pid, *tid);
                    }
                    all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(found);
                });
            }
        });
        Self::merge(all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner), &ids)
    }

    /// Looks at these processes only.
    pub fn of(pids: &[u32]) -> Self {
        let Ok(root) = rustix::fs::open("/proc", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) else {
            return Self::default();
        };
        let ids: Vec<_> = pids.iter().map(|pid| (*pid, *pid)).collect();
        let mut found = Found::default();
        ids.iter().for_each(|(pid, tid)| found.visit(&root, *pid, *tid));
        Self::merge(vec![found], &ids)
    }

    fn merge(parts: Vec<Found>, ids: &[(u32, u32)]) -> Self {
        let mut all = Self::default();
        let order: std::collections::HashMap<u32, usize> =
            ids.iter().enumerate().map(|(i, (_, tid))| (*tid, i)).collect();
        let mut tasks: Vec<(Task, Vec<(u32, u32)>)> = Vec::new();
        for part in parts {
            all.hidden += part.hidden;
            tasks.extend(part.tasks);
        }
        tasks.sort_by_key(|(task, _)| order.get(&task.tid).copied());
        all.held.reserve(tasks.iter().map(|(_, held)| held.len()).sum());
        for (task, held) in tasks {
            let index = std::cmp::Reverse(all.tasks.len() as u32);
            all.tasks.push(task);
            all.held.extend(held.into_iter().map(|(inode, fd)| Held {
                inode,
                task: index,
                fd: std::cmp::Reverse(fd),
            }));
        }
        all.held.sort_unstable();
        all.index = (0..all.held.len()).map(|part| all.start_of(part)).collect();
        all
    }

    fn start_of(&self, part: usize) -> u32 {
        let (low, span) = self.range();
        let first = low + (part as u64 * span).div_ceil(self.held.len().max(1) as u64);
        self.held.partition_point(|h| u64::from(h.inode) < first) as u32
    }

    /// The least inode, and how many numbers there are up to the greatest.
    fn range(&self) -> (u64, u64) {
        let of = |h: Option<&Held>| h.map_or(0, |h| u64::from(h.inode));
        let low = of(self.held.first());
        (low, of(self.held.last()) - low + 1)
    }

    fn first_at(&self, inode: u32) -> usize {
        let (low, span) = self.range();
        let Some(above) = u64::from(inode).checked_sub(low).filter(|a| *a < span) else {
            return self.held.len();
        };
        let part = (above * self.held.len() as u64 / span) as usize;
        let bound = |part: usize| self.index.get(part).map_or(self.held.len(), |s| *s as usize);
        let (start, end) = (bound(part), bound(part + 1));
        start + self.held[start..end].partition_point(|h| h.inode < inode)
    }

    /// Who holds the socket with this inode; nobody has sockets with inode 0.
    pub fn holders(&self, inode: u32) -> impl Iterator<Item = Holder<'_>> {
        let from = self.first_at(inode);
        self.held[from..].iter().take_while(move |h| h.inode == inode && inode != 0).filter_map(|h| {
            let task = self.tasks.get(h.task.0 as usize)?;
            Some(Holder { comm: &task.comm, pid: task.pid, tid: task.tid, fd: h.fd.0 })
        })
    }

    /// How many processes did not let us look at their descriptors: those of other users, unless we are
    /// root.
    pub fn hidden(&self) -> usize {
        self.hidden
    }
}

/// Processes, and with `threads` each thread behind its process.
fn task_ids(root: &OwnedFd, threads: bool) -> Vec<(u32, u32)> {
    let mut ids = Vec::new();
    for pid in numbers(root) {
        ids.push((pid, pid));
        if threads && let Ok(dir) = open_dir(root, &format!("{pid}/task")) {
            ids.extend(numbers(&dir).filter(|tid| *tid != pid).map(|tid| (pid, tid)));
        }
    }
    ids
}

fn open_dir(root: &OwnedFd, path: &str) -> Result<OwnedFd, Errno> {
    openat(root, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn numbers(dir: &OwnedFd) -> impl Iterator<Item = u32> {
    let entries = Dir::read_from(dir).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse().ok())
}

/// What one worker found.
#[derive(Default)]
struct Found {
    tasks: Vec<(Task, Vec<(u32, u32)>)>,
    hidden: usize,
}

impl Found {
    fn visit(&mut self, root: &OwnedFd, pid: u32, tid: u32) {
        let fds = match open_dir(root, &format!("{tid}/fd")) {
            Ok(fds) => fds,
            Err(Errno::ACCESS | Errno::PERM) => {
                self.hidden += 1;
                return;
            }
            Err(_) => return,
        };
        let held = sockets_in(&fds);
        if !held.is_empty() {
            self.tasks.push((Task { pid, tid, comm: comm(tid) }, held));
        }
    }
}

/// The sockets among the descriptors in a directory, as inode and descriptor.
///
/// Since Linux 6.2 the directory's size is the number of descriptors, and processes use low numbers: to try them
/// in turn saves the kernel the listing, which costs as much as the look at each. Where the numbers are sparse the
/// listing is quicker, and takes over.
fn sockets_in(fds: &OwnedFd) -> Vec<(u32, u32)> {
    let open = fstat(fds).map_or(0, |stat| u32::try_from(stat.st_size).unwrap_or(0));
    let mut held = Vec::new();
    let (mut tried, mut seen) = (0, 0);
    let mut name = itoa::Buffer::new();
    while seen < open && tried < open.saturating_mul(2).saturating_add(64) {
        match socket_inode(fds, name.format(tried)) {
            Ok(Some(inode)) => held.push((inode, tried)),
            Ok(None) => {}
            Err(_) => seen = seen.saturating_sub(1),
        }
        seen += 1;
        tried += 1;
    }
    if open == 0 || seen < open {
        list_sockets(fds, tried, &mut held);
    }
    held
}

/// The sockets among the descriptors from `from` on, by listing the directory.
fn list_sockets(fds: &OwnedFd, from: u32, held: &mut Vec<(u32, u32)>) {
    let mut buffer = [const { MaybeUninit::uninit() }; 32 << 10];
    let mut entries = RawDir::new(fds, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name();
        if let Some(fd) = number(name.to_bytes()).filter(|fd| *fd >= from)
            && let Ok(Some(inode)) = socket_inode(fds, name)
        {
            held.push((inode, fd));
        }
    }
}

/// The inode behind a descriptor if it is a socket. `DONT_SYNC`, for other descriptors may lead to a file
/// system that does not answer.
fn socket_inode(fds: &OwnedFd, name: impl rustix::path::Arg) -> Result<Option<u32>, Errno> {
    let stat = statx(fds, name, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE | StatxFlags::INO)?;
    let is_socket = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Socket;
    Ok(is_socket.then_some(stat.stx_ino as u32))
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn comm(tid: u32) -> Box<str> {
    let bytes = std::fs::read(format!("/proc/{tid}/comm")).unwrap_or_default();
    let name = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes));
    // A process may put anything into its name; a terminal should not get it.
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>().into_boxed_str()
}
