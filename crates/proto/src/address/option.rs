//! The options of addresses: names, the type of value each takes, and typed access to what was given.

use std::time::Duration;

/// A known option. Spellings, aliases, value types and the kinds that take each are in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is documented in the option table, which users see")]
pub enum OptionName {
    Fork,
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

    /// The text given for `name`.
    pub fn text(&self, name: OptionName) -> Option<&str> {
        match self.last(name)? {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    fn last(&self, name: OptionName) -> Option<&Value> {
        self.0.iter().rev().find(|s| s.name == name).map(|s| &s.value)
    }
}
