//! Arguments that are defined only for the command that was named: the definitions of all commands are two
//! thirds of what a short command would do.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, FromArgMatches, builder::Resettable};

/// The arguments of one command, defined when it is used (or all of them are listed).
#[derive(Debug)]
pub(crate) struct Later<T>(pub(crate) Box<T>);

impl<T> From<T> for Later<T> {
    fn from(args: T) -> Self {
        Self(Box::new(args))
    }
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| {
            // The description beside the command's name, not that of the structure.
            let (about, long) = (command.get_about().cloned(), command.get_long_about().cloned());
            T::augment_args(command).about(Resettable::from(about)).long_about(Resettable::from(long))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self::from)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}
