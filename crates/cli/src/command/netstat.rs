//! `netstat`: the sockets of `ss` in its columns.

use std::process::ExitCode;

use sockeye::diag::{self, Families, Machine, Processes, Query, State, States, Step, Table, Tables};
use sockeye::proto::diag::filter::Family;

use crate::{
    args::Netstat,
    output::{self, Failure, netstat as rows},
};

pub(super) fn run(args: &Netstat) -> Result<ExitCode, Failure> {
    if args.statistics {
        let v6 = args.inet6 && !args.inet;
        let counters = if v6 { diag::counters_v6()? } else { diag::counters()? };
        rows::statistics(&counters, [args.raw, args.tcp, args.udp])?;
        return Ok(ExitCode::SUCCESS);
    }
    let asked = [(args.tcp, Table::Tcp), (args.udp, Table::Udp), (args.raw, Table::Raw)];
    let any = args.unix || asked.iter().any(|(given, _)| *given);
    let tables = asked.into_iter().filter(|(given, _)| *given || !any).map(|(_, table)| table);
    let families = match (args.inet, args.inet6) {
        (true, false) => Families::of(&[Family::Inet]),
        (false, true) => Families::of(&[Family::Inet6]),
        _ => Families::of(&[Family::Inet, Family::Inet6]),
    };
    let states = match (args.all, args.listening) {
        (true, _) => States::ALL,
        (false, true) => States::LISTENING,
        (false, false) => States::ALL.without(States::LISTENING),
    };
    let machine = Machine::new();
    let processes = if args.programs { Processes::walk(false) } else { Processes::default() };
    if processes.hidden() > 0 {
        output::notice(format_args!(
            "{} processes of other users do not show what they hold; as root all would",
            processes.hidden()
        ));
    }
    let mut sockets = Vec::new();
    // TCP before UDP before raw, which is not the order of ss.
    for table in tables {
        let query = Query { families, tables: Tables::of(&[table]), ..Query::of(&[table]).states(states) };
        let mut certain = sockets.len();
        query.each(&machine, &processes, &mut |step| {
            match step {
                // In TCP a socket that is only bound is no server.
                Step::Socket(s) if table == Table::Tcp && s.state == State::Closed => {}
                Step::Socket(s) => sockets.push(s.clone()),
                Step::Begin => certain = sockets.len(),
                Step::MarksHidden => {}
                Step::Again => sockets.truncate(certain),
            }
            Ok(())
        })?;
    }
    let which = match (args.all, args.listening) {
        (true, _) => "servers and established",
        (false, true) => "only servers",
        (false, false) => "w/o servers",
    };
    let show = rows::Show {
        numeric: args.numeric,
        programs: args.programs,
        wide: args.wide,
        extend: args.extend > 0,
        timers: args.timers,
    };
    if asked.iter().any(|(given, _)| *given) || !args.unix {
        rows::list(&sockets, which, show, &machine, &processes)?;
    }
    if args.unix || !(any || args.inet || args.inet6) {
        let mut sockets = diag::unix_lines()?;
        sockets.retain(|s| args.all || s.listens() == args.listening);
        rows::unix(&sockets, which, show, &processes)?;
    }
    Ok(ExitCode::SUCCESS)
}
