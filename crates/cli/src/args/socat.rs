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
    /// `-4`, `-6`, and `-0` for neither.
    pub(crate) prefers: Prefers,
    /// `-D`: describe the descriptors before anything passes.
    pub(crate) descriptors: bool,
    /// `--statistics`
    pub(crate) statistics: bool,
}

/// Which version of IP, where the address leaves it open.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefers {
    /// What the environment says, or IPv4 for servers.
    #[default]
    Usual,
    /// `-0`: whatever comes.
    Neither,
    /// `-4`
    V4,
    /// `-6`
    V6,
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
    /// `-lm[FACILITY]`: to the standard error until data passes, to syslog from then on.
    Mixed(String),
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
            'h' | '?' if rest.len() < 3 && rest.chars().all(|c| c == letter) => {
                self.help = word.len() as u8 - 1;
            }
            'd' if rest.bytes().all(|b| b == b'd') => {
                self.verbosity = self.verbosity.saturating_add(word.len() as u8 - 1).min(4);
            }
            'd' if matches!(rest, "0" | "1" | "2" | "3" | "4") => self.verbosity = rest.as_bytes()[0] - b'0',
            'D' if rest.is_empty() => self.descriptors = true,
            // The check of groups stays: an option that does nothing for its address is refused in any case.
            'g' if rest.is_empty() => {}
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
            'u' if rest.is_empty() => self.one_way(sockeye::relay::Way::Forward)?,
            'U' if rest.is_empty() => self.one_way(sockeye::relay::Way::Backward)?,
            'L' => self.lock = Some((value()?, false)),
            'W' => self.lock = Some((value()?, true)),
            '0' if rest.is_empty() => self.prefers = Prefers::Neither,
            '4' if rest.is_empty() => self.prefers = Prefers::V4,
            '6' if rest.is_empty() => self.prefers = Prefers::V6,
            '-' if rest == "statistics" => self.statistics = true,
            // What it allows is always allowed here.
            '-' if rest == "experimental" => {}
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn one_way(&mut self, way: sockeye::relay::Way) -> Result<(), String> {
        match self.only.replace(way) {
            Some(before) if before != way => Err("-U and -u must not be combined".to_owned()),
            _ => Ok(()),
        }
    }

    /// The options that begin with `-l`.
    fn log_option(&mut self, rest: &str, next: &mut impl FnMut() -> Option<String>) -> Option<()> {
        let mut letters = rest.chars();
        let (letter, rest) = (letters.next()?, letters.as_str());
        let mut value = || if rest.is_empty() { next() } else { Some(rest.to_owned()) };
        match letter {
            's' if rest.is_empty() => self.log.to = LogTo::Stderr,
            'f' => self.log.to = LogTo::File(value()?),
            'y' | 'm' => {
                let facility = if rest.is_empty() { "daemon" } else { rest }.to_owned();
                self.log.to = if letter == 'y' { LogTo::Syslog(facility) } else { LogTo::Mixed(facility) };
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
        _ => Err(format!("parseopts(): missing numerical value of option \"{word}\": {text} is no time")),
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
        assert_eq!(error(&["-S", "-", "-"]), "unknown option \"-S\"; use option \"-h\" for help");
        assert_eq!(error(&["-u", "-U", "-", "-"]), "-U and -u must not be combined");
        assert!(parse(&["-g", "-", "-"]).is_ok());
        assert_eq!(error(&["-"]), "exactly 2 addresses required (there are 1); use option \"-h\" for help");
        assert_eq!(error(&["-ux", "-", "-"]), "unknown option \"-ux\"; use option \"-h\" for help");
        assert!(error(&["-tx", "-", "-"]).contains("x is no time"));
        assert_eq!(parse(&["-hhh"]).expect("help").help, 3);
        assert_eq!(parse(&["-?"]).expect("help").help, 1);
        assert_eq!(parse(&["-???"]).expect("help").help, 3);
        assert_eq!(parse(&["-d3", "-", "-"]).expect("a level").verbosity, 3);
    }
}
