//! `sockeye relay`: two addresses, joined.

use std::{process::ExitCode, sync::Arc};

use sockeye::relay::{self, Outcome, Registry, Way};
use sockeye_proto::address::{OptionName, Spec, Value};

use super::{
    observe,
    session::{Crowd, Session, block_on, frame, spec, watch, window},
};
use crate::{
    args::Relay,
    output::{self, Failure, traffic},
};

pub(super) fn run(args: &Relay) -> Result<ExitCode, Failure> {
    let mut sides = [spec(&args.first)?, spec(&args.second)?];
    for side in &mut sides {
        match side {
            Spec::Single(address) => frame(address, args.traffic.frame.as_ref()),
            Spec::Dual { read, write } => {
                [read, write].into_iter().for_each(|address| frame(address, args.traffic.frame.as_ref()));
            }
        }
    }
    if let (Some(text), [_, Spec::Single(address) | Spec::Dual { write: address, .. }]) =
        (&args.preamble, &mut sides)
    {
        address.options.push(OptionName::Preamble, Value::Text(text.clone()));
    }
    let addresses = sides.iter_mut().flat_map(|side| match side {
        Spec::Single(address) => vec![address],
        Spec::Dual { read, write } => vec![read, write],
    });
    window(&args.traffic, addresses)?;
    let [first, second] = sides;
    let crowd = if forks(&first) { Crowd::Many } else { Crowd::One };
    block_on(crowd, relay(args, &first, &second))?
}

async fn relay(args: &Relay, first: &Spec, second: &Spec) -> Result<ExitCode, Failure> {
    let session = Session::begin_with(&[first, second])?;
    let mut plan = session.plan(&args.traffic);
    plan.rules.only = match (args.forward, args.backward) {
        (true, _) => Some(Way::Forward),
        (_, true) => Some(Way::Backward),
        _ => None,
    };
    plan.context.window = watch(&args.traffic, false);
    let json = args.traffic.json;
    if args.stats {
        plan.report = Some(Arc::new(move |names, summary| traffic::summary(names, summary, json)));
    } else if forks(first) {
        plan.report = Some(Arc::new(move |names, summary| traffic::failures(names, summary, json)));
    }
    plan.limits.most = limit(first);
    let registry = Arc::new(Registry::default());
    plan.registry = Some(registry.clone());
    observe::on_signal(registry.clone())?;
    if args.progress && output::is_for_people() {
        observe::progress(registry.clone(), first);
    }
    if let Some(address) = &args.metrics {
        observe::metrics(address, registry.clone(), &plan.context).await?;
    }
    let outcome = relay::run(first, second, &plan, &session.stop).await?;
    if args.stats {
        traffic::registry(&registry);
    }
    finish(&session, outcome, args.traffic.json)
}

/// Says what a relay did, where anyone wants to know, and how it ends.
pub(super) fn finish(session: &Session, outcome: Outcome, json: bool) -> Result<ExitCode, Failure> {
    match outcome {
        Outcome::Many(served) => {
            traffic::served(&served, json);
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Single([first, second], summary) => {
            let asked = matches!(summary.forward.ended, relay::Ended::Signal)
                || matches!(summary.backward.ended, relay::Ended::Signal);
            if json || asked {
                traffic::summary([&first, &second], &summary, json);
            }
            if asked {
                return Ok(session.cut_short());
            }
            match summary.into_error(&format!("{} and {}", first.name(), second.name())) {
                Some(error) => Err(error.into()),
                None => Ok(ExitCode::SUCCESS),
            }
        }
    }
}

pub(super) fn forks(spec: &Spec) -> bool {
    matches!(spec, Spec::Single(address) if address.options.flag(OptionName::Fork))
}

pub(super) fn limit(spec: &Spec) -> Option<usize> {
    match spec {
        Spec::Single(address) => address.options.number(OptionName::MaxChildren)?.try_into().ok(),
        Spec::Dual { .. } => None,
    }
}
