//! The command line of socat, read as socat reads it: values stand in the same word, unknown words are refused.

use std::{ffi::OsString, time::Duration};

use sockeye_proto::address::{Value, ValueType};

use super::{Command, Unusable};

/// Reads the words after the program's name.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, Unusable> {
    match Socat::parse(words) {
        Ok(socat) => Ok(Command::Socat(socat.into())),
        Err(text) => Err(Unusable::Applet(crate::output::socat::line(&text), 1)),
    }
}

/// What `socat` was given.
#[derive(Debug, Default)]
pub(crate) struct Socat {
    /// The two addresses, or none where only information is asked for.
    pub(crate) addresses: Option<[String; 2]>,
    /// `-h`, `-hh`, `-hhh`: how much help; 0 is none.
    pub(crate) help: u8,
    /// `-V`
    pub(crate) version: bool,
    /// `-d`, up to four times.
    pub(crate) verbosity: u8,
    /// Where messages go, and what they look like.
    pub(crate) log: Log,
    /// `-v`
    pub(crate) text: bool,
    /// `-x`
    pub(crate) hex: bool,
    /// `-r FILE`, `-R FILE`: raw copies of what passes, each way.
    pub(crate) raw: [Option<String>; 2],
    /// `-b SIZE`
    pub(crate) block: usize,
    /// `-s`: errors of the transfer do not count.
    pub(crate) sloppy: bool,
    /// `-t TIME`
    pub(crate) linger: Duration,
    /// `-T TIME`
    pub(crate) idle: Option<Duration>,
    /// `-u`, `-U`: one way only.
    pub(crate) only: Option<sockeye::relay::Way>,
    /// `-L FILE`, `-W FILE`: a lock, and whether it is waited for.
    pub(crate) lock: Option<(String, bool)>,
    /// `-4`, `-6`
    pub(crate) prefers_6: Option<bool>,
}

/// Where messages go, and what they look like.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    /// To whom.
    pub(crate) to: LogTo,
    /// `-lp NAME`: the program's name in them.
    pub(crate) name: Option<String>,
    /// `-lu`: with microseconds.
    pub(crate) micros: bool,
    /// `-lh`: with the host's name.
    pub(crate) host: bool,
}

/// To whom messages go.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum LogTo {
    /// `-ls`
    #[default]
    Stderr,
    /// `-lf FILE`
    File(String),
    /// `-ly[FACILITY]`
    Syslog(String),
}

/// Only so that help, completions and manual pages name the command: its words are read by [`Socat::parse`].
impl clap::Args for Socat {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.arg(clap::Arg::new("words").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Socat {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let words = matches.get_many::<String>("words").unwrap_or_default().map(OsString::from);
        Self::parse(words)
            .map_err(|text| clap::Error::raw(clap::error::ErrorKind::UnknownArgument, text + "\n"))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Socat {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// socat's own message about what is wrong.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut socat = Self { block: 8192, linger: Duration::from_millis(500), ..Self::default() };
        let words: Result<Vec<String>, _> = words.into_iter().map(OsString::into_string).collect();
        let words = words.map_err(|word| format!("the argument {} is no UTF-8", word.display()))?;
        let mut words = words.into_iter().peekable();
        while let Some(word) =
            words.next_if(|word| word.starts_with('-') && word.len() > 1 && !is_address(word))
        {
            socat.option(&word, || words.next())?;
        }
        let addresses: Vec<String> = words.collect();
        if socat.help == 0 && !socat.version {
            let found = addresses.len();
            socat.addresses = Some(addresses.try_into().map_err(|_| {
                format!("exactly 2 addresses required (there are {found}); use option \"-h\" for help")
            })?);
        }
        Ok(socat)
    }

    fn option(&mut self, word: &str, mut next: impl FnMut() -> Option<String>) -> Result<(), String> {
        let unknown = || format!("unknown option \"{word}\"; use option \"-h\" for help");
        let mut letters = word[1..].chars();
        let (letter, rest) = (letters.next().ok_or_else(unknown)?, letters.as_str());
        // A value stands in the same word, or is the next one.
        let mut value = || match rest {
            "" => next()
                .ok_or_else(|| format!("option {word} requires an argument; use option \"-h\" for help")),
            rest => Ok(rest.to_owned()),
        };
        match letter {
            'V' if rest.is_empty() => self.version = true,
            '?' if rest.is_empty() => self.help = 1,
            'h' if word == "-h" || word == "-hh" || word == "-hhh" => self.help = word.len() as u8 - 1,
            'd' if rest.bytes().all(|b| b == b'd') => {
                self.verbosity = self.verbosity.saturating_add(word.len() as u8 - 1).min(4);
            }
            'l' => self.log_option(rest, &mut next).ok_or_else(unknown)?,
            'v' if rest.is_empty() => self.text = true,
            'x' if rest.is_empty() => self.hex = true,
            'r' => self.raw[0] = Some(value()?),
            'R' => self.raw[1] = Some(value()?),
            'b' => match ValueType::Size.parse(&value()?) {
                Some(Value::Number(n @ 1..=0x4000_0000)) => self.block = usize::try_from(n).unwrap_or(1),
                _ => return Err(format!("option {word}: the size must be from 1 to 1073741824")),
            },
            's' if rest.is_empty() => self.sloppy = true,
            't' => self.linger = time(word, &value()?)?,
            'T' => self.idle = Some(time(word, &value()?)?),
            'u' if rest.is_empty() => self.only = Some(sockeye::relay::Way::Forward),
            'U' if rest.is_empty() => self.only = Some(sockeye::relay::Way::Backward),
            'L' => self.lock = Some((value()?, false)),
            'W' => self.lock = Some((value()?, true)),
            '4' if rest.is_empty() => self.prefers_6 = Some(false),
            '6' if rest.is_empty() => self.prefers_6 = Some(true),
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// The options that begin with `-l`.
    fn log_option(&mut self, rest: &str, next: &mut impl FnMut() -> Option<String>) -> Option<()> {
        let mut letters = rest.chars();
        let (letter, rest) = (letters.next()?, letters.as_str());
        let mut value = || if rest.is_empty() { next() } else { Some(rest.to_owned()) };
        match letter {
            's' if rest.is_empty() => self.log.to = LogTo::Stderr,
            'f' => self.log.to = LogTo::File(value()?),
            'y' => {
                self.log.to =
                    LogTo::Syslog(if rest.is_empty() { "daemon".to_owned() } else { rest.to_owned() })
            }
            'p' => self.log.name = Some(value()?),
            'u' if rest.is_empty() => self.log.micros = true,
            'h' if rest.is_empty() => self.log.host = true,
            _ => return None,
        }
        Some(())
    }
}

/// `-`, and `-,options`, are standard input and output.
fn is_address(word: &str) -> bool {
    word.starts_with("-,") || word.starts_with("-!!")
}

fn time(word: &str, text: &str) -> Result<Duration, String> {
    match ValueType::Time.parse(text) {
        Some(Value::Time(time)) => Ok(time),
        _ => Err(format!("option {word}: \"{text}\" is no time in seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Socat, String> {
        Socat::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn values_stand_in_the_word_or_after_it() {
        let socat = parse(&[
            "-d", "-d", "-dd", "-t2.5", "-T", "3", "-b0x100", "-lf/x", "-lpme", "-lu", "-", "tcp:h:1",
        ]);
        let socat = socat.expect("a command line");
        assert_eq!((socat.verbosity, socat.block), (4, 256));
        assert_eq!((socat.linger, socat.idle), (Duration::from_millis(2500), Some(Duration::from_secs(3))));
        assert_eq!(socat.log.to, LogTo::File("/x".to_owned()));
        assert_eq!(socat.log.name.as_deref(), Some("me"));
        assert_eq!(socat.addresses, Some(["-".to_owned(), "tcp:h:1".to_owned()]));
        let socat = parse(&["-u", "-,crlf", "-"]).expect("an address may begin with a dash");
        assert_eq!(socat.addresses, Some(["-,crlf".to_owned(), "-".to_owned()]));
    }

    #[test]
    fn what_is_unknown_is_refused_in_its_words() {
        let error = |words: &[&str]| parse(words).expect_err("it is refused");
        assert_eq!(error(&["-Q", "-", "-"]), "unknown option \"-Q\"; use option \"-h\" for help");
        assert_eq!(error(&["-D", "-", "-"]), "unknown option \"-D\"; use option \"-h\" for help");
        assert_eq!(error(&["-"]), "exactly 2 addresses required (there are 1); use option \"-h\" for help");
        assert_eq!(error(&["-ux", "-", "-"]), "unknown option \"-ux\"; use option \"-h\" for help");
        assert!(error(&["-tx", "-", "-"]).contains("\"x\" is no time"));
        assert_eq!(parse(&["-hhh"]).expect("help").help, 3);
        assert_eq!(parse(&["-?"]).expect("help").help, 1);
    }
}
