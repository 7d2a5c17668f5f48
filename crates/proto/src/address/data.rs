//! Bytes as socat writes them, for socket addresses and socket options that have no words of their own: pieces one
//! after another, each with a letter that says what it is.

/// The bytes that a text stands for, numbers in the byte order of this machine: `x` and pairs of hexadecimal digits,
/// `b`, `s`, `i` and `l` with a number of 1, 2, 4 or 8 bytes (capital: unsigned), `"text"`, `'c'`, and a number alone,
/// which is an `i`. Blanks may stand between them. `None` where it is none of that.
pub fn data(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        rest = piece(rest, &mut bytes)?.trim_start();
    }
    Some(bytes)
}

/// Takes one piece off the front.
fn piece<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let first = text.chars().next()?;
    let after = &text[first.len_utf8()..];
    match first {
        'x' => {
            let length = after.bytes().take_while(u8::is_ascii_hexdigit).count();
            let (digits, rest) = after.split_at(length);
            if length == 0 || length % 2 != 0 {
                return None;
            }
            let pairs = (0..length).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok());
            bytes.extend(pairs.collect::<Option<Vec<u8>>>()?);
            Some(rest)
        }
        '"' => {
            let (quoted, rest) = after.split_once('"')?;
            bytes.extend_from_slice(quoted.as_bytes());
            Some(rest)
        }
        '\'' => {
            let (quoted, rest) = after.split_once('\'')?;
            bytes.extend_from_slice(quoted.as_bytes());
            (quoted.chars().count() == 1).then_some(rest)
        }
        'b' | 'B' | 's' | 'S' | 'i' | 'I' | 'l' | 'L' => numeral(first, after, bytes),
        '-' | '0'..='9' => numeral('i', text, bytes),
        _ => None,
    }
}

fn numeral<'a>(letter: char, text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let sign = usize::from(text.starts_with('-'));
    let hex = text[sign..].starts_with("0x") || text[sign..].starts_with("0X");
    let digits = &text[sign + if hex { 2 } else { 0 }..];
    let length = digits.bytes().take_while(|b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() });
    let end = text.len() - digits.len() + length.count();
    let (number, rest) = text.split_at(end);
    let value = super::option::number(number)?;
    // Masks are written without a sign: either reading that fits will do.
    let wide = match letter.to_ascii_lowercase() {
        'b' => 1,
        's' => 2,
        'i' => 4,
        _ => 8,
    };
    let bits = 8 * wide as u32;
    let fits = bits == 64 || (-(1_i64 << (bits - 1))..1_i64 << bits).contains(&value);
    let all = value.to_ne_bytes();
    let part = if cfg!(target_endian = "little") { &all[..wide] } else { &all[8 - wide..] };
    bytes.extend_from_slice(part);
    fits.then_some(rest)
}

/// What `setsockopt` and its siblings take: `LEVEL:NAME:VALUE`, of which `value` makes the bytes.
pub(super) fn socket_option(
    text: &str,
    value: impl Fn(&str) -> Option<Vec<u8>>,
) -> Option<(i32, i32, Vec<u8>)> {
    let (level, rest) = text.split_once(':')?;
    let (name, data) = rest.split_once(':')?;
    let number = |text: &str| super::option::number(text).and_then(|n| i32::try_from(n).ok());
    Some((number(level)?, number(name)?, value(data)?))
}

/// An `int`, as C writes it, with or without a sign.
pub(super) fn c_int(text: &str) -> Option<Vec<u8>> {
    let number = super::option::number(text)?;
    let number = i32::try_from(number).ok().or_else(|| u32::try_from(number).ok().map(u32::cast_signed))?;
    Some(number.to_ne_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_one_after_another() {
        assert_eq!(data("x1F90x7f000001"), Some(vec![0x1f, 0x90, 127, 0, 0, 1]));
        assert_eq!(data("x00 \"/tmp\" 'a'"), Some(b"\0/tmpa".to_vec()));
        assert_eq!(data("7"), Some(7_i32.to_ne_bytes().to_vec()));
        assert_eq!(data("i-1"), Some((-1_i32).to_ne_bytes().to_vec()));
        assert_eq!(data("b255 s0x102"), Some([&[255][..], &0x102_i16.to_ne_bytes()].concat()));
        assert_eq!(data("l1I4294967295"), Some([&1_i64.to_ne_bytes()[..], &[255; 4]].concat()));
        assert_eq!(data(""), Some(Vec::new()));
        for wrong in ["x0", "xzz", "x", "\"open", "'ab'", "b256", "q", "1:2", "i", "é", "x1é"] {
            assert_eq!(data(wrong), None, "{wrong}");
        }
    }
}
