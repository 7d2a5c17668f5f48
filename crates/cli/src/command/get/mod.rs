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
    let events = output::events(&args.show.events)?;
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
    let at_once = match context.args.connection.parallel {
        true => usize::from(context.args.connection.parallel_max),
        false => 1,
    };
    let mut code = 0;
    if at_once == 1 {
        for job in jobs {
            code = transfer::run(&context, job).await?.unwrap_or(code);
        }
        return Ok(ExitCode::from(code));
    }
    let mut running = tokio::task::JoinSet::new();
    let mut jobs = jobs.into_iter();
    loop {
        while running.len() < at_once
            && let Some(job) = jobs.next()
        {
            let context = Arc::clone(&context);
            running.spawn(async move { transfer::run(&context, job).await });
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
