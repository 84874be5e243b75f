//! A record as one line, with the request that it belongs to.

use std::collections::BTreeMap;
use std::io::{self, Write};

use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use serde::Serialize;

use super::plain::{escaped, without_breaks};
use super::redaction::redacted;
use crate::config::LogFormat;
use crate::request_context;

/// A record as JSON.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    level: &'a str,
    target: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    revision: &'a str,
    /// What the record itself brings along, such as status and milliseconds.
    #[serde(flatten)]
    values: BTreeMap<String, serde_json::Value>,
}

/// Writes a record as a line.
pub(super) fn write(
    out: &mut impl Write,
    format: LogFormat,
    time: &str,
    record: &Record<'_>,
) -> io::Result<()> {
    let request = request_context::current();
    let message = record.args().to_string();
    let message = redacted(&message);
    match format {
        LogFormat::Text => {
            let (level, target) = (record.level(), record.target());
            write!(out, "{time} {level:<5} {target} {}", escaped(&message))?;
            if let Some(request) = request {
                write!(out, " [{} {}]", request.id, request.route)?;
            }
            // Of what a record brings along the message has everything but this.
            if let Some(backtrace) = record.key_values().get(Key::from("backtrace")) {
                write!(out, " | {}", escaped(&backtrace.to_string()))?;
            }
        }
        LogFormat::Json => {
            let mut values = Values::default();
            // A value that does not say what it is is left out; the message has it anyway.
            record.key_values().visit(&mut values).ok();
            let line = Line {
                time,
                level: record.level().as_str(),
                target: record.target(),
                message: without_breaks(&message).into_owned(),
                request_id: request.as_ref().map(|request| request.id.as_str()),
                route: request.as_ref().map(|request| request.route.as_str()),
                revision: env!("OC_REVISION"),
                values: values.0,
            };
            serde_json::to_writer(&mut *out, &line)?;
        }
    }
    out.write_all(b"\n")
}

/// The values of a record by name.
#[derive(Default)]
struct Values(BTreeMap<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Values {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let json = if let Some(number) = value.to_u64() {
            number.into()
        } else if let Some(number) = value.to_f64() {
            number.into()
        } else {
            let text = value.to_string();
            without_breaks(&redacted(&text)).into_owned().into()
        };
        self.0.insert(key.to_string(), json);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use log::Level;

    use super::*;
    use crate::request_context::RequestContext;

    fn line(format: LogFormat, message: &str, status: Option<u16>) -> String {
        let request = Arc::new(RequestContext {
            id: "abc-1".to_owned(),
            route: "/lettings/{id}/".to_owned(),
        });
        let mut bytes = Vec::new();
        let values = status.map(|status| ("status", status));
        request_context::carry(Some(request), || {
            write(
                &mut bytes,
                format,
                "now",
                &Record::builder()
                    .level(Level::Warn)
                    .target("web::x")
                    .args(format_args!("{message}"))
                    .key_values(&values)
                    .build(),
            )
        })
        .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_of_text_names_its_request() {
        assert_eq!(
            line(LogFormat::Text, "slow", None),
            "now WARN  web::x slow [abc-1 /lettings/{id}/]\n"
        );
    }

    #[test]
    fn a_line_of_json_has_every_field() {
        let line = line(LogFormat::Json, "slow", Some(200));

        let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            fields,
            serde_json::json!({
                "time": "now", "level": "WARN", "target": "web::x", "message": "slow", "request_id": "abc-1",
                "route": "/lettings/{id}/", "revision": env!("OC_REVISION"), "status": 200,
            })
        );
    }

    #[test]
    fn no_message_makes_a_second_line() {
        let forged = "a\r\nnow ERROR web b\u{2028}c\u{85}d\u{1b}[31m";

        let text = line(LogFormat::Text, forged, None);
        let json = line(LogFormat::Json, forged, None);

        assert!(
            text.contains(r"a\r\nnow ERROR web b\u{2028}c\u{85}d\u{1b}[31m"),
            "{text}"
        );
        for line in [text, json] {
            let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{1b}'];
            assert_eq!(line.matches(breaks).count(), 1, "{line}");
        }
    }
}
