//! A set of integers as sorted, separate ranges.

use std::ops::Range;

/// Sorted ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RangeSet(Vec<Range<u64>>);

impl RangeSet {
    /// Adds `range`; gives how many of its members are new.
    pub(crate) fn insert(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        // The common case: the range grows or follows the last one.
        match self.0.last_mut() {
            None => {
                self.0.push(range.clone());
                return range.end - range.start;
            }
            Some(last) if last.end == range.start => {
                last.end = range.end;
                return range.end - range.start;
            }
            Some(last) if last.end < range.start => {
                self.0.push(range.clone());
                return range.end - range.start;
            }
            Some(_) => {}
        }
        let from = self.0.partition_point(|r| r.end < range.start);
        let to = self.0.partition_point(|r| r.start <= range.end);
        let (mut start, mut end, mut known) = (range.start, range.end, 0);
        for r in &self.0[from..to] {
            known += r.end.min(range.end).saturating_sub(r.start.max(range.start));
            start = start.min(r.start);
            end = end.max(r.end);
        }
        self.0.splice(from..to, std::iter::once(start..end));
        (range.end - range.start) - known
    }

    pub(crate) fn contains(&self, value: u64) -> bool {
        let i = self.0.partition_point(|r| r.end <= value);
        self.0.get(i).is_some_and(|r| r.start <= value)
    }

    /// Removes everything below `floor`.
    pub(crate) fn drop_below(&mut self, floor: u64) {
        self.0.retain(|r| r.end > floor);
        if let Some(first) = self.0.first_mut() {
            first.start = first.start.max(floor);
        }
    }

    /// The parts of `range` that are not in the set.
    pub(crate) fn missing(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let from = self.0.partition_point(|r| r.end <= range.start);
        let mut at = range.start;
        let mut known = self.0[from..].iter();
        std::iter::from_fn(move || {
            while at < range.end {
                let (start, end) = known.next().map_or((range.end, range.end), |r| (r.start, r.end));
                let gap = at..start.clamp(at, range.end);
                at = end.max(at);
                if !gap.is_empty() {
                    return Some(gap);
                }
            }
            None
        })
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// How many separate ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn max(&self) -> Option<u64> {
        self.0.last().map(|r| r.end - 1)
    }

    /// Removes the lowest range.
    pub(crate) fn pop_min(&mut self) -> Option<Range<u64>> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn like_a_set_of_integers(ops in proptest::collection::vec((0u64..60, 0u64..12), 1..40)) {
            let (mut set, mut model) = (RangeSet::default(), BTreeSet::new());
            for (start, len) in ops {
                let missing: Vec<u64> = set.missing(start..start + len).flatten().collect();
                let expected: Vec<u64> = (start..start + len).filter(|v| !model.contains(v)).collect();
                prop_assert_eq!(&missing, &expected);
                prop_assert_eq!(set.insert(start..start + len), expected.len() as u64);
                model.extend(start..start + len);
                prop_assert!((0..80).all(|v| set.contains(v) == model.contains(&v)));
                prop_assert!(set.0.windows(2).all(|w| w[0].end < w[1].start));
            }
        }
    }
}
