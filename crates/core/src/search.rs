//! Search terms.

use std::collections::BTreeSet;

use diesel::SqliteConnection;
use diesel::result::QueryResult;
use diesel::sql_types::Text;

use crate::text;

diesel::define_sql_function! {
    /// Folds text for search as [`text::fold`] does. SQLite's own `lower` only knows ASCII, PostgreSQL's depends on the
    /// locale of the database. On PostgreSQL a migration creates this function.
    fn fold(text: Text) -> Text;
}

diesel::define_sql_function! {
    /// Lower case for sorting. Only A to Z, on both databases, so that both sort alike.
    fn lower(text: Text) -> Text;
}

/// Registers `fold` on a SQLite connection.
pub(crate) fn register_fold(conn: &mut SqliteConnection) -> QueryResult<()> {
    fold_utils::register_impl(conn, |text: String| text::fold(&text))
}

/// Maximum length of a search, in characters: enough for any title, and far below the limits of the databases.
pub const LONGEST: usize = 200;

/// Terms of a search. All must match, in any case and order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchTerms(Vec<String>);

impl SearchTerms {
    /// Splits a search at whitespace and at characters that no stored text contains. Words that are blank once they are
    /// folded are ignored.
    pub fn parse(text: &str) -> Self {
        let text: String = text::without_invisible(text)
            .chars()
            .take(LONGEST)
            .collect();
        Self(
            text.split(|c: char| c.is_whitespace() || c.is_control())
                .filter(|word| !text::fold(word).trim().is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether the search is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A query for SQLite's trigram index without positions, which finds at least what matches; `None` if no
    /// term has three characters.
    pub fn trigrams(&self) -> Option<String> {
        let mut trigrams = BTreeSet::new();
        for term in &self.0 {
            let chars: Vec<char> = text::fold(term).chars().collect();
            trigrams.extend(chars.windows(3).map(|window| {
                let trigram: String = window.iter().collect();
                format!("\"{}\"", trigram.replace('"', "\"\""))
            }));
        }
        let trigrams: Vec<String> = trigrams.into_iter().collect();
        (!trigrams.is_empty()).then(|| trigrams.join(" AND "))
    }

    /// A pattern per term for folded text and `LIKE … ESCAPE '\'`, with the term's own wildcards escaped.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|word| {
            let mut pattern = String::from("%");
            for c in text::fold(word).chars() {
                if matches!(c, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(c);
            }
            pattern.push('%');
            pattern
        })
    }
}

impl std::fmt::Display for SearchTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;
    use crate::testing::on_both;

    fn patterns(text: &str) -> Vec<String> {
        SearchTerms::parse(text).patterns().collect()
    }

    #[test]
    fn terms_are_split_at_whitespace_and_nul() {
        assert_eq!(
            patterns("  sea\tview\u{a0}flat\0"),
            ["%sea%", "%view%", "%flat%"]
        );
        assert!(SearchTerms::parse(" \0\n").is_empty());
    }

    #[test]
    fn invisible_characters_are_ignored() {
        assert_eq!(
            patterns("\u{feff}sea\u{200b} vi\u{ad}ew"),
            ["%sea%", "%view%"]
        );
        assert_eq!(
            patterns("laguna\u{202f}beach\u{2028}"),
            ["%laguna%", "%beach%"]
        );
        assert!(SearchTerms::parse("\u{200b}\u{2060} \u{301} \u{a8}").is_empty());
    }

    #[test]
    fn wildcards_are_escaped() {
        assert_eq!(patterns(r"100%_\"), [r"%100\%\_\\%"]);
        assert_eq!(patterns("％＿＼"), [r"%\%\_\\%"]);
    }

    #[test]
    fn a_long_search_is_truncated() {
        assert_eq!(
            patterns(&"é".repeat(100_000)),
            [format!("%{}%", "e".repeat(LONGEST))]
        );
    }

    #[test]
    fn both_databases_fold_like_rust() -> anyhow::Result<()> {
        on_both(|conn| {
            for text in [
                "\u{c9}mile",
                "E\u{301}MILE",
                "Straße STRAẞE 100%",
                "Ηλιόπολις ΗΛΙΌΠΟΛΙΣ Σ",
                "Łódź Đà ÆRØ Œuvre Þorlákshöfn Ísafjörður",
                "Ħamrun Ŧ Dıyarbakır İzmir I",
                "O’B ‘ʼ´`′″\u{1fef}\u{1ffd} “Pier” ‐–—−\u{2011}",
                "Ｐｉｅｒ ９２\u{a0}ﬂat ½ ㈱ ǆ",
                "La\u{ad}gu\u{200b}na\u{200d}\u{2060}\u{feff}",
                "\u{d55c}",
            ] {
                let folded: String = diesel::select(fold(text)).get_result(conn)?;
                assert_eq!(folded, text::fold(text), "{text:?}");
            }
            Ok(())
        })
    }
}
