//! `openapi`: the description of what machines may ask (`OpenAPI` 3.1).

use serde_json::{Value, json};

/// Prints it as JSON.
pub(crate) fn run() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&description())?);
    Ok(())
}

fn description() -> Value {
    let answer = |content_type: &str, schema: Value, words: &str| json!({ "description": words, "content": { content_type: { "schema": schema } } });
    let text = |name: &str, words: &str| json!({ "name": name, "in": "query", "description": words, "schema": { "type": "string" } });
    let check = json!({ "type": "string", "enum": ["ok", "failed", "pending", "unknown"] });
    let readiness = json!({
        "type": "object",
        "required": ["status", "checks"],
        "properties": {
            "status": { "type": "string", "enum": ["ok", "failed"] },
            "checks": { "type": "object", "additionalProperties": check },
        },
    });
    let health = json!({
        "type": "object",
        "required": ["status", "revision", "version"],
        "properties": {
            "status": { "const": "ok" },
            "revision": { "type": "string", "description": "The commit that was built." },
            "version": { "type": "string" },
        },
    });
    let xml = json!({ "type": "string" });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Orange County Lettings", "version": env!("CARGO_PKG_VERSION") },
        "paths": {
            "/healthz": { "get": {
                "summary": "Whether the process is alive, and which one it is",
                "responses": { "200": answer("application/json", health, "It is alive.") },
            }},
            "/readyz": { "get": {
                "summary": "Whether requests can be answered, by named checks",
                "responses": {
                    "200": answer("application/json", readiness.clone(), "Every check is well."),
                    "503": answer("application/json", readiness, "A check fails; ask again later."),
                },
            }},
            "/lettings/feed/": { "get": {
                "summary": "The newest lettings of a search, as an Atom feed (RFC 4287)",
                "parameters": [
                    text("q", "Words that must all be found in title, street or city, in any case."),
                    text("city", "This town alone."),
                    text("state", "This state alone, by its two letters."),
                ],
                "responses": { "200": answer("application/atom+xml", xml.clone(), "At most 24 entries.") },
            }},
            "/sitemap.xml": { "get": {
                "summary": "Every public address, or the list of the map's parts",
                "responses": { "200": answer("application/xml", xml, "A sitemap or a sitemap index.") },
            }},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_says_what_it_answers() {
        let description = description();

        let paths = description["paths"].as_object().expect("it has paths");
        assert_eq!(paths.len(), 4);
        for (path, item) in paths {
            assert!(
                item["get"]["responses"]["200"]["content"].is_object(),
                "{path}"
            );
        }
    }
}
