//! Words → [`Filter`]: the tokens, the states before the expression, and the grammar.

use std::collections::VecDeque;

use super::{Expr, Family, Filter, FilterError, Names, Order, Pattern, Predicate, Side, host};
use crate::diag::States;

/// How deep brackets and `not` may nest: what is deeper was not written by a person.
const MAX_DEPTH: usize = 64;

pub(super) fn filter<S: AsRef<str>>(
    arguments: &[S],
    family: Option<Family>,
    names: &dyn Names,
) -> Result<Filter, FilterError> {
    let mut words: VecDeque<String> = arguments.iter().flat_map(|a| split(a.as_ref())).collect();
    let states = states(&mut words)?;
    let mut parser = Parser { words, names, family, named: None, depth: 0 };
    let expr = match parser.words.is_empty() {
        true => None,
        false => Some(parser.either()?),
    };
    match parser.words.pop_front() {
        Some(word) => Err(FilterError::Unexpected(word, "no bracket is open")),
        None => Ok(Filter { states, family: parser.named, expr }),
    }
}

/// Splits at blanks; a backslash takes the next character as it is.
fn split(argument: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = argument.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn states(words: &mut VecDeque<String>) -> Result<Option<States>, FilterError> {
    let mut set: Option<States> = None;
    loop {
        let adds = match words.front().map(String::as_str) {
            Some("state") => true,
            Some("exclude" | "excl") => false,
            _ => return Ok(set),
        };
        words.pop_front();
        let word = words.pop_front().ok_or(FilterError::Unfinished("a state"))?;
        let named = States::named(&word).ok_or(FilterError::State(word))?;
        set = Some(match adds {
            true => set.unwrap_or(States::NONE).union(named),
            false => set.unwrap_or(States::ALL).without(named),
        });
    }
}

/// The words that begin a predicate with a value.
const SUBJECTS: [&str; 11] =
    ["dst", "src", "dport", "sport", "dev", "fwmark", "cgroup", "pid", "comm", "uid", "inode"];

/// Operators as symbols, longer ones first.
const SYMBOLS: [&str; 7] = ["==", "!=", ">=", "<=", "=", ">", "<"];

#[derive(Clone, Copy, PartialEq)]
enum Compare {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

impl Compare {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "=" | "==" | "eq" => Self::Equal,
            "!=" | "ne" | "neq" => Self::NotEqual,
            ">" | "gt" => Self::Greater,
            "<" | "lt" => Self::Less,
            ">=" | "ge" | "geq" => Self::GreaterOrEqual,
            "<=" | "le" | "leq" => Self::LessOrEqual,
            _ => return None,
        })
    }
}

struct Parser<'a> {
    words: VecDeque<String>,
    names: &'a dyn Names,
    /// How hosts without a prefix of their own are read.
    family: Option<Family>,
    /// The family that a host condition stands for.
    named: Option<Family>,
    depth: usize,
}

impl Parser<'_> {
    fn next_is(&self, any: &[&str]) -> bool {
        self.words.front().is_some_and(|w| any.contains(&w.as_str()))
    }

    fn either(&mut self) -> Result<Expr, FilterError> {
        let mut any = vec![self.all()?];
        while self.next_is(&["or", "|", "||"]) {
            self.words.pop_front();
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expr::Or(any) })
    }

    fn all(&mut self) -> Result<Expr, FilterError> {
        let mut all = vec![self.unary()?];
        while !self.words.is_empty() && !self.next_is(&["or", "|", "||", ")"]) {
            if self.next_is(&["and", "&", "&&"]) {
                self.words.pop_front();
            }
            all.push(self.unary()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn unary(&mut self) -> Result<Expr, FilterError> {
        let word = self.words.pop_front().ok_or(FilterError::Unfinished("a condition"))?;
        let word = self.detach(word);
        match word.as_str() {
            "not" | "!" => {
                self.deeper()?;
                let inner = self.unary()?;
                self.depth -= 1;
                Ok(Expr::Not(Box::new(inner)))
            }
            "(" => {
                self.deeper()?;
                let inner = self.either()?;
                self.depth -= 1;
                match self.words.pop_front() {
                    Some(close) if close == ")" => Ok(inner),
                    Some(other) => Err(FilterError::Unexpected(other, "a closing bracket should follow")),
                    None => Err(FilterError::Unfinished("a closing bracket")),
                }
            }
            "autobound" => Ok(Expr::Is(Predicate::Autobound)),
            subject if SUBJECTS.contains(&subject) => self.predicate(subject),
            _ => Err(FilterError::Unexpected(
                word,
                "a condition begins with src, dst, sport, dport, dev, fwmark, cgroup, autobound, pid, comm, \
                 uid or inode",
            )),
        }
    }

    fn deeper(&mut self) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(FilterError::TooDeep(MAX_DEPTH)) } else { Ok(()) }
    }

    /// Cuts what is written without blanks (`(sport=:22`, `!src`, `autobound)`): gives the first part and puts
    /// the others back.
    fn detach(&mut self, mut word: String) -> String {
        if let Some(rest) = word.strip_prefix(['(', '!'])
            && !rest.is_empty()
        {
            self.words.push_front(rest.to_owned());
            word.truncate(1);
            return word;
        }
        let subject = SUBJECTS
            .iter()
            .find(|s| word.strip_prefix(**s).is_some_and(|r| r.starts_with(['=', '!', '<', '>'])));
        if let Some(subject) = subject {
            self.words.push_front(word.split_off(subject.len()));
            return word;
        }
        self.close(word)
    }

    /// Puts closing brackets at the end of a word back, where one is open.
    fn close(&mut self, mut word: String) -> String {
        while word.len() > 1
            && word.ends_with(')')
            && self.depth > 0
            && word.matches(')').count() > word.matches('(').count()
        {
            word.pop();
            self.words.push_front(")".to_owned());
        }
        word
    }

    fn operator(&mut self) -> Option<Compare> {
        let word = self.words.front_mut()?;
        if let Some(compare) = Compare::of(word) {
            self.words.pop_front();
            return Some(compare);
        }
        let symbol = SYMBOLS.iter().find(|s| word.starts_with(**s))?;
        word.drain(..symbol.len());
        Compare::of(symbol)
    }

    fn value(&mut self, what: &'static str) -> Result<String, FilterError> {
        let word = self.words.pop_front().ok_or(FilterError::Unfinished(what))?;
        let word = self.close(word);
        let taken = ["not", "!", "and", "&", "&&", "or", "|", "||", "(", ")", "autobound"];
        if taken.contains(&word.as_str()) || SUBJECTS.contains(&word.as_str()) || Compare::of(&word).is_some()
        {
            return Err(FilterError::Unexpected(word, "a value should follow"));
        }
        Ok(word)
    }

    fn predicate(&mut self, subject: &str) -> Result<Expr, FilterError> {
        let compare = self.operator().unwrap_or(Compare::Equal);
        match (subject, compare) {
            ("dport" | "sport", _) => return self.port(subject, compare),
            (_, Compare::Equal) => {}
            ("dst" | "src", _) => {
                return Err(FilterError::Unexpected(subject.to_owned(), "it takes no operator but ="));
            }
            (_, Compare::NotEqual) => {}
            _ => {
                return Err(FilterError::Unexpected(subject.to_owned(), "it takes no operator but = and !="));
            }
        }
        let is = Expr::Is(match subject {
            "dst" => Predicate::Host(Side::Peer, self.host()?),
            "src" => Predicate::Host(Side::Local, self.host()?),
            _ => self.attribute(subject)?,
        });
        Ok(if compare == Compare::NotEqual { Expr::Not(Box::new(is)) } else { is })
    }

    fn attribute(&mut self, subject: &str) -> Result<Predicate, FilterError> {
        let value = self.value("a value")?;
        let number = |what| value.parse().map_err(|_| FilterError::Value { what, value: value.clone() });
        Ok(match subject {
            "dev" => Predicate::Device(
                self.names
                    .interface(&value)
                    .or_else(|| u32::try_from(host::integer(&value)?).ok())
                    .ok_or(FilterError::Device(value))?,
            ),
            "fwmark" => mark(&value).ok_or(FilterError::Mark(value))?,
            "cgroup" => Predicate::Cgroup(self.names.cgroup(&value).ok_or(FilterError::Cgroup(value))?),
            "pid" => Predicate::Pid(number("a process id")?),
            "inode" => Predicate::Inode(number("an inode")?),
            "uid" => match self.names.user(&value) {
                Some(uid) => Predicate::Uid(uid),
                None => Predicate::Uid(number("a user's number or name")?),
            },
            _ => Predicate::Comm(value),
        })
    }

    fn host(&mut self) -> Result<super::Host, FilterError> {
        let word = self.value("a host")?;
        let (host, family) = host::host(&word, self.family, self.names)?;
        self.remember(family);
        Ok(host)
    }

    fn port(&mut self, subject: &str, compare: Compare) -> Result<Expr, FilterError> {
        let side = if subject == "sport" { Side::Local } else { Side::Peer };
        let word = self.value("a port")?;
        let (port, family) = host::port(&word, self.family, self.names)?;
        self.remember(family);
        let equal = |port| {
            let address = match family.or(self.family) {
                Some(Family::Unix) => Pattern::Unix(word.clone()),
                _ => Pattern::Any,
            };
            Expr::Is(Predicate::Host(side, super::Host { address, port }))
        };
        let not = |e| Expr::Not(Box::new(e));
        let ordered = |order| match port {
            Some(port) => Ok(Expr::Is(Predicate::Port(side, order, port))),
            None => Err(FilterError::Port(word.clone())),
        };
        Ok(match compare {
            Compare::Equal => equal(port),
            Compare::NotEqual => not(equal(port)),
            Compare::GreaterOrEqual => ordered(Order::GreaterOrEqual)?,
            Compare::LessOrEqual => ordered(Order::LessOrEqual)?,
            Compare::Greater => not(ordered(Order::LessOrEqual)?),
            Compare::Less => not(ordered(Order::GreaterOrEqual)?),
        })
    }

    /// A host with a family decides what is shown, and how later hosts are read.
    fn remember(&mut self, family: Option<Family>) {
        if family.is_some() {
            (self.family, self.named) = (family, family);
        }
    }
}

fn mark(text: &str) -> Option<Predicate> {
    let number = |t| host::integer(t).and_then(|n| u32::try_from(n).ok());
    let (mark, mask) = match text.split_once('/') {
        Some((mark, mask)) => (number(mark)?, number(mask)?),
        None => (number(text)?, u32::MAX),
    };
    Some(Predicate::Mark { mark, mask })
}
