//! Shell patterns as `fnmatch(3)` matches them with no flags but the one for any case.

/// Whether `text` matches `pattern`: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before any of them. Upper and
/// lower case are the same; `*` and `?` match slashes and leading dots too.
pub fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to try again after a mismatch: behind the last star, one character further in the text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&'*') {
            retry = Some((p + 1, t));
            p += 1;
            continue;
        }
        match (p < pattern.len(), t < text.len()) {
            (false, false) => return true,
            (true, true) => {
                if let Some(next) = one(&pattern, p, text[t]) {
                    (p, t) = (next, t + 1);
                    continue;
                }
            }
            _ => {}
        }
        match retry {
            Some((star, from)) if from < text.len() => {
                (p, t) = (star, from + 1);
                retry = Some((star, from + 1));
            }
            _ => return false,
        }
    }
}

/// Matches one character at `p`; the position behind what matched it.
fn one(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match pattern[p] {
        '?' => Some(p + 1),
        '[' => match set(pattern, p + 1, c) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            None => (c == '[').then_some(p + 1),
        },
        '\\' if p + 1 < pattern.len() => (pattern[p + 1] == c).then_some(p + 2),
        plain => (plain == c).then_some(p + 1),
    }
}

/// Reads a bracket expression from behind its `[`: whether it holds `c`, and where it ends. `None` if it
/// is never closed.
fn set(pattern: &[char], mut p: usize, c: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(p), Some('!' | '^'));
    p += usize::from(negated);
    let (mut found, mut first) = (false, true);
    loop {
        let mut from = *pattern.get(p)?;
        if from == ']' && !first {
            return Some((found != negated, p + 1));
        }
        first = false;
        if from == '\\' {
            p += 1;
            from = *pattern.get(p)?;
        }
        let to = match (pattern.get(p + 1), pattern.get(p + 2)) {
            (Some('-'), Some(to)) if *to != ']' => {
                p += 2;
                *to
            }
            _ => from,
        };
        found |= (from..=to).contains(&c);
        p += 1;
    }
}
