//! File names that a server proposes (RFC 6266), made safe.

use super::fields::percent_decode;

/// The file name in a `Content-Disposition`, made [safe](safe_name); `filename*` (RFC 8187) goes first.
pub fn attachment_name(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let parameters = parameters(&text);
    let of = |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    let extended = of("filename*").and_then(|v| {
        let (charset, rest) = v.split_once('\'')?;
        let (_, escaped) = rest.split_once('\'')?;
        charset.eq_ignore_ascii_case("utf-8").then_some(())?;
        String::from_utf8(percent_decode(escaped)?).ok()
    });
    extended.as_ref().or_else(|| of("filename")).and_then(|name| safe_name(name))
}

/// A name that stays in the directory it is written to: the last part of a path of either kind, without
/// controls, not hidden. `None` where nothing is left.
pub fn safe_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    let visible = clean.trim_start_matches('.');
    let mut safe = if visible.len() < clean.len() { format!("_{visible}") } else { clean.to_owned() };
    // 255 bytes is what file systems take; some are kept for the name while it is being written.
    while safe.len() > 200 {
        safe.pop();
    }
    (!safe.is_empty() && safe != "_").then_some(safe)
}

/// `; name=value` pairs, values as tokens or quoted strings.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some((_, mut rest)) = text.split_once(';') else { return found };
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, next) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), next)
            }
        };
        found.push((name.trim_start_matches(';').trim().to_owned(), value));
        rest = next;
    }
    found
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
}
