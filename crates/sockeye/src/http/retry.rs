//! When a failed transfer is worth another try, and how long to wait before it.

use std::time::{Duration, SystemTime};

use super::{Failure, FailureKind};
use crate::proto::http::{HeaderMap, StatusCode, header};

/// How often and how patiently to try again.
#[derive(Debug, Clone)]
pub struct Retry {
    left: u32,
    fixed: Option<Duration>,
    next: Duration,
    until: Option<Duration>,
}

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(600);

impl Retry {
    /// `times` more tries, waiting `fixed` before each (or 1 s, 2 s, 4 s … up to ten minutes), not beginning
    /// one later than `until` after the start.
    pub fn new(times: u32, fixed: Option<Duration>, until: Option<Duration>) -> Self {
        Self { left: times, fixed, next: Duration::from_secs(1), until }
    }

    /// Whether a failure may go away by itself: the network's may, a wrong request or certificate does not.
    pub fn transient(failure: &Failure) -> bool {
        matches!(
            failure.kind,
            FailureKind::Timeout
                | FailureKind::Resolve
                | FailureKind::ResolveProxy
                | FailureKind::Connect
                | FailureKind::Partial
                | FailureKind::Empty
                | FailureKind::Send
                | FailureKind::Receive
        )
    }

    /// Whether a status says "not now".
    pub fn transient_status(status: StatusCode) -> bool {
        matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// How long the server asks to wait (`Retry-After`: seconds or a date, seen at `now`).
    pub fn asked(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
        let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
    }

    /// The wait before the next try, `elapsed` after the start; `None` where there is none.
    pub fn next(&mut self, asked: Option<Duration>, elapsed: Duration) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = match (asked, self.fixed) {
            (Some(asked), fixed) => asked.max(fixed.unwrap_or_default()),
            (None, Some(fixed)) => fixed,
            (None, None) => {
                let doubled = self.next.saturating_mul(2).min(LONGEST);
                std::mem::replace(&mut self.next, doubled)
            }
        };
        let start = elapsed.saturating_add(wait);
        self.until.is_none_or(|until| start <= until).then_some(wait)
    }

    /// The tries that are left.
    pub fn left(&self) -> u32 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_the_server_may_ask_for_more() {
        let secs = Duration::from_secs;
        let mut retry = Retry::new(4, None, None);
        let waits: Vec<_> = std::iter::from_fn(|| retry.next(None, secs(0))).collect();
        assert_eq!(waits, [secs(1), secs(2), secs(4), secs(8)]);
        let mut retry = Retry::new(2, Some(secs(3)), Some(secs(10)));
        assert_eq!(retry.next(Some(secs(7)), secs(0)), Some(secs(7)));
        assert_eq!(retry.next(None, secs(8)), None, "it would begin after ten seconds");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().expect("a value"));
            Retry::asked(&headers, now)
        };
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!((asked("soon"), asked("-1")), (None, None));
    }
}
