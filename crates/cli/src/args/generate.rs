//! `sockeye completions` and `sockeye man`.

/// What `sockeye completions` was given.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell to write for
    pub(crate) shell: clap_complete::Shell,
}

/// What `sockeye man` was given.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Write one page for each command into this directory, instead of the main page to the output
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<std::path::PathBuf>,
}
