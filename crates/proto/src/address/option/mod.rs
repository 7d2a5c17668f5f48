//! The options of addresses: names, the type of value each takes, and typed access to what was given.

mod table;
mod value;

use std::time::Duration;

use crate::framing::Framing;

pub use table::{OptionInfo, OptionName};
pub use value::{Numbered, ValueType};
pub(super) use value::{number, seconds};

/// Spellings that stand for an option together with a value, as socat has them: `cs8` is `csize=8`.
pub static SHORTHANDS: &[(&str, OptionName, &str)] = &[
    ("shut-down", OptionName::Shut, "down"),
    ("shut-close", OptionName::Shut, "close"),
    ("shut-none", OptionName::Shut, "none"),
    ("shut-null", OptionName::Shut, "null"),
    ("cs5", OptionName::Csize, "5"),
    ("cs6", OptionName::Csize, "6"),
    ("cs7", OptionName::Csize, "7"),
    ("cs8", OptionName::Csize, "8"),
    ("b0", OptionName::Speed, "0"),
    ("b50", OptionName::Speed, "50"),
    ("b75", OptionName::Speed, "75"),
    ("b110", OptionName::Speed, "110"),
    ("b134", OptionName::Speed, "134"),
    ("b150", OptionName::Speed, "150"),
    ("b200", OptionName::Speed, "200"),
    ("b300", OptionName::Speed, "300"),
    ("b600", OptionName::Speed, "600"),
    ("b1200", OptionName::Speed, "1200"),
    ("b1800", OptionName::Speed, "1800"),
    ("b2400", OptionName::Speed, "2400"),
    ("b4800", OptionName::Speed, "4800"),
    ("b9600", OptionName::Speed, "9600"),
    ("b19200", OptionName::Speed, "19200"),
    ("b38400", OptionName::Speed, "38400"),
    ("b57600", OptionName::Speed, "57600"),
    ("b115200", OptionName::Speed, "115200"),
    ("b230400", OptionName::Speed, "230400"),
    ("b460800", OptionName::Speed, "460800"),
    ("b500000", OptionName::Speed, "500000"),
    ("b576000", OptionName::Speed, "576000"),
    ("b921600", OptionName::Speed, "921600"),
    ("b1000000", OptionName::Speed, "1000000"),
    ("b1152000", OptionName::Speed, "1152000"),
    ("b1500000", OptionName::Speed, "1500000"),
    ("b2000000", OptionName::Speed, "2000000"),
    ("b2500000", OptionName::Speed, "2500000"),
    ("b3000000", OptionName::Speed, "3000000"),
    ("b3500000", OptionName::Speed, "3500000"),
    ("b4000000", OptionName::Speed, "4000000"),
    ("nl0", OptionName::Nldly, "0"),
    ("nl1", OptionName::Nldly, "1"),
    ("cr0", OptionName::Crdly, "0"),
    ("cr1", OptionName::Crdly, "1"),
    ("cr2", OptionName::Crdly, "2"),
    ("cr3", OptionName::Crdly, "3"),
    ("tab0", OptionName::Tabdly, "0"),
    ("tab1", OptionName::Tabdly, "1"),
    ("tab2", OptionName::Tabdly, "2"),
    ("tab3", OptionName::Tabdly, "3"),
    ("bs0", OptionName::Bsdly, "0"),
    ("bs1", OptionName::Bsdly, "1"),
    ("vt0", OptionName::Vtdly, "0"),
    ("vt1", OptionName::Vtdly, "1"),
    ("ff0", OptionName::Ffdly, "0"),
    ("ff1", OptionName::Ffdly, "1"),
    ("xtabs", OptionName::Tabdly, "3"),
];

/// The whole table of options, for listings.
pub fn options() -> &'static [OptionInfo] {
    table::OPTIONS
}

impl OptionName {
    /// What the table says of the option.
    pub fn info(self) -> &'static OptionInfo {
        // The table and the enum are made from the same rows in the same order.
        &table::OPTIONS[self as usize]
    }

    /// The option with this spelling, in any case and with `_` for `-`.
    pub fn from_spelling(word: &str) -> Option<Self> {
        let word = normal(word);
        let row = table::OPTIONS.iter().find(|o| o.spelling == word || o.aliases.contains(&word.as_str()))?;
        Some(row.name)
    }
}

impl OptionInfo {
    /// Every spelling, the canonical one first.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.spelling).chain(self.aliases.iter().copied())
    }
}

pub(super) fn normal(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "-")
}

/// The value of an option, typed when the address is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `fork`, `fork=1`, `fork=0`.
    Flag(bool),
    /// A whole number; 0x and 0 prefixes are hexadecimal and octal.
    Number(i64),
    /// Seconds with a fraction, or with a unit: `0.5`, `200ms`, `2m`.
    Time(Duration),
    /// How messages are told apart.
    Framing(Framing),
    /// Anything else.
    Text(String),
}

/// One option as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Which option.
    pub name: OptionName,
    /// Its value.
    pub value: Value,
}

/// The options of an address, in the order they were typed. Where one is given twice, the last counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options(Vec<Setting>);

impl Options {
    /// Adds a setting after the others. Nothing is checked: it is for options made by programs, with a
    /// value of the option's own type.
    pub fn push(&mut self, name: OptionName, value: Value) {
        self.0.push(Setting { name, value });
    }

    /// Whether `name` was given, with whatever value.
    pub fn has(&self, name: OptionName) -> bool {
        self.last(name).is_some()
    }

    /// Every setting, in the order typed.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    /// Whether a flag is on; an option that was not given is off.
    pub fn flag(&self, name: OptionName) -> bool {
        matches!(self.last(name), Some(Value::Flag(true)))
    }

    /// The number given for `name`.
    pub fn number(&self, name: OptionName) -> Option<i64> {
        match self.last(name)? {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The time given for `name`.
    pub fn time(&self, name: OptionName) -> Option<Duration> {
        match self.last(name)? {
            Value::Time(t) => Some(*t),
            _ => None,
        }
    }

    /// The framing given for `name`.
    pub fn framing(&self, name: OptionName) -> Option<&Framing> {
        match self.last(name)? {
            Value::Framing(framing) => Some(framing),
            _ => None,
        }
    }

    /// The text given for `name`.
    pub fn text(&self, name: OptionName) -> Option<&str> {
        match self.last(name)? {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The value given last for `name`.
    pub fn last(&self, name: OptionName) -> Option<&Value> {
        self.0.iter().rev().find(|s| s.name == name).map(|s| &s.value)
    }
}
