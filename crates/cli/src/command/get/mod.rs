//! `sockeye get`: one job for each URL, one after the other or several at once.

mod payload;
mod plan;
mod transfer;

use std::{process::ExitCode, sync::Arc};

use sockeye::{
    Error,
    event::Events,
    http::{Client, Failure, FailureKind, Observer},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    args::Get,
    output::{self, get::Screen},
};

/// What all transfers of one invocation share.
struct Context {
    client: Client,
    args: Get,
    screen: Screen,
}

pub(super) fn run(args: Get) -> Result<ExitCode, output::Failure> {
    let show_errors = !args.show.silent || args.show.show_error;
    let events = output::events();
    let prepared = prepare(args, events);
    let (context, jobs) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Ok(output::get::failure(&failure, show_errors)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new("start", "the runtime", e))?;
    let code = runtime.block_on(all(Arc::new(context), jobs));
    // A read of the standard input that nobody waits for any more must not hold the exit up.
    runtime.shutdown_background();
    code
}

fn prepare(args: Get, events: Events) -> Result<(Context, Vec<plan::Job>), Failure> {
    let usage = |e| FailureKind::Url.with(e);
    let options = plan::client(&args.connection).map_err(usage)?;
    let jobs = plan::jobs(&args)?;
    let to_stdout = jobs.iter().any(|j| matches!(j.target, plan::Target::Stdout));
    let observer: Option<Arc<dyn Observer>> = match (args.show.verbose, args.show.wire) {
        (true, _) => Some(Arc::new(output::get::Verbose::new())),
        (_, true) => Some(Arc::new(output::get::Wire::new(to_stdout, jobs.len() > 1))),
        _ => None,
    };
    let client = Client::new(options).watched(observer, events);
    let files = jobs.iter().any(|j| !matches!(j.target, plan::Target::Stdout | plan::Target::Nowhere));
    let quiet = args.show.silent || args.show.no_progress_meter || args.show.verbose || args.show.wire;
    let screen = Screen::new(files && !quiet);
    Ok((Context { client, args, screen }, jobs))
}

/// Runs every job; the exit code is that of the last failure.
async fn all(context: Arc<Context>, jobs: Vec<plan::Job>) -> Result<ExitCode, output::Failure> {
    let typed = &context.args.connection;
    let at_once = if typed.parallel { usize::from(typed.parallel_max) } else { 1 };
    let network = Arc::new(Semaphore::new(at_once));
    // One after the other: while one is written to its file, the next is asked for already.
    let begun = at_once.max(2);
    let mut running = tokio::task::JoinSet::new();
    let mut jobs = jobs.into_iter();
    let mut before = None;
    let mut code = 0;
    loop {
        while running.len() < begun
            && let Some(job) = jobs.next()
        {
            let (done, after) = oneshot::channel();
            let before = before.replace(after).filter(|_| at_once == 1);
            let (context, network) = (Arc::clone(&context), Arc::clone(&network));
            running.spawn(async move {
                let network = network.acquire_owned().await.ok();
                transfer::run(&context, job, Turn { network, before, _done: done }).await
            });
        }
        match running.join_next().await {
            None => return Ok(ExitCode::from(code)),
            Some(done) => {
                let done = done.map_err(|e| Error::new("run", "a transfer", std::io::Error::other(e)))?;
                code = done?.unwrap_or(code);
            }
        }
    }
}

/// A transfer's place among the others.
struct Turn {
    /// Held while it is on the network.
    network: Option<OwnedSemaphorePermit>,
    /// Ends when the transfer before it has put out everything; for those that come one after the other.
    before: Option<oneshot::Receiver<()>>,
    /// Dropped at its own end.
    _done: oneshot::Sender<()>,
}

impl Turn {
    /// Lets the next transfer onto the network, where transfers come one after the other.
    async fn leave_network(&mut self) {
        if self.network.take().is_some() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until it may put something out.
    async fn output(&mut self) {
        if let Some(before) = self.before.take() {
            // That the other end is gone is all that is waited for.
            let _ = before.await;
        }
    }
}
