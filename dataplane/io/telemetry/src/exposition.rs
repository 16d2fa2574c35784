//! The two text forms of metrics.
//!
//! prometheus-client writes OpenMetrics 1.0. Readers that do not ask for it (curl, `promtool check
//! metrics`) get the older Prometheus text format 0.0.4, in which a counter's family carries the
//! suffix `_total` itself and exemplars do not exist.

/// Content type of OpenMetrics 1.0.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Content type of the Prometheus text format.
pub const PLAIN_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Rewrites what prometheus-client encoded as Prometheus text 0.0.4.
#[must_use]
pub fn plain_text(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len());
    let mut help: Option<(&str, &str)> = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (family, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, text)) = help.take().filter(|(name, _)| *name == family) {
                push_line(&mut out, &["# HELP ", family, suffix, " ", text]);
            }
            push_line(&mut out, &["# TYPE ", family, suffix, " ", kind]);
        } else if !line.starts_with('#') {
            push_line(&mut out, &[without_exemplar(line)]);
        }
    }
    out
}

/// Cuts ` # {trace_id="…"} 0.3` behind a sample. A label value may hold ` # ` too, so the mark is
/// looked for behind the closing brace of the labels.
fn without_exemplar(line: &str) -> &str {
    let labels_end = line
        .find('{')
        .map_or(0, |open| open + end_of_labels(&line[open..]));
    match line[labels_end..].find(" # ") {
        Some(at) => &line[..labels_end + at],
        None => line,
    }
}

/// Length of `{...}` at the start of `text`, minding quotes and escapes.
fn end_of_labels(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn push_line(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_gets_its_suffix_and_comments_of_open_metrics_go() {
        let open = "# HELP calls Calls ended.\n# TYPE calls counter\ncalls_total{tenant=\"a # b\"} 3\n\
                    # HELP setup_seconds Setup.\n# TYPE setup_seconds histogram\n# UNIT setup_seconds seconds\n\
                    setup_seconds_bucket{le=\"0.1\"} 1 # {id=\"x\"} 0.05\n# EOF\n";
        assert_eq!(
            plain_text(open),
            "# HELP calls_total Calls ended.\n# TYPE calls_total counter\ncalls_total{tenant=\"a # b\"} 3\n\
             # HELP setup_seconds Setup.\n# TYPE setup_seconds histogram\nsetup_seconds_bucket{le=\"0.1\"} 1\n"
        );
    }
}
