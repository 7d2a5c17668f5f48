//! The option table and the values of options, as text and JSON.

use std::io::Write;

use sockeye::{
    Error,
    socket::{
        Family, Protocol, Type,
        options::{self, Level, SocketOption, Value},
    },
};
use sockeye_proto::address::{self, Address};

use super::{Failure, Out};

/// What is known of the socket that an address names.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) address: Address,
    pub(crate) family: Family,
    pub(crate) kind: Type,
    pub(crate) protocol: Protocol,
    pub(crate) found: Vec<(&'static SocketOption, Result<Value, Error>)>,
}

/// An option as JSON has it.
#[derive(serde::Serialize)]
struct Row {
    name: &'static str,
    short: &'static str,
    level: &'static str,
    level_number: i32,
    number: i32,
    value: String,
    access: options::Access,
    sockets: &'static str,
    addresses: Vec<&'static str>,
    doc: &'static str,
}

impl From<&'static SocketOption> for Row {
    fn from(option: &'static SocketOption) -> Self {
        Self {
            name: option.name,
            short: option.short,
            level: option.level.name(),
            level_number: option.level.number(),
            number: option.number,
            value: option.form.words(),
            access: option.access,
            sockets: option.on.words(),
            addresses: spellings(option),
            doc: option.doc,
        }
    }
}

/// How the options of addresses spell this one.
fn spellings(option: &'static SocketOption) -> Vec<&'static str> {
    let same = |o: &&address::OptionInfo| o.socket.and_then(options::find) == Some(option);
    address::options().iter().filter(same).map(|o| o.spelling).collect()
}

/// Every option, grouped by level.
pub(crate) fn table(json: bool) -> Result<(), Failure> {
    let mut out = Out::stdout();
    if json {
        return out.json(&options::table().map(Row::from).collect::<Vec<_>>());
    }
    for (i, level) in Level::ALL.into_iter().enumerate() {
        let gap = if i == 0 { "" } else { "\n" };
        writeln!(out, "{gap}{}", title(level))?;
        for option in options::table().filter(|o| o.level == level) {
            writeln!(out, "  {:<24}  {:<8}  {}", option.name, option.access.words(), option.doc)?;
        }
    }
    writeln!(
        out,
        "\n`sockeye options NAME` tells more of one, `sockeye options ADDRESS` the values on a socket"
    )?;
    Ok(out.flush()?)
}

fn title(level: Level) -> String {
    let what = match level {
        Level::Socket => "any socket",
        Level::Ip => "IPv4",
        Level::Ipv6 => "IPv6",
        Level::Tcp => "TCP",
        Level::Udp => "UDP",
    };
    format!("{} ({what})", level.name())
}

/// One option.
pub(crate) fn explanation(option: &'static SocketOption, json: bool) -> Result<(), Failure> {
    let mut out = Out::stdout();
    let row = Row::from(option);
    if json {
        return out.json(&row);
    }
    writeln!(out, "{}: {}", row.name, row.doc)?;
    writeln!(out, "  value      {}", row.value)?;
    writeln!(out, "  access     {}", option.access.words())?;
    writeln!(out, "  sockets    {}", row.sockets)?;
    writeln!(out, "  short      {}", row.short)?;
    writeln!(out, "  level      {} ({})", row.level, row.level_number)?;
    writeln!(out, "  number     {}", row.number)?;
    if !row.addresses.is_empty() {
        writeln!(out, "  addresses  {}=…", row.addresses.join("=…, "))?;
    }
    Ok(out.flush()?)
}

/// The values on a socket.
pub(crate) fn values(values: &Values, json: bool) -> Result<(), Failure> {
    let mut out = Out::stdout();
    if json {
        return out.json(&values_json(values));
    }
    let (family, kind) = (values.family, values.kind);
    write!(out, "{}: {family} {kind}, protocol {}", values.address, values.protocol.0)?;
    let mut level = None;
    for (option, value) in &values.found {
        let Ok(value) = value else { continue };
        if level.replace(option.level) != Some(option.level) {
            writeln!(out, "\n\n{}", title(option.level))?;
        } else {
            writeln!(out)?;
        }
        write!(out, "  {:<24}  {}", option.name, text(value))?;
    }
    writeln!(out)?;
    let refused: Vec<&str> = values.found.iter().filter(|(_, v)| v.is_err()).map(|(o, _)| o.name).collect();
    if !refused.is_empty() {
        writeln!(out, "\nnot on this socket: {}", refused.join(", "))?;
    }
    Ok(out.flush()?)
}

fn text(value: &Value) -> String {
    match value {
        // A whole structure would push everything else off the screen.
        Value::Bytes(bytes) if bytes.len() > 40 => format!("{} bytes", bytes.len()),
        Value::Bytes(bytes) if bytes.is_empty() => "none".to_owned(),
        Value::Text(text) if text.is_empty() => "none".to_owned(),
        Value::Numbers(numbers) if numbers.is_empty() => "none".to_owned(),
        value => value.to_string(),
    }
}

fn values_json(values: &Values) -> serde_json::Value {
    let options = values.found.iter().map(|(option, value)| {
        let (key, value) = match value {
            Ok(value) => ("value", serde_json::json!(value)),
            Err(error) => ("reason", error.reason().to_string().into()),
        };
        serde_json::json!({ "name": option.name, "level": option.level.name(), key: value })
    });
    serde_json::json!({
        "address": values.address.to_string(),
        "family": values.family.to_string(),
        "type": values.kind.to_string(),
        "protocol": values.protocol.0,
        "options": options.collect::<Vec<_>>(),
    })
}
