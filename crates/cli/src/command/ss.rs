//! `sockeye ss`: what the flags ask for, and who takes the rows.

mod selection;

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use sockeye::{
    Error,
    diag::{self, Destroyed, Filter, Machine, Processes, Query, Socket, Step, Table, Tables, Want},
    error::{Class, Reason},
    proto::diag::filter::{Family, FilterError},
};

use selection::Selection;

use crate::{
    args::{Field, Ss},
    output::{self, Failure, Out, ss as rows},
};

pub(super) fn run(args: &Ss) -> Result<ExitCode, Failure> {
    list(args).or_else(|failure| match failure {
        Failure::Error(error) if args.strict => {
            let usage = error.class() == Class::Usage;
            Ok(output::failed("ss", &error, if usage { 255 } else { 1 }, args.json))
        }
        Failure::Error(error) => Ok(output::failed("sockeye", &error, error.class().exit_code(), args.json)),
        other => Err(other),
    })
}

fn list(args: &Ss) -> Result<ExitCode, Failure> {
    if told(args)? {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(namespace) = &args.net {
        diag::enter_namespace(namespace)?;
    }
    let mut selection = Selection::of(args)?;
    if args.summary {
        rows::summary(&diag::Summary::read()?, args.json)?;
        if selection.default && args.filter.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let machine = Machine::for_tables(selection.tables);
    let filter = filter(args, selection.preferred, &machine)?;
    selection.apply(args, &filter);
    if let Some(nothing) = selection.nothing() {
        output::notice(format_args!("no {nothing} to show with such a filter"));
        return Ok(ExitCode::SUCCESS);
    }
    let asks =
        |test: fn(Field) -> bool| args.fields.iter().chain(&args.by).chain(&args.sort).any(|f| test(*f));
    for (table, name) in [(Table::Xdp, "XDP"), (Table::Tipc, "TIPC")] {
        if !selection.default && selection.tables.contains(table) && !args.query.iter().any(|q| q == "all") {
            output::notice(format_args!(
                "{name} sockets are not listed: sockeye does not read that table yet"
            ));
        }
    }
    let query = Query {
        tables: selection.tables,
        families: selection.families,
        states: selection.states,
        want: Want {
            memory: args.memory,
            info: args.info || asks(Field::needs_info),
            tos: args.tos,
            files: args.extended,
        },
        filter: filter.expr.clone(),
        kill: args.kill,
    };
    if let Some(path) = &args.diag {
        return dump(path, &query);
    }
    let shows_processes = args.processes || args.threads;
    let processes = match shows_processes || filter.asks_processes() || asks(Field::needs_processes) {
        true => Processes::walk(args.threads),
        false => Processes::default(),
    };
    if processes.hidden() > 0 {
        output::notice(format_args!(
            "{} processes of other users do not show what they hold; as root all would",
            processes.hidden()
        ));
    }
    let listing = Listing { args, query: &query, machine: &machine, processes: &processes };
    if args.events {
        return listing.follow();
    }
    match (args.by.is_empty(), args.fields.is_empty()) {
        (false, _) => listing.counts(),
        (true, false) => listing.fields(),
        (true, true) if args.json => listing.json(),
        (true, true) => listing.text(),
    }
}

/// Tells what was asked about ss itself, if it was.
fn told(args: &Ss) -> Result<bool, Failure> {
    if args.version {
        writeln!(Out::stdout(), "ss utility, iproute2-6.1.0 (sockeye {})", env!("CARGO_PKG_VERSION"))?;
    } else if args.family.iter().any(|name| name == "help") {
        writeln!(Out::stdout(), "Families: {}", Family::ALL.map(Family::name).join(", "))?;
    } else if args.context || args.contexts {
        let why = "SELinux is not supported".to_owned();
        let reason = if args.strict { Reason::Unresolved(why) } else { Reason::Usage(why) };
        return Err(Error::new("show", "security contexts", reason).into());
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn wrong(what: String) -> Failure {
    Error::new("list", "sockets", Reason::Usage(what)).into()
}

fn filter(args: &Ss, family: Option<Family>, machine: &Machine) -> Result<Filter, Failure> {
    let parsed = Filter::parse(&filter_words(args)?, family, machine);
    Ok(parsed.map_err(|e| {
        let text = e.to_string();
        let unresolved = args.strict && !is_of_grammar(&e, family, machine);
        let reason = if unresolved { Reason::Unresolved(text) } else { Reason::Usage(text) };
        Error::new("understand", "the filter", reason)
    })?)
}

/// ss tells sentences that it cannot read from words that mean nothing to it. A host where none is expected is a
/// word that it knows.
fn is_of_grammar(error: &FilterError, family: Option<Family>, machine: &Machine) -> bool {
    const WORDS: [&str; 7] = ["and", "or", "not", "src", "dst", "sport", "dport"];
    match error {
        FilterError::Unfinished(_) | FilterError::State(_) | FilterError::TooDeep(_) => true,
        FilterError::Unexpected(word, _) => {
            WORDS.contains(&word.as_str())
                || word.chars().all(|c| "()!=<>&|".contains(c))
                || Filter::parse(&["dst", word], family, machine).is_ok()
        }
        _ => false,
    }
}

/// The filter's words: those of the command line, then the lines of the file.
fn filter_words(args: &Ss) -> Result<Vec<String>, Failure> {
    let mut words = args.filter.clone();
    if let Some(path) = &args.filter_file {
        let fail = |e: std::io::Error| {
            // Part of the command line, as ss sees it.
            let reason = if args.strict { Reason::Usage(e.to_string()) } else { e.into() };
            Error::new("read", format_args!("the filter {}", path.display()), reason)
        };
        let mut text = String::new();
        // A filter is short; whatever is longer is not one.
        let limit = 1 << 20;
        match path.as_os_str() == "-" {
            true => std::io::stdin().take(limit).read_to_string(&mut text),
            false => std::fs::File::open(path).and_then(|f| f.take(limit).read_to_string(&mut text)),
        }
        .map_err(fail)?;
        words.extend(text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned));
    }
    Ok(words)
}

fn dump(path: &std::path::Path, query: &Query) -> Result<ExitCode, Failure> {
    if !query.tables.contains(Table::Tcp) {
        return Err(wrong("a dump is of TCP sockets, which are not selected".to_owned()));
    }
    if path.as_os_str() == "-" {
        diag::write_dump(Out::stdout(), query.families, query.states, query.want)?;
    } else {
        let file = std::fs::File::create(path).map_err(|e| Error::new("create", path.display(), e))?;
        diag::write_dump(std::io::BufWriter::new(file), query.families, query.states, query.want)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A query and what its rows are printed with.
struct Listing<'a> {
    args: &'a Ss,
    query: &'a Query,
    machine: &'a Machine,
    processes: &'a Processes,
}

impl Listing<'_> {
    /// The rows, from the kernel or, of TCP, from the dump that `TCPDIAG_FILE` names, in ss's order.
    fn each(&self, take: &mut dyn FnMut(Step<'_>) -> Result<(), Error>) -> Result<(), Failure> {
        use Table::{Dccp, Mptcp, Sctp, Tcp, VsockDatagram, VsockStream};
        let Some(path) = std::env::var_os("TCPDIAG_FILE").filter(|_| self.query.tables.contains(Tcp)) else {
            return Ok(self.query.each(self.machine, self.processes, &mut |step| said(step, take))?);
        };
        let without = |tables: &[Table]| {
            let mut others = self.query.clone();
            others.tables.remove(Tables::of(tables));
            others
        };
        let before = without(&[Tcp, Dccp, Sctp, VsockStream, VsockDatagram, Mptcp]);
        before.each(self.machine, self.processes, &mut |step| said(step, take))?;
        let file = std::fs::File::open(&path)
            .map_err(|e| Error::new("open", format_args!("$TCPDIAG_FILE, {}", path.display()), e))?;
        let context = diag::FilterContext::new(self.machine, self.processes);
        take(Step::Begin)?;
        diag::read_dump(file, &mut |socket| match &self.query.filter {
            Some(expr) if !expr.matches(socket, &context) => Ok(()),
            _ => take(Step::Socket(socket)),
        })?;
        let mut behind = without(&[Tcp]);
        behind.tables.remove(before.tables);
        Ok(behind.each(self.machine, self.processes, &mut |step| said(step, take))?)
    }

    fn show(&self) -> rows::Show {
        let args = self.args;
        rows::Show {
            numeric: args.numeric,
            resolve: args.resolve,
            options: args.options || args.extended || args.bpf,
            extended: args.extended,
            memory: args.memory,
            processes: args.processes,
            threads: args.threads,
            info: args.info,
            tos: args.tos,
            cgroup: args.cgroup,
            bpf: args.bpf,
            sockopt: args.inet_sockopt,
            oneline: args.oneline,
        }
    }

    fn table(&self) -> rows::Rows<'_> {
        let hidden = (self.query.tables.is_single(), self.query.states.is_single(), self.args.no_queues);
        let mut table = rows::Rows::new(self.show(), hidden, self.machine, self.processes);
        if !self.args.no_header {
            table.header();
        }
        table
    }

    fn text(&self) -> Result<ExitCode, Failure> {
        let mut table = self.table();
        let mut gone = None;
        let outcome = if self.args.sort.is_some() {
            self.picked().and_then(|p| Ok(p.ordered().try_for_each(|s| table.row(&s))?))
        } else {
            self.each(&mut |step| match step {
                Step::Socket(socket) => table.row(socket).map_err(|e| stop(e, &mut gone)),
                Step::Begin => {
                    table.begin();
                    Ok(())
                }
                Step::MarksHidden => Ok(()),
                Step::Again if table.again() => Ok(()),
                Step::Again => Err(Error::new(
                    "list",
                    "sockets",
                    Reason::Protocol(
                        "the table changed while it was printed: rows above may be incomplete".to_owned(),
                    ),
                )
                .hint("try again, or narrow the filter")),
            })
        };
        if let Some(reason) = gone {
            return Err(reason.into());
        }
        table.finish()?;
        outcome?;
        Ok(ExitCode::SUCCESS)
    }

    fn picked(&self) -> Result<rows::Picked<'_>, Failure> {
        let mut picked = rows::Picked::new(self.args.sort, self.machine, self.processes);
        self.each(&mut |step| {
            match step {
                Step::Socket(socket) => picked.push(socket),
                Step::Begin => picked.begin(),
                Step::Again => picked.again(),
                Step::MarksHidden => {}
            }
            Ok(())
        })?;
        Ok(picked)
    }

    fn fields(&self) -> Result<ExitCode, Failure> {
        let fields = &self.args.fields;
        let headings: Vec<String> = fields.iter().map(|f| f.name()).collect();
        let table = self.picked()?.table(fields);
        rows::print_table(&headings, &table, self.args.json, !self.args.no_header)?;
        Ok(ExitCode::SUCCESS)
    }

    fn counts(&self) -> Result<ExitCode, Failure> {
        let mut counts = rows::Counts::new(&self.args.by, self.machine, self.processes);
        self.each(&mut |step| {
            match step {
                Step::Socket(socket) => counts.push(socket),
                Step::Begin => counts.begin(),
                Step::Again => counts.again(),
                Step::MarksHidden => {}
            }
            Ok(())
        })?;
        let names = self.args.by.iter().map(|f| f.name());
        let headings: Vec<String> = std::iter::once("count".to_owned()).chain(names).collect();
        rows::print_table(&headings, &counts.table(), self.args.json, !self.args.no_header)?;
        Ok(ExitCode::SUCCESS)
    }

    /// An array, whole also where an error ends it early.
    fn json(&self) -> Result<ExitCode, Failure> {
        let picked = self.picked()?;
        let mut out = Out::stdout();
        out.write_all(b"[")?;
        let processes = (self.args.processes || self.args.threads).then_some(self.processes);
        for (i, socket) in picked.ordered().enumerate() {
            out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
            rows::json_row(&mut out, &socket, self.machine, processes)?;
        }
        out.write_all(b"\n]\n")?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    /// -E: sockets as they end, until the reader or the user has enough.
    fn follow(&self) -> Result<ExitCode, Failure> {
        let (tables, families) = (self.query.tables, self.query.families);
        let mut groups = Vec::new();
        for (family, table, group) in [
            (Family::Inet, Table::Tcp, 1),
            (Family::Inet, Table::Udp, 2),
            (Family::Inet6, Table::Tcp, 3),
            (Family::Inet6, Table::Udp, 4),
        ] {
            if families.contains(family) && tables.contains(table) {
                groups.push(group);
            }
        }
        if groups.is_empty() {
            return Err(wrong("only TCP and UDP sockets tell when they end".to_owned()));
        }
        let mut destroyed = Destroyed::listen(&groups)?;
        // The heading comes with the first row, as wide as that.
        let mut table = self.table();
        let context = diag::FilterContext::new(self.machine, self.processes);
        loop {
            let mut gone = None;
            destroyed.wait(|protocol, payload| {
                let socket = Socket::parse_inet(protocol, payload)?;
                if self.query.filter.as_ref().is_some_and(|f| !f.matches(&socket, &context)) {
                    return Ok(());
                }
                table.row(&socket).map_err(|e| stop(e, &mut gone))
            })?;
            match gone {
                Some(reason) => return Err(reason.into()),
                None => table.finish()?,
            }
        }
    }
}

/// Passes a step on, but tells the user of what is hidden.
fn said(step: Step<'_>, take: &mut dyn FnMut(Step<'_>) -> Result<(), Error>) -> Result<(), Error> {
    if matches!(step, Step::MarksHidden) {
        output::notice(format_args!(
            "marks are shown to root (CAP_NET_ADMIN) only: no socket seems to have one"
        ));
        return Ok(());
    }
    take(step)
}

/// Keeps an error of writing, and ends the listing with it.
fn stop(error: std::io::Error, gone: &mut Option<std::io::Error>) -> Error {
    let copy = std::io::Error::from(error.kind());
    *gone = Some(error);
    Error::new("write to", "the standard output", copy)
}
