//! Completions and manual pages, from the same definitions as the help.

use std::{io::Write, process::ExitCode};

use sockeye::Error;

use crate::{
    args::{self, Completions, Man},
    output::{Failure, Out},
};

pub(super) fn completions(args: &Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::definition(), "sockeye", &mut script);
    Out::stdout().bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &Man) -> Result<ExitCode, Failure> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(args::definition())
            .render(&mut page)
            .map_err(|e| Error::new("write", "the manual page", e))?;
        Out::stdout().bytes(&page)?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(args::definition(), dir))
        .map_err(|e| Error::new("write manual pages to", dir.display(), e))?;
    writeln!(Out::stdout(), "manual pages written to {}", dir.display()).map_err(Failure::from)?;
    Ok(ExitCode::SUCCESS)
}
