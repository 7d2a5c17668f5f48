//! What `-V`, `-h`, `-hh` and `-hhh` list: what is really there.

use std::process::ExitCode;

use sockeye_proto::address::{self, Groups, SHORTHANDS};

use crate::output::{Failure, Out};

/// What socat(1) calls the features that are here, and those that are not.
const FEATURES: &[(&str, bool)] = &[
    ("STDIO", true),
    ("FDNUM", true),
    ("FILE", true),
    ("CREAT", true),
    ("GOPEN", true),
    ("TERMIOS", true),
    ("PIPE", true),
    ("SOCKETPAIR", true),
    ("UNIX", true),
    ("ABSTRACT_UNIXSOCKET", true),
    ("IP4", true),
    ("IP6", true),
    ("RAWIP", true),
    ("GENERICSOCKET", true),
    ("INTERFACE", true),
    ("TCP", true),
    ("UDP", true),
    ("SCTP", true),
    ("LISTEN", true),
    ("SOCKS4", true),
    ("SOCKS4A", true),
    ("SOCKS5", true),
    ("VSOCK", true),
    ("PROXY", true),
    ("SYSTEM", true),
    ("SHELL", true),
    ("EXEC", true),
    ("READLINE", false),
    ("TUN", true),
    ("PTY", true),
    ("OPENSSL", true),
    ("FIPS", false),
    ("LIBWRAP", false),
    ("SYCLS", false),
    ("FILAN", false),
    ("RETRY", true),
];

/// `-V`
pub(crate) fn version() -> Result<ExitCode, Failure> {
    let mut text = format!("sockeye {} under the name of socat\n", env!("CARGO_PKG_VERSION"));
    text.push_str("socat version 1.7.4 is the one whose command line it takes\nfeatures:\n");
    for (name, here) in FEATURES {
        text.push_str(&if *here {
            format!("  #define WITH_{name} 1\n")
        } else {
            format!("  #undef WITH_{name}\n")
        });
    }
    Out::stdout().bytes(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

const HELP: &str = "\
Usage:
socat [options] <bi-address> <bi-address>
   options:
      -V     print version and feature information to stdout, and exit
      -h|-?  print a help text describing command line options and addresses
      -hh    like -h, plus a list of all common address option names
      -hhh   like -hh, plus a list of all available address option names
      -d[ddd]         increase verbosity (use up to 4 times; 2 are recommended)
      -D     analyze file descriptors before loop
      -ly[facility]  log to syslog, using facility (default is daemon)
      -lf<logfile>   log to file
      -ls            log to stderr (default if no other log)
      -lp<progname>  set the program name used for logging
      -lu            use microseconds for logging timestamps
      -lh            add hostname to log messages
      -lm[facility]  mixed log mode (stderr during initialization, then syslog)
      -v     verbose text dump of data traffic
      -x     verbose hexadecimal dump of data traffic
      -r <file>      raw dump of data flowing from left to right
      -R <file>      raw dump of data flowing from right to left
      -b<size_t>     set data buffer size (8192)
      -s     sloppy (continue on error)
      -t<timeout>    wait seconds before closing second channel
      -T<timeout>    total inactivity timeout in seconds
      -u     unidirectional mode (left to right)
      -U     unidirectional mode (right to left)
      -g     accepted; options that do nothing for an address are refused all the same
      -L <lockfile>  try to obtain lock, or fail
      -W <lockfile>  try to obtain lock, or wait
      --statistics   output transfer statistics on exit
      -0     do not prefer an IP version
      -4     prefer IPv4 if version is not explicitly specified
      -6     prefer IPv6 if version is not explicitly specified
   bi-address:
      <single-address>!!<single-address>
      <single-address>
   single-address:
      <address-head>[,<opts>]
   address-head:
";

/// `-h`, `-hh`, `-hhh`: the kinds of address, then the options, then all their spellings.
pub(crate) fn help(level: u8) -> Result<ExitCode, Failure> {
    let mut kinds: Vec<_> = address::keywords().iter().collect();
    kinds.sort_by_key(|kind| kind.name);
    let mut text = HELP.to_owned();
    for kind in kinds {
        let parameters = kind.parameters().replace("[<host>:]", "");
        text.push_str(&format!("      {}{parameters}\tgroups={}\n", kind.name, kind.groups));
        if level > 2 {
            // Case does not count; who looks for a word may have either in mind.
            let small = kind.names().map(str::to_lowercase);
            for alias in kind.aliases.iter().map(|name| (*name).to_owned()).chain(small) {
                text.push_str(&format!("         {alias} is an alias name for {}\n", kind.name));
            }
        }
    }
    if level > 1 {
        text.push_str("   opts:\n      <opt>{,<opts>}:\n   opt:\n");
        let mut rows: Vec<String> = Vec::new();
        for option in address::options() {
            let groups =
                if option.groups == Groups::ANY { "ANY".to_owned() } else { option.groups.to_string() };
            let names = option.spellings().take(if level > 2 { usize::MAX } else { 1 });
            for name in names {
                rows.push(format!("      {name}\tgroups={groups}\ttype={}\n", option.value));
                // Every dash may be an underscore; these are known that way.
                if let (Some(rest), true) = (name.strip_prefix("o-"), level > 2) {
                    rows.push(format!("      o_{rest}\tgroups={groups}\ttype={}\n", option.value));
                }
            }
        }
        if level > 2 {
            rows.extend(SHORTHANDS.iter().map(|(name, option, value)| {
                format!(
                    "      {name}\tgroups={}\ttype={}={value}\n",
                    option.info().groups,
                    option.info().spelling
                )
            }));
        }
        rows.sort();
        text.extend(rows);
    }
    Out::stdout().bytes(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
