//! Log records on standard error, one per line, as text or JSON.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use chrono::{SecondsFormat, Utc};
use log::kv::{self, Key, VisitSource};
use log::{Level, Metadata, Record};
use oc_http::request_context;
use serde_json::{Map, Value};

use super::redact::redact_emails;
use crate::config::{Config, LogFormat};

/// The logger for `RUST_LOG` and `LOG_FORMAT`.
pub(super) fn logger(config: &Config) -> env_logger::Logger {
    let format = config.log_format;
    let with_priority = is_journal();
    env_logger::Builder::new()
        .parse_filters(&config.log_filter)
        .format(move |out, record| write_record(out, format, with_priority, record))
        .build()
}

/// Whether standard error is systemd's journal (`JOURNAL_STREAM` in `systemd.exec(5)`).
#[expect(
    clippy::disallowed_methods,
    reason = "a variable of systemd's protocol, not a setting"
)]
fn is_journal() -> bool {
    let stream = fs::metadata("/proc/self/fd/2").map(|fd| format!("{}:{}", fd.dev(), fd.ino()));
    stream.is_ok_and(|stream| std::env::var("JOURNAL_STREAM") == Ok(stream))
}

/// Records that are never logged, whatever `RUST_LOG` says.
pub(super) fn is_suppressed(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    // ureq traces the Sentry key; actix-http logs an error for each request head that is too large.
    (target.starts_with("ureq") && metadata.level() == Level::Trace)
        || target.starts_with("actix_http::h1")
}

fn write_record(
    out: &mut impl Write,
    format: LogFormat,
    with_priority: bool,
    record: &Record<'_>,
) -> io::Result<()> {
    if is_suppressed(record.metadata()) {
        return Ok(());
    }
    if with_priority {
        // Syslog priority, as `sd-daemon(3)` reads it.
        let priority = match record.level() {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        write!(out, "<{priority}>")?;
    }
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let (level, target) = (record.level(), record.target());
    let message = record.args().to_string();
    let message = redact_emails(&message);
    let request = request_context::current();
    match format {
        LogFormat::Text => {
            write!(out, "{time} {level:<5} {target} {}", single_line(&message))?;
            if let Some(request) = request {
                write!(out, " [{} {}]", request.id, request.route.name)?;
            }
        }
        LogFormat::Json => {
            let mut fields = JsonFields::default();
            let visited = record.key_values().visit(&mut fields);
            visited.map_err(io::Error::other)?;
            let mut set = |name: &str, value: &str| fields.0.insert(name.to_owned(), value.into());
            set("time", &time);
            set("level", level.as_str());
            set("target", target);
            set("message", &message);
            set("revision", env!("OC_REVISION"));
            if let Some(request) = request {
                set("request_id", &request.id);
                set("route", &request.route.name);
            }
            serde_json::to_writer(&mut *out, &fields.0)?;
        }
    }
    out.write_all(b"\n")
}

/// Escapes control characters, line separators and changes of text direction.
fn single_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The key-value pairs of a record.
#[derive(Default)]
struct JsonFields(Map<String, Value>);

impl<'kvs> VisitSource<'kvs> for JsonFields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        let number = value.to_u64().map(Value::from);
        let json = number
            .or_else(|| value.to_f64().map(Value::from))
            .unwrap_or_else(|| redact_emails(&value.to_string()).into());
        self.0.insert(key.to_string(), json);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oc_http::request_context::{RequestContext, Route};

    use super::*;

    fn line(format: LogFormat, target: &str, message: &str) -> String {
        let request = Arc::new(RequestContext {
            id: "abc-1".to_owned(),
            route: Route::new("/lettings/{id}/", false),
        });
        let mut bytes = Vec::new();
        request_context::run_with(Some(request), || {
            write_record(
                &mut bytes,
                format,
                false,
                &Record::builder()
                    .level(Level::Trace)
                    .target(target)
                    .args(format_args!("{message}"))
                    .key_values(&("status", 200))
                    .build(),
            )
        })
        .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_text_line_names_its_request() {
        let line = line(LogFormat::Text, "web::x", "slow for ada@example.org");

        let (_, rest) = line.split_once(' ').unwrap();
        assert_eq!(
            rest,
            "TRACE web::x slow for [email] [abc-1 /lettings/{id}/]\n"
        );
    }

    #[test]
    fn a_json_line_has_every_field() {
        let line = line(LogFormat::Json, "web::x", "slow for ada@example.org");

        let mut fields: Map<String, Value> = serde_json::from_str(&line).unwrap();
        assert!(fields.remove("time").is_some_and(|time| time.is_string()));
        let expected = serde_json::json!({
            "level": "TRACE", "target": "web::x", "message": "slow for [email]", "status": 200,
            "request_id": "abc-1", "route": "/lettings/{id}/", "revision": env!("OC_REVISION"),
        });
        assert_eq!(Value::from(fields), expected);
    }

    #[test]
    fn a_record_is_one_line() {
        let forged = "a\r\nnow ERROR web b\u{2028}c\u{1b}[31m";

        let text = line(LogFormat::Text, "web::x", forged);
        let json = line(LogFormat::Json, "web::x", forged);

        assert!(text.contains(r"a\r\nnow ERROR web b\u{2028}c\u{1b}[31m"));
        assert_eq!((text.lines().count(), json.lines().count()), (1, 1));
    }

    #[test]
    fn the_sentry_key_is_never_logged() {
        assert_eq!(
            line(LogFormat::Text, "ureq_proto::util", "X-Sentry-Auth"),
            ""
        );
    }
}
