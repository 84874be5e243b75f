//! Search terms.

use diesel::SqliteConnection;
use diesel::result::QueryResult;
use diesel::sql_types::Text;

use crate::text;

diesel::define_sql_function! {
    /// The text in lower case, in any script. SQLite's own `lower` knows ASCII alone, PostgreSQL's depends on
    /// the locale of the database. On PostgreSQL a migration creates this function.
    fn fold(text: Text) -> Text;
}

diesel::define_sql_function! {
    /// Lower case for the order of a list; both databases know the letters A to Z alone here, so both sort alike.
    fn lower(text: Text) -> Text;
}

/// Gives a SQLite connection its `fold`.
pub(crate) fn register_fold(conn: &mut SqliteConnection) -> QueryResult<()> {
    fold_utils::register_impl(conn, |text: String| text::fold(&text))
}

/// Longer searches are cut here (characters): enough for any title, and far below what a database refuses.
pub const LONGEST: usize = 200;

/// The words of a search. All of them must be found, in any case and any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchTerms(Vec<String>);

impl SearchTerms {
    /// Splits a search at blanks and at characters that no stored text can hold.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text: String = text.chars().take(LONGEST).collect();
        Self(
            text.split(|c: char| c.is_whitespace() || c.is_control())
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether there is nothing to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of them are in a text, in any case.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        let text = text::fold(text);
        self.0.iter().all(|term| text.contains(&text::fold(term)))
    }

    /// A pattern for each word, for `LIKE … ESCAPE '\'`: the word anywhere, its own wildcards taken literally.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|word| {
            let mut pattern = String::from("%");
            for c in word.chars() {
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
    fn words_are_split_at_blanks_and_nul() {
        assert_eq!(
            patterns("  sea\tview\u{a0}flat\0"),
            ["%sea%", "%view%", "%flat%"]
        );
        assert!(SearchTerms::parse(" \0\n").is_empty());
    }

    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(patterns(r"100%_\"), [r"%100\%\_\\%"]);
    }

    #[test]
    fn a_search_without_end_is_cut() {
        assert_eq!(
            patterns(&"é".repeat(100_000)),
            [format!("%{}%", "é".repeat(LONGEST))]
        );
    }

    #[test]
    fn both_databases_fold_like_rust() -> anyhow::Result<()> {
        on_both(|conn| {
            for text in [
                "\u{c9}mile",
                "E\u{301}MILE",
                "Stra\u{df}e 100%",
                "\u{397}\u{3bb}\u{3b9}\u{3cc}",
                "\u{d55c}",
            ] {
                let folded: String = diesel::select(fold(text)).get_result(conn)?;
                assert_eq!(folded, text::fold(text), "{text:?}");
            }
            Ok(())
        })
    }
}
