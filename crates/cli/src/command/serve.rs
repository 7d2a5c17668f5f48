//! `sockeye serve`: services on as many addresses as wanted.

use std::{process::ExitCode, sync::Arc};

use sockeye::{
    endpoint::clients::{Limits, Served, WhenFull},
    http::server,
    service::{self, Manner, Watcher},
};
use sockeye_proto::{
    address::{Address, Role},
    framing::Framing,
};
use tokio::task::JoinSet;

use super::{
    listen::{announce, listener},
    session::{Crowd, Session, block_on, cores, frame, prompted},
};
use crate::{
    args::{Serve, Service},
    output::{self, Failure, traffic},
};

pub(super) fn run(args: &Serve) -> Result<ExitCode, Failure> {
    let addresses = args
        .addresses
        .iter()
        .map(|text| address(text, args.frame.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    block_on(Crowd::Many, serve(args, &addresses))?
}

async fn serve(args: &Serve, addresses: &[Address]) -> Result<ExitCode, Failure> {
    let session = Session::begin()?;
    let limits = Limits {
        most: args.max_clients.map(|n| n as usize),
        when_full: WhenFull::Refuse,
        drain: args.drain,
        loops: cores() / addresses.len().max(1),
        ..Limits::default()
    };
    let manner = Manner {
        delay: args.delay,
        once: args.once,
        events: session.events.clone(),
        watcher: args.verbose.then(|| Watcher::new(output::message)),
        report: Some(service::Report::new(traffic::sunk)),
        ..Manner::default()
    };
    let context = session.context();
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(listener(address, &context).await?);
    }
    listeners.iter().for_each(|listener| announce(&session, listener));
    let mut running = JoinSet::new();
    for listener in listeners {
        let (limits, manner, stop) = (limits.clone(), manner.clone(), session.stop.clone());
        match kind(args.service) {
            Kind::Simple(service) => {
                running
                    .spawn(async move { service::serve(service, listener, &limits, &manner, &stop).await });
            }
            Kind::Files => {
                let options = server::Options { events: session.events.clone(), ..Default::default() };
                let files = Arc::new(server::Files::new(&args.root, options)?);
                running.spawn(async move { server::serve(files, listener, &limits, &stop).await });
            }
        }
    }
    let mut total = Served::default();
    for served in running.join_all().await {
        total = total.plus(served?);
    }
    traffic::served(&total, args.json);
    Ok(ExitCode::SUCCESS)
}

/// The services by what runs them.
enum Kind {
    Simple(service::Service),
    Files,
}

fn kind(service: Service) -> Kind {
    Kind::Simple(match service {
        Service::Hello => service::Service::Hello,
        Service::Echo => service::Service::Echo,
        Service::Greet => service::Service::Greet,
        Service::Discard => service::Service::Discard,
        Service::Chargen => service::Service::Chargen,
        Service::Daytime => service::Service::Daytime,
        Service::Time => service::Service::Time,
        Service::Sink => service::Service::Sink,
        Service::Chat => service::Service::Chat,
        Service::Files => return Kind::Files,
    })
}

fn address(text: &str, framing: Option<&Framing>) -> Result<Address, Failure> {
    let found = prompted(text, Role::Listen)?;
    if found.bare_port {
        output::hint(format_args!("only this machine can connect to {text}; for others: 0.0.0.0:{text}"));
    }
    let mut address = found.address;
    frame(&mut address, framing);
    Ok(address)
}
