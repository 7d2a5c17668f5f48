//! What `sockeye frame` shows: a census of messages, guesses, damage.

use std::io::Write;

use sockeye_proto::framing::{Census, Framing, Guess, Half, SizeRange};

use super::{Failure, Out};

/// How wide the longest bar of the histogram is.
const BAR: u64 = 40;

#[derive(serde::Serialize)]
struct Checked<'a> {
    framing: &'a Framing,
    sound: bool,
    #[serde(flatten)]
    census: &'a Census,
}

/// The result of `--check`.
pub(crate) fn census(census: &Census, framing: &Framing, json: bool) -> Result<(), Failure> {
    let mut out = Out::stdout();
    if json {
        return out.json(&Checked { framing, sound: census.is_sound(), census });
    }
    writeln!(out, "framing   {framing}")?;
    let overhead =
        census.stream_bytes - census.bytes - census.skipped_bytes.min(census.stream_bytes - census.bytes);
    writeln!(out, "messages  {} ({} bytes; framing takes {overhead} more)", census.messages, census.bytes)?;
    if census.messages > 0 {
        let mean = census.bytes as f64 / census.messages as f64;
        writeln!(out, "sizes     {} to {} bytes, {mean:.1} on average", census.smallest, census.largest)?;
        histogram(&mut out, &census.sizes.ranges().collect::<Vec<_>>())?;
    }
    let faults = faults(census);
    for fault in &faults {
        writeln!(out, "fault     {fault}")?;
    }
    if census.late > 0 {
        writeln!(out, "note      {} came late: others overtook", messages(census.late))?;
    }
    if census.restarts > 0 {
        writeln!(out, "note      the sender started anew {} time(s)", census.restarts)?;
    }
    writeln!(out, "verdict   {}", if faults.is_empty() { "sound" } else { "not sound" })?;
    Ok(out.flush()?)
}

fn histogram(out: &mut Out, ranges: &[SizeRange]) -> Result<(), Failure> {
    let most = ranges.iter().map(|r| r.messages).max().unwrap_or(1).max(1);
    let labels: Vec<_> = ranges
        .iter()
        .map(|r| if r.from == r.to { r.from.to_string() } else { format!("{}-{}", r.from, r.to) })
        .collect();
    let width = labels.iter().map(String::len).max().unwrap_or(0);
    for (range, label) in ranges.iter().zip(labels) {
        let bar = "#".repeat((range.messages * BAR).div_ceil(most) as usize);
        writeln!(out, "  {label:>width$} {:>9} {bar}", range.messages)?;
    }
    Ok(())
}

/// Says on the standard error what a conversion had to skip; whether there was nothing.
pub(crate) fn damage(census: &Census, name: &str) -> bool {
    let faults = faults(census);
    for fault in &faults {
        // When even the standard error is closed, the exit code is all that is left to say.
        let _ = writeln!(std::io::stderr(), "sockeye: {name}: {fault}");
    }
    faults.is_empty()
}

fn faults(census: &Census) -> Vec<String> {
    let mut faults = Vec::new();
    if census.missing > 0 {
        faults.push(format!("{} never came", messages(census.missing)));
    }
    if census.corrupt > 0 {
        faults.push(format!("{} damaged frame(s)", census.corrupt));
    }
    if census.repeated > 0 {
        faults.push(format!("{} repeated frame(s)", census.repeated));
    }
    if let Some(first) = &census.first_skipped {
        let all = census.skipped_bytes;
        faults.push(format!("{all} bytes skipped, the first at byte {}: {}", first.at, first.why));
    }
    if let Some(Half { have, due, at }) = census.half {
        let due = due.map_or_else(String::new, |due| format!(" of {due}"));
        faults.push(format!("half a message at the end: {have}{due} bytes, from byte {at} on"));
    }
    faults.extend(census.error.clone());
    faults
}

fn messages(n: u64) -> String {
    format!("{n} message{}", if n == 1 { "" } else { "s" })
}

#[derive(serde::Serialize)]
struct Guessed<'a> {
    looked_at: usize,
    guesses: &'a [Guess],
}

/// The result of `--guess`.
pub(crate) fn guesses(guesses: &[Guess], looked_at: usize, json: bool) -> Result<(), Failure> {
    let mut out = Out::stdout();
    if json {
        return out.json(&Guessed { looked_at, guesses });
    }
    if guesses.is_empty() {
        writeln!(out, "no framing fits these {looked_at} bytes better than chance")?;
    }
    let width = guesses.iter().map(|g| g.framing.to_string().len()).max().unwrap_or(0);
    for guess in guesses {
        let Guess { framing, bits, messages: count, smallest, largest, covered, evidence } = guess;
        let trust = match bits {
            64.0.. => "strong",
            16.0.. => "likely",
            _ => "weak",
        };
        writeln!(
            out,
            "{:<width$}  {trust} ({bits:.0} bits): {} of {smallest} to {largest} bytes in {covered} of {looked_at} bytes",
            framing.to_string(),
            messages(*count as u64),
        )?;
        writeln!(out, "{:width$}  {evidence}", "")?;
    }
    Ok(out.flush()?)
}
