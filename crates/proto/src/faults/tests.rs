use super::*;

fn run(plan: Plan, seed: u64, n: u64) -> (Counts, Vec<(u64, u64)>) {
    let mut pipe = Pipe::new(plan, seed);
    let mut out = Vec::new();
    for i in 0..n {
        pipe.send(Time::after(Duration::from_millis(i)), i, vec![0; 1000]);
    }
    while let Some(at) = pipe.poll_timeout() {
        let (i, _) = pipe.poll(at).expect("its time has come");
        out.push((at.nanos(), i));
    }
    (pipe.counts(), out)
}

#[test]
fn a_seed_replays() {
    let plan = Plan {
        loss: 0.1,
        duplicate: 0.1,
        reorder: 0.1,
        reorder_by: Duration::from_millis(5),
        ..Plan::default()
    };
    assert_eq!(run(plan, 7, 1000), run(plan, 7, 1000));
    assert_ne!(run(plan, 7, 1000), run(plan, 8, 1000));
}

#[test]
fn rates_are_as_asked() {
    let near =
        |is: u64, want: f64| assert!((is as f64 - want * 1e5).abs() < want * 1e5 * 0.1, "{is} for {want}");
    let (counts, _) = run(Plan { loss: 0.02, corrupt: 0.05, duplicate: 0.03, ..Plan::default() }, 1, 100_000);
    near(counts.lost, 0.02);
    near(counts.corrupted, 0.05 * 0.98);
    near(counts.duplicated, 0.03 * 0.98);
    // Bad for begin / (begin + end) of the time, in runs of 1 / end.
    let burst = Some(Burst { begin: 0.01, end: 0.25, loss: 1.0 });
    let (counts, out) = run(Plan { burst, ..Plan::default() }, 1, 100_000);
    near(counts.lost, 0.01 / 0.26);
    let runs = out.windows(2).filter(|w| w[1].1 != w[0].1 + 1).count() as f64;
    assert!((counts.lost as f64 / runs - 4.0).abs() < 0.4, "mean burst {}", counts.lost as f64 / runs);
}

#[test]
fn order_changes_only_where_asked() {
    let sorted = |out: &[(u64, u64)]| out.windows(2).all(|w| w[0].1 < w[1].1);
    let jitter = Plan { jitter: Duration::from_millis(20), ..Plan::default() };
    assert!(sorted(&run(jitter, 3, 1000).1));
    let reorder = Plan { reorder: 0.1, reorder_by: Duration::from_millis(5), ..Plan::default() };
    let (counts, out) = run(reorder, 3, 1000);
    assert!(!sorted(&out) && counts.reordered > 50);
}

#[test]
fn a_bottleneck_delays_and_then_drops() {
    // 1000 bytes each millisecond into 500 bytes a millisecond: half of what comes beyond the queue is lost.
    let rate = Some(Rate { bytes: 500_000, queue: 10_000, overhead: 0 });
    let (counts, out) = run(Plan { rate, ..Plan::default() }, 3, 1000);
    assert!((480..=500).contains(&counts.overflowed), "{counts:?}");
    let longest = out.iter().map(|(at, i)| at - i * 1_000_000).max().expect("something came");
    assert!((20_000_000..=22_000_000).contains(&longest), "{longest}");
}

#[test]
fn holes_swallow() {
    assert_eq!(run(Plan { mtu: Some(999), ..Plan::default() }, 0, 10).0.swallowed, 10);
    assert_eq!(run(Plan { black_hole: true, ..Plan::default() }, 0, 10).0.swallowed, 10);
    assert_eq!(run(Plan { mtu: Some(1000), ..Plan::default() }, 0, 10).0.delivered, 10);
}
