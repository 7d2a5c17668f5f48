//! The tables in docs/addresses.md are those of the code.

use std::fmt::Write as _;
use std::path::Path;

use crate::address::{Address, Groups, SHORTHANDS, keywords, options};

fn keyword_table() -> String {
    let mut out = "| keyword | parameters | also | what it is | groups |\n|---|---|---|---|---|\n".to_owned();
    for row in keywords() {
        let (parameters, also) = (code(row.parameters()), row.aliases.join(", "));
        writeln!(out, "| `{}` | {parameters} | {also} | {} | {} |", row.name, row.doc, row.groups)
            .expect("a String");
    }
    out
}

fn option_table() -> String {
    let mut out =
        "| option | also | value | what it does | socket option | groups |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for row in options() {
        let (also, socket) = (row.aliases.join(", "), code(row.socket.unwrap_or_default()));
        let groups = if row.groups == Groups::ANY { "any".to_owned() } else { row.groups.to_string() };
        writeln!(out, "| `{}` | {also} | {} | {} | {socket} | {groups} |", row.spelling, row.value, row.doc)
            .expect("a String");
    }
    out
}

fn shorthand_table() -> String {
    let mut out = "| short | stands for |\n|---|---|\n".to_owned();
    for (spelling, name, value) in SHORTHANDS {
        writeln!(out, "| `{spelling}` | `{}={value}` |", name.info().spelling).expect("a String");
    }
    out
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// With SOCKEYE_BLESS=1 in the environment the page is written anew.
#[test]
fn the_page_has_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/addresses.md");
    let page = std::fs::read_to_string(&path).expect("docs/addresses.md");
    let mut expected = page.clone();
    for (name, table) in
        [("keywords", keyword_table()), ("options", option_table()), ("shorthands", shorthand_table())]
    {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let from = expected.find(&begin).expect(&begin) + begin.len();
        let to = expected.find(&end).expect(&end);
        expected.replace_range(from..to, &table);
    }
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(&path, &expected).expect("docs/addresses.md can be written");
        return;
    }
    assert!(page == expected, "the tables are stale: run the test with SOCKEYE_BLESS=1");
}

#[test]
fn the_page_shows_a_real_error() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/addresses.md");
    let page = std::fs::read_to_string(&path).expect("docs/addresses.md");
    let error = Address::parse("tcp:host:80,nodelai").expect_err("no such option");
    assert!(page.contains(&error.diagram()));
}
