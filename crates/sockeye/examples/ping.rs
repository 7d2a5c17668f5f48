//! ping in a few lines: `cargo run --example ping -- localhost`

use sockeye::ping::{self, Event, Options, Pinger, Plan, Probe};

#[allow(clippy::print_stdout, reason = "an example speaks")]
fn main() -> sockeye::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "localhost".into());
    let host = ping::resolve(&name, None)?;
    let plan = Plan { count: Some(4), ..Plan::default() };
    let mut pinger = Pinger::new(&host, &Probe::Icmp, plan, &Options::default())?;
    for event in pinger.by_ref() {
        match event? {
            Event::Reply { sequence, from, time, .. } => println!("{}: {sequence} in {time:?}", from.ip()),
            Event::Refused { sequence, from, report } => println!("{}: {sequence}: {report}", from.ip()),
            _ => {}
        }
    }
    println!("{:.0}% lost", pinger.statistics().loss() * 100.0);
    Ok(())
}
