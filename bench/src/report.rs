//! Results as a table, as JSON, and as docs/performance.md with a chart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A ratio that is lower than before by more than this share counts as slower.
const TOLERANCE: f64 = 0.1;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) measurements: Vec<Measurement>,
    /// A line for each site.
    pub(crate) memory: Vec<String>,
}

/// Medians over all rounds.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) database: String,
    pub(crate) lettings: u32,
    pub(crate) request: String,
    pub(crate) connections: u32,
    pub(crate) saves: u32,
    /// Requests per second.
    pub(crate) rate: f64,
    pub(crate) bare_rate: f64,
    pub(crate) ratio: f64,
    /// Latency in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) bare_p99: f64,
    /// CPU time per request in microseconds.
    pub(crate) cpu: f64,
    pub(crate) bare_cpu: f64,
}

const HEADER: &str = "| site | request | connections | requests/s | bare actix | ratio | p50 ms | p99 ms | bare p99 ms | CPU µs | bare CPU µs |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

pub(crate) fn lettings(number: u32) -> String {
    match number {
        0 => "demo data".to_owned(),
        number => format!("{number} lettings"),
    }
}

impl Measurement {
    fn site(&self) -> String {
        let site = format!("{}, {}", self.database, lettings(self.lettings));
        match self.saves {
            0 => site,
            saves => format!("{site}, {saves} saves/s"),
        }
    }

    fn key(&self) -> String {
        let Self {
            request,
            connections,
            ..
        } = self;
        format!("{}: {request}, {connections} connections", self.site())
    }

    pub(crate) fn row(&self) -> String {
        let Self {
            request,
            connections,
            rate,
            bare_rate,
            ratio,
            p50,
            p99,
            bare_p99,
            cpu,
            bare_cpu,
            ..
        } = self;
        format!(
            "| {} | {request} | {connections} | {rate:.0} | {bare_rate:.0} | {ratio:.3} | {p50:.2} | {p99:.2} | {bare_p99:.2} | {cpu:.1} | {bare_cpu:.1} |",
            self.site()
        )
    }
}

impl Report {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// A Markdown table.
    pub(crate) fn table(&self) -> String {
        let rows: Vec<_> = self.measurements.iter().map(Measurement::row).collect();
        format!(
            "{HEADER}{}\n\nMemory:\n\n- {}",
            rows.join("\n"),
            self.memory.join("\n- ")
        )
    }

    /// What has a lower ratio than in an earlier run.
    pub(crate) fn slower_than(&self, earlier: &Self) -> Vec<String> {
        let slower = self.measurements.iter().filter_map(|now| {
            let before = earlier
                .measurements
                .iter()
                .find(|before| before.key() == now.key())?;
            let (ratio, was) = (now.ratio, before.ratio);
            let is_slower = ratio < was * (1.0 - TOLERANCE);
            is_slower.then(|| format!("{}: {was:.3} → {ratio:.3}", now.key()))
        });
        slower.collect()
    }

    /// Writes performance.md and performance.svg.
    pub(crate) fn write_docs(&self, folder: &Path) -> Result<()> {
        let text = format!(
            "# Performance\n\n\
             Requests per second of the site, as a ratio to a bare actix-web server that sends the same bytes from \
             memory. The site is the program of the image. Both run on the same cores and take turns; the figures are \
             medians. Only ratios are comparable between machines. `cargo xtask bench --write` writes this page.\n\n\
             ![Ratios to bare actix-web with the most connections](performance.svg)\n\n{}\n",
            self.table()
        );
        fs::write(folder.join("performance.md"), text)?;
        Ok(fs::write(folder.join("performance.svg"), self.chart())?)
    }

    /// A bar for each measurement with the most connections.
    fn chart(&self) -> String {
        let most = self.measurements.iter().map(|each| each.connections).max();
        let shown = self
            .measurements
            .iter()
            .filter(|each| Some(each.connections) == most);
        let shown: Vec<_> = shown.collect();
        let height = 20 * shown.len() + 30;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"800\" height=\"{height}\" fill=\"#fff\"/>\n\
             <line x1=\"700\" x2=\"700\" y1=\"5\" y2=\"{height}\" stroke=\"#888\"/>\n\
             <text x=\"695\" y=\"15\" text-anchor=\"end\">bare actix-web = 1</text>\n"
        );
        for (index, each) in shown.iter().enumerate() {
            let y = 20 * index + 25;
            let width = (each.ratio * 300.0).min(390.0);
            writeln!(
                svg,
                "<text x=\"390\" y=\"{}\" text-anchor=\"end\">{}: {}</text>\
                 <rect x=\"400\" y=\"{y}\" width=\"{width:.1}\" height=\"14\" fill=\"#2a6f97\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{:.3}</text>",
                y + 12,
                each.site(),
                each.request,
                405.0 + width,
                y + 12,
                each.ratio
            )
            .expect("a string accepts all text");
        }
        svg + "</svg>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ratio: f64) -> Report {
        let measurement = Measurement {
            request: "home, gzip".to_owned(),
            ratio,
            ..Measurement::default()
        };
        Report {
            measurements: vec![measurement],
            memory: Vec::new(),
        }
    }

    #[test]
    fn only_a_clearly_lower_ratio_is_slower() {
        assert!(report(0.91).slower_than(&report(1.0)).is_empty());
        assert_eq!(report(0.89).slower_than(&report(1.0)).len(), 1);
    }
}
