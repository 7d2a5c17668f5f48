//! `-w`: curl's variables.

use super::Report;

/// Renders a format; the second text is for the standard error (`%{stderr}`).
pub(super) fn render(format: &str, report: &Report) -> (String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    let mut to_err = false;
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let here = if to_err { &mut err } else { &mut out };
        match (c, rest.chars().next()) {
            ('\\', Some(escape @ ('n' | 't' | 'r'))) => {
                here.push(match escape {
                    'n' => '\n',
                    't' => '\t',
                    _ => '\r',
                });
                rest = &rest[1..];
            }
            ('%', Some('%')) => {
                here.push('%');
                rest = &rest[1..];
            }
            ('%', Some('{')) if rest.contains('}') => {
                let (name, after) = rest[1..].split_once('}').unwrap_or((rest, ""));
                rest = after;
                match name {
                    "stderr" => to_err = true,
                    "stdout" => to_err = false,
                    "onerror" if report.error.is_none() => break,
                    "onerror" => {}
                    _ => match variable(name, report) {
                        Some(value) => here.push_str(&value),
                        None => here.push_str(&format!("[unknown --write-out variable: '{name}']")),
                    },
                }
            }
            ('%', Some('h')) if rest.starts_with("header{") && rest.contains('}') => {
                let (name, after) = rest["header{".len()..].split_once('}').unwrap_or((rest, ""));
                rest = after;
                let values = report.headers.get(&name.to_ascii_lowercase());
                here.push_str(values.and_then(|v| v.first()).map_or("", String::as_str));
            }
            (c, _) => here.push(c),
        }
    }
    (out, err)
}

fn variable(name: &str, report: &Report) -> Option<String> {
    let time = |seconds: f64| format!("{seconds:.6}");
    let timings = &report.timings;
    let (remote_ip, remote_port) = ends(&report.remote);
    let (local_ip, local_port) = ends(&report.local);
    Some(match name {
        "http_code" | "response_code" => format!("{:03}", report.status.unwrap_or(0)),
        "time_namelookup" => time(timings.name),
        "time_connect" => time(timings.connect),
        "time_appconnect" => time(timings.tls.unwrap_or(0.0)),
        "time_pretransfer" => time(timings.pretransfer),
        "time_starttransfer" => time(timings.first_byte),
        "time_redirect" => time(timings.redirect),
        "time_total" => time(timings.total),
        "size_download" => report.size_download.to_string(),
        "size_upload" => report.size_upload.to_string(),
        "size_header" => report.size_header.to_string(),
        "size_request" => report.size_request.to_string(),
        "speed_download" => report.speed(report.size_download).to_string(),
        "speed_upload" => report.speed(report.size_upload).to_string(),
        "remote_ip" => remote_ip,
        "remote_port" => remote_port,
        "local_ip" => local_ip,
        "local_port" => local_port,
        "num_connects" => report.connects.to_string(),
        "num_redirects" => report.redirects.to_string(),
        "num_headers" => report.headers.values().map(Vec::len).sum::<usize>().to_string(),
        "redirect_url" => report.redirect_url.clone().unwrap_or_default(),
        "url" => report.url.clone(),
        "url_effective" => report.url_effective.clone(),
        "urlnum" => (report.id - 1).to_string(),
        "method" => report.method.clone(),
        "http_version" => report.http_version.unwrap_or("0").into(),
        "scheme" => report.url_effective.split(':').next().unwrap_or_default().to_uppercase(),
        "content_type" => {
            report.headers.get("content-type").and_then(|v| v.first()).cloned().unwrap_or_default()
        }
        "filename_effective" => report.file.as_ref().map_or_else(String::new, |f| f.display().to_string()),
        "ssl_verify_result" => "0".into(),
        "exitcode" => report.error.as_ref().map_or(0, |e| e.exit_code).to_string(),
        "errormsg" => report.error.as_ref().map_or_else(String::new, |e| e.message.clone()),
        "json" => serde_json::to_string(report).ok()?,
        "header_json" => serde_json::to_string(&report.headers).ok()?,
        _ => return None,
    })
}

/// An address and a port of `127.0.0.1:80` or `[::1]:80`.
fn ends(socket: &str) -> (String, String) {
    match socket.parse::<std::net::SocketAddr>() {
        Ok(address) => (address.ip().to_string(), address.port().to_string()),
        Err(_) => (String::new(), "0".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(format: &str) -> (String, String) {
        let url = "http://user:secret@h.example/x".parse().expect("a URL");
        let mut report = Report::new(1, &sockeye::http::Request::get(url), true);
        report.status = Some(204);
        report.remote = "[::1]:8080".into();
        report.headers.insert("etag".into(), vec!["\"a\"".into()]);
        render(format, &report)
    }

    #[test]
    fn variables_escapes_and_the_rest() {
        assert_eq!(rendered("%{http_code}\\n\\t100%% %{remote_ip} %{remote_port}").0, "204\n\t100% ::1 8080");
        assert_eq!(rendered("%{time_total} %{url}").0, "0.000000 http://h.example/x");
        assert_eq!(rendered("%header{ETag}|%header{none}|é").0, "\"a\"||é");
        assert_eq!(rendered("%{nope}").0, "[unknown --write-out variable: 'nope']");
        assert_eq!(rendered("a%{stderr}b%{stdout}c%{onerror}d"), ("ac".into(), "b".into()));
        assert_eq!(rendered("100% %{open \\x %").0, "100% %{open \\x %");
    }
}
