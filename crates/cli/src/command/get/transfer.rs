//! One job from its request to its file: tries, resumes, outputs.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use sockeye::{
    Error,
    error::Reason,
    http::{Failure, FailureKind, Output, PartFile, Response, Retry},
    proto::http::{ContentRange, attachment_name, header},
};

use super::{
    Context, Turn,
    plan::{self, Job, Target},
};
use crate::output::{
    self,
    get::{Progress, Report},
};

/// Where the bytes of one job go.
enum Sink {
    Stdout(File),
    File(PartFile),
    Nowhere(io::Sink),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
            Self::Nowhere(sink) => sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Sink {
    fn file(&self) -> Option<&File> {
        match self {
            Self::Stdout(out) => Some(out),
            Self::File(file) => file.file(),
            Self::Nowhere(_) => None,
        }
    }
}

/// The state of one job across its tries.
struct Transfer<'a> {
    context: &'a Context,
    job: Job,
    turn: Turn,
    /// Where the next try goes on.
    offset: u64,
    /// What tells that the file is still the same one.
    validator: Option<String>,
    path: Option<PathBuf>,
    report: Report,
    progress: Progress,
}

/// Runs a job, says what is to be said, and gives the exit code of a failure.
pub(super) async fn run(context: &Context, job: Job, turn: Turn) -> Result<Option<u8>, output::Failure> {
    let to_stdout = matches!(job.target, Target::Stdout);
    let read = context.args.show.json || context.args.show.write_out.is_some();
    let report = Report::new(job.id, &job.request, read);
    let progress = context.screen.progress();
    let mut transfer =
        Transfer { context, job, turn, offset: 0, validator: None, path: None, report, progress };
    let outcome = match context.args.connection.max_time {
        None => transfer.tries().await,
        Some(limit) => limited(plan::limit(limit), transfer.tries()).await,
    };
    transfer.progress.finish();
    transfer.turn.output().await;
    let mut report = transfer.report;
    let show = &context.args.show;
    if let Err(failure) = &outcome {
        if to_stdout && failure.kind == FailureKind::Write && is_broken_pipe(&failure.error) {
            return Err(output::Failure::ReaderGone);
        }
        report.failed(failure);
        let _ = output::get::failure(failure, !show.silent || show.show_error);
    }
    if show.json {
        output::get::json(&report)?;
    }
    if let Some(format) = &show.write_out {
        output::get::write_out(format, &report)?;
    }
    Ok(outcome.err().map(|f| f.kind.exit_code()))
}

async fn limited(limit: Duration, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(FailureKind::Timeout.with(Error::new("finish", "the transfer", Reason::TimedOut(limit))))
    })
}

fn is_broken_pipe(error: &Error) -> bool {
    matches!(error.reason(), Reason::Io(e) if e.kind() == io::ErrorKind::BrokenPipe)
}

impl Transfer<'_> {
    /// Tries until it is done, or a failure will not go away, or the tries are used up.
    async fn tries(&mut self) -> Result<(), Failure> {
        let again = &self.context.args.again;
        let fixed = again.retry_delay.filter(|d| !d.is_zero());
        let mut retry = Retry::new(again.retry, fixed, again.retry_max_time);
        let start = Instant::now();
        self.offset = self.first_offset()?;
        loop {
            let (asked, failure) = match self.attempt(retry.left() > 0).await {
                Ok(Attempt::Done) => return Ok(()),
                Ok(Attempt::NotNow(asked, failure)) => (asked, failure),
                Err(failure) if Retry::transient(&failure) => (None, failure),
                Err(failure) => return Err(failure),
            };
            let Some(wait) = retry.next(asked, start.elapsed()) else { return Err(failure) };
            self.report.retries += 1;
            if !self.context.args.show.silent {
                output::get::retrying(&failure, wait, retry.left());
            }
            tokio::time::sleep(wait).await;
            // What a file holds need not come again; the standard output cannot be taken back.
            self.offset = match &self.path {
                Some(path) => PartFile::present(path),
                None if self.report.written > 0 => return Err(failure),
                None => 0,
            };
        }
    }

    /// Where -C says to go on.
    fn first_offset(&self) -> Result<u64, Failure> {
        let bad = |why: &str, text: &str| {
            let error = Error::new("use", format!("--continue-at {text}"), Reason::Usage(why.into()));
            FailureKind::Url.with(error)
        };
        match (self.context.args.output.continue_at.as_deref(), &self.job.target) {
            (None, _) => Ok(0),
            (Some("-"), Target::File(path)) => Ok(PartFile::present(path)),
            (Some("-"), _) => Err(bad("the name of the file must be known: use -o or -O without -J", "-")),
            (Some(text), _) => text.parse().map_err(|_| bad("it must be a number of bytes or -", text)),
        }
    }

    /// One request and its answer. `again`: another try may follow, so a "not now" is not the answer yet.
    async fn attempt(&mut self, again: bool) -> Result<Attempt, Failure> {
        let mut request = self.job.request.clone();
        if self.offset > 0 {
            let bad = |e: sockeye::proto::http::InvalidField| {
                FailureKind::Range.with(Error::new("ask for", "a range", Reason::Usage(e.to_string())))
            };
            request.fields.set("Range", format!("bytes={}-", self.offset)).map_err(bad)?;
            if let Some(validator) = &self.validator {
                request.fields.set("If-Range", validator.as_str()).map_err(bad)?;
            }
        }
        let mut response = self.context.client.fetch(&request, self.job.id).await?;
        self.report.answered(&response);
        let output = &self.context.args.output;
        let status = response.head.status;
        if again && Retry::transient_status(status) {
            let asked = Retry::asked(&response.head.headers, SystemTime::now());
            return Ok(Attempt::NotNow(asked, refused(&response)));
        }
        // Where nobody watches the order of things, a body that is here already leaves the network to the next.
        let show = &self.context.args.show;
        let watched = show.verbose || show.wire || self.context.args.request.compressed;
        let body = if watched { None } else { response.take_whole() };
        if body.is_some() {
            self.turn.leave_network().await;
        }
        self.turn.output().await;
        if let Some(path) = &output.dump_header {
            dump(path, &response.heads.concat(), self.job.id > 1)?;
        }
        if output.fail && status.as_u16() >= 400 {
            return Err(refused(&response));
        }
        let done = self.receive(&mut response, body).await;
        self.report.received(&response);
        done?;
        if output.fail_with_body && status.as_u16() >= 400 {
            return Err(refused(&response));
        }
        Ok(Attempt::Done)
    }

    /// The answer to where it belongs.
    async fn receive(&mut self, response: &mut Response, body: Option<Vec<u8>>) -> Result<(), Failure> {
        let args = &self.context.args;
        let offset = self.offset;
        let range = response.head.headers.get(header::CONTENT_RANGE);
        let range = range.and_then(|v| ContentRange::parse(v.as_bytes()));
        let whole_already = response.head.status == 416 && range.is_some_and(|r| r.whole == Some(offset));
        let resumed = match (offset, response.head.status.as_u16()) {
            (0, _) => false,
            (_, 206) if range.and_then(|r| r.span).is_some_and(|s| s.first == offset) => true,
            (_, 416) if whole_already => true,
            // The file has changed since the last try: from the start again.
            (_, 200) if self.report.retries > 0 => false,
            // What is there already is not given up for an error page.
            _ => return Err(no_range(response, offset)),
        };
        let mut sink = self.open(response, resumed).await?;
        if (args.output.include || args.request.head) && !resumed {
            sink.write_all(&response.heads.concat()).map_err(|e| unwritten("the head", e))?;
        }
        self.validator = validator(response);
        if let Some(body) = body {
            if !whole_already {
                sink.write_all(&body).map_err(|e| unwritten("the body", e))?;
                self.report.written += body.len() as u64;
            }
        } else if !whole_already {
            self.progress.begin(response, if resumed { offset } else { 0 }, self.path.as_deref());
            let (progress, report) = (&self.progress, &mut self.report);
            let decode = args.request.compressed;
            response
                .copy_to(&mut sink, decode, |bytes| {
                    report.written += bytes;
                    progress.advance(bytes);
                })
                .await?;
        }
        if let Sink::File(file) = sink {
            let modified =
                response.head.headers.get(header::LAST_MODIFIED).filter(|_| args.output.remote_time);
            let modified = modified.and_then(|v| output::get::http_date(v.to_str().ok()?));
            file.finish(modified).map_err(|e| FailureKind::Write.with(e))?;
        }
        Ok(())
    }

    /// Opens what the body is written to, once the head says what it is called.
    async fn open(&mut self, response: &Response, resumed: bool) -> Result<Sink, Failure> {
        let write = |e| FailureKind::Write.with(e);
        let path = match &self.job.target {
            Target::Nowhere => return Ok(Sink::Nowhere(io::sink())),
            Target::Stdout => {
                return output::get::stdout()
                    .map(Sink::Stdout)
                    .map_err(|e| unwritten("the standard output", e));
            }
            Target::File(path) => path.clone(),
            Target::NamedByServer(dir) => match &self.path {
                Some(path) => path.clone(),
                None => named_by_server(dir, response)?,
            },
        };
        if self.context.args.output.create_dirs
            && let Some(dir) = path.parent()
        {
            std::fs::create_dir_all(dir)
                .map_err(|e| write(Error::new("make the directory", dir.display(), e)))?;
        }
        let file = match resumed {
            true => PartFile::resume(&path, self.offset),
            false => PartFile::create(&path),
        };
        self.report.file = Some(path.clone());
        self.path = Some(path);
        file.map(Sink::File).map_err(write)
    }
}

enum Attempt {
    Done,
    /// The server said "not now", and maybe when.
    NotNow(Option<Duration>, Failure),
}

fn refused(response: &Response) -> Failure {
    let status = response.head.status;
    let reason =
        Reason::Protocol(format!("the server answered {} {}", status.as_str(), response.head.reason));
    FailureKind::Status.with(Error::new("fetch", shown(response), reason))
}

fn no_range(response: &Response, offset: u64) -> Failure {
    let status = response.head.status.as_str();
    let reason =
        Reason::Protocol(format!("the server does not go on at byte {offset}; it answered {status}"));
    let error = Error::new("resume", shown(response), reason);
    FailureKind::Range.with(error.hint("without -C it begins anew"))
}

/// The URL without its login.
fn shown(response: &Response) -> String {
    let mut url = response.url.clone();
    let _ = url.set_password(None).and_then(|()| url.set_username(""));
    url.into()
}

/// A strong validator for `If-Range` (RFC 9110, section 13.1.5).
fn validator(response: &Response) -> Option<String> {
    let text = |name| response.head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    text(header::ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(header::LAST_MODIFIED))
}

/// -J: the name that the server proposes, or the URL's; never one that exists.
fn named_by_server(dir: &Path, response: &Response) -> Result<PathBuf, Failure> {
    let proposed = response.head.headers.get(header::CONTENT_DISPOSITION);
    let name = match proposed.and_then(|v| attachment_name(v.as_bytes())) {
        Some(name) => name,
        None => plan::remote_name(&response.url)?,
    };
    let path = dir.join(name);
    if path.exists() {
        let exists = Error::new("write", path.display(), io::Error::from(io::ErrorKind::AlreadyExists));
        return Err(FailureKind::Write.with(exists.hint("a name from a server replaces no file; use -o")));
    }
    Ok(path)
}

fn unwritten(what: &'static str, error: io::Error) -> Failure {
    FailureKind::Write.with(Error::new("write", what, error))
}

/// -D: the heads, to a file or the standard output; those of further URLs are appended.
fn dump(path: &Path, heads: &[u8], append: bool) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        let out = output::get::stdout().and_then(|mut out| out.write_all(heads));
        return out.map_err(|e| unwritten("the standard output", e));
    }
    let file = File::options().create(true).write(true).append(append).truncate(!append).open(path);
    let written = file.and_then(|mut f| f.write_all(heads));
    written.map_err(|e| FailureKind::Write.with(Error::new("write the heads to", path.display(), e)))
}
