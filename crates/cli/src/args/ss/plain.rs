//! Command lines that need no parser: flags of one letter without values, and the words of a filter.
//!
//! They are most of those that are typed, and to define every option, help included, in order to read them takes
//! more memory than the sockets of an ordinary machine. Whatever else there is, help and errors among it, is left
//! to the definition.

use std::ffi::OsString;

use super::Ss;

impl Ss {
    /// Reads what follows the command's name; `None` if it takes the whole definition.
    pub(in crate::args) fn plain(words: &[OsString]) -> Option<Self> {
        let mut args = Self::default();
        for word in words {
            let word = word.to_str()?;
            match word.strip_prefix('-') {
                Some("") => return None,
                Some(letters) => letters.bytes().try_for_each(|letter| args.set(letter))?,
                None => args.filter.push(word.to_owned()),
            }
        }
        Some(args)
    }

    fn set(&mut self, letter: u8) -> Option<()> {
        let flag = match letter {
            b'n' => &mut self.numeric,
            b'r' => &mut self.resolve,
            b'a' => &mut self.all,
            b'l' => &mut self.listening,
            b'B' => &mut self.bound_inactive,
            b'o' => &mut self.options,
            b'e' => &mut self.extended,
            b'm' => &mut self.memory,
            b'p' => &mut self.processes,
            b'T' => &mut self.threads,
            b'i' => &mut self.info,
            b's' => &mut self.summary,
            b'b' => &mut self.bpf,
            b'E' => &mut self.events,
            b'K' => &mut self.kill,
            b'H' => &mut self.no_header,
            b'Q' => &mut self.no_queues,
            b'O' => &mut self.oneline,
            _ => return self.select(letter),
        };
        *flag = true;
        match letter {
            b'a' => self.listening = false,
            b'l' => self.all = false,
            _ => {}
        }
        Some(())
    }

    /// The flags whose order decides.
    fn select(&mut self, letter: u8) -> Option<()> {
        let (flag, name) = match letter {
            b'4' => (&mut self.ipv4, "ipv4"),
            b'6' => (&mut self.ipv6, "ipv6"),
            b'0' => (&mut self.packet, "packet"),
            b't' => (&mut self.tcp, "tcp"),
            b'M' => (&mut self.mptcp, "mptcp"),
            b'S' => (&mut self.sctp, "sctp"),
            b'u' => (&mut self.udp, "udp"),
            b'd' => (&mut self.dccp, "dccp"),
            b'w' => (&mut self.raw, "raw"),
            b'x' => (&mut self.unix, "unix"),
            _ => return None,
        };
        *flag = true;
        self.order.push(name);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, definition, sockeye};

    fn defined(words: &[&str]) -> Ss {
        let words = ["sockeye", "ss"].iter().chain(words).map(OsString::from).collect();
        match sockeye(words) {
            Ok(Command::Ss(ss)) => *ss.0,
            other => panic!("{other:?}"),
        }
    }

    fn plain(words: &[&str]) -> Option<Ss> {
        Ss::plain(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    /// All that a command acts on: of the order its sequence.
    fn shape(mut args: Ss) -> String {
        args.order.0.iter_mut().enumerate().for_each(|(i, (_, at))| *at = i);
        format!("{args:?}")
    }

    #[test]
    fn as_defined() {
        let mut definition = definition();
        definition.build();
        let ss = definition.find_subcommand("ss").unwrap();
        let flags = ss.get_arguments().filter(|a| matches!(a.get_action(), clap::ArgAction::SetTrue));
        let letters: Vec<String> =
            flags.filter_map(|a| a.get_short()).map(|letter| format!("-{letter}")).collect();
        let known: Vec<&str> =
            letters.iter().map(String::as_str).filter(|letter| plain(&[letter]).is_some()).collect();
        assert!(known.len() >= 28, "{known:?}");
        for first in &known {
            assert_eq!(shape(plain(&[first]).unwrap()), shape(defined(&[first])), "{first}");
            for second in &known {
                let words = [first, *second, "state", "listening", first];
                assert_eq!(shape(plain(&words).unwrap()), shape(defined(&words)), "{words:?}");
            }
        }
        let words = ["-tanp", "( sport = :1 )", "-6H", "or", "dport", ">", "5"];
        assert_eq!(shape(plain(&words).unwrap()), shape(defined(&words)));
    }

    #[test]
    fn only_what_is_plain() {
        for words in [&["-f", "inet"][..], &["-tA"], &["--tcp"], &["-h"], &["--"], &["-"], &["-Y"], &["-tN"]]
        {
            assert!(plain(words).is_none(), "{words:?}");
        }
    }
}
