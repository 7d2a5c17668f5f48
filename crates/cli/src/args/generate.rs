//! `sockeye completions` and `sockeye man`.

/// What `sockeye completions` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(sockeye completions bash)                    for this shell
  sockeye completions bash > ~/.local/share/bash-completion/completions/sockeye
  sockeye completions zsh > ~/.zfunc/_sockeye           with ~/.zfunc in fpath
  sockeye completions fish > ~/.config/fish/completions/sockeye.fish")]
pub(crate) struct Completions {
    /// The shell to write for
    pub(crate) shell: clap_complete::Shell,
}

/// What `sockeye man` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye man | man -l -                             read the main page
  sockeye man --dir ~/.local/share/man/man1          then: man sockeye-relay")]
pub(crate) struct Man {
    /// Write one page for each command into this directory, instead of the main page to the output
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<std::path::PathBuf>,
}
