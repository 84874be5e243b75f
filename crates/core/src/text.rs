//! Text normalisation for input and search.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Normalises one line of input: composed (NFC), line breaks turned into spaces, trimmed including invisible characters.
/// Text with nothing visible becomes empty.
pub fn normalize_line(text: &str) -> String {
    let line = text.replace("\r\n", "\n").replace(is_line_break, " ");
    trim(&line.nfc().collect::<String>()).to_owned()
}

/// Normalises text of several lines: each line as [`normalize_line`], tabs turned into spaces, and at most one blank line
/// in a row.
pub fn normalize_paragraphs(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.replace("\r\n", "\n").split(is_line_break) {
        let line = normalize_line(&line.replace('\t', " "));
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// Trims whitespace and invisible characters. Variation selectors and tags at the end belong to a visible character, but
/// not to a letter of ASCII.
pub fn trim(text: &str) -> &str {
    let start = text.trim_start_matches(|c| is_blank(c) || is_combining_mark(c) || is_selector(c));
    let trimmed = start.trim_end_matches(is_blank);
    let letter = start.trim_end_matches(|c| is_blank(c) || is_selector(c));
    if letter.ends_with(|c: char| c.is_ascii_alphabetic()) {
        letter
    } else {
        trimmed
    }
}

/// Whether a text contains a control character, or one that no text may contain: feeds would not be valid XML. Those for
/// the direction of text count: without their end, they reverse what follows on the page.
pub fn has_control(text: &str) -> bool {
    text.contains(|c| char::is_control(c) || is_bidi_control(c) || is_noncharacter(c))
}

/// Removes characters that are never visible from a search; line breaks and other spaces stay.
pub(crate) fn without_invisible(text: &str) -> String {
    let is_kept = |c: &char| c.is_whitespace() || !is_blank(*c);
    text.chars().filter(is_kept).collect()
}

/// Folds text for search: case, accents, letters that keyboards of other languages lack, full-width forms, ligatures and
/// typographic punctuation. PostgreSQL's function `fold` does the same.
pub fn fold(text: &str) -> String {
    // Compatibility turns ´ into a space with an accent.
    let quotes = text.chars().map(|c| if c == '´' { '\'' } else { c });
    let base = quotes.nfkd().filter(|c| !is_ignored_in_search(*c));
    let mut folded = String::with_capacity(text.len());
    for c in base.collect::<String>().to_lowercase().chars() {
        folded.push_str(match c {
            'ß' => "ss",
            'æ' => "ae",
            'œ' => "oe",
            'þ' => "th",
            'ø' => "o",
            'đ' | 'ð' => "d",
            'ł' => "l",
            'ħ' => "h",
            'ı' => "i",
            'ŧ' => "t",
            'ς' => "σ",
            '‘' | '’' | 'ʼ' | '`' | '′' => "'",
            '“' | '”' => "\"",
            '‐' | '–' | '—' | '−' => "-",
            _ => {
                folded.push(c);
                continue;
            }
        });
    }
    folded
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whitespace, and characters that are never visible.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{fffc}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}')
}

/// Embeddings, overrides and isolates of the bidirectional algorithm, and the deprecated characters beside them.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// The code points that Unicode keeps for internal use.
fn is_noncharacter(c: char) -> bool {
    u32::from(c) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// Variation selectors and tags: they modify the character before, such as an emoji.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

/// Combining diacritical marks, and characters that are never visible inside a word.
fn is_ignored_in_search(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_normalized() {
        for (typed, expected) in [
            ("  Pier House\n", "Pier House"),
            ("Pier\r\nHouse", "Pier House"),
            ("Pier\u{2028}House", "Pier House"),
            ("Cafe\u{301}", "Caf\u{e9}"),
            ("\u{200b}", ""),
            ("\u{2060}\u{feff} \u{3164}\u{2800}", ""),
            ("\u{fe0f}", ""),
            ("\u{301}", ""),
            ("\u{feff}Pier\u{200b}", "Pier"),
            ("Pier\u{200d}House", "Pier\u{200d}House"),
            ("I \u{2764}\u{fe0f}", "I \u{2764}\u{fe0f}"),
            ("\u{1f3f4}\u{e0067}\u{e007f}", "\u{1f3f4}\u{e0067}\u{e007f}"),
            ("\u{1d159}\u{13430}", ""),
            ("\u{202d}\u{206a}\u{e0041}", ""),
            ("\u{202a}Pier\u{202c}", "Pier"),
            // Pasted from a text with pictures, and from a chat.
            ("\u{fffc}", ""),
            ("C\u{fe0f}\u{200b}", "C"),
            ("C\u{e0020}", "C"),
            ("\u{845b}\u{e0100}", "\u{845b}\u{e0100}"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("a\tb", "a\tb"),
            ("a\0", "a\0"),
        ] {
            assert_eq!(normalize_line(typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn control_characters_are_found() {
        let texts = "a\u{7}b|a\u{1b}[31mb|a\u{9b}b|a\u{7f}b|a\tb|Pier \u{202e}gnp.exe|a\u{2067}b|\
                a\u{fffe}b|\u{fdd0}|\u{10ffff}";
        for text in texts.split('|') {
            assert!(has_control(text), "{text:?}");
        }
        assert!(!has_control("\u{5d1}\u{200f} \u{1f468}\u{200d}\u{1f469}"));
    }

    #[test]
    fn paragraphs_are_normalized() {
        assert_eq!(
            normalize_paragraphs(
                " \r\n Cafe\u{301}\tby the pier \r\nSea view\u{200b}\r\n \n\n\nGarden\n\n"
            ),
            "Caf\u{e9} by the pier\nSea view\n\nGarden"
        );
        assert_eq!(normalize_paragraphs("\n \u{200b}\n"), "");
    }

    /// Tatoeba/tatoeba2#1951, inveniosoftware/invenio#1681, gbhl/bhl-europe#36, kentcdodds/match-sorter#127,
    /// freelawproject/courtlistener#2790, tadashi-aikawa/obsidian-another-quick-switcher#23.
    #[test]
    fn search_text_is_folded() {
        for (text, folded) in [
            ("ÉMILE", "emile"),
            ("e\u{301}mile", "emile"),
            ("Straße STRAẞE", "strasse strasse"),
            ("Łódź Đà Ísafjörður", "lodz da isafjordur"),
            ("Ærø Œuvre Þingvellir", "aero oeuvre thingvellir"),
            ("Ħamrun Dıyarbakır İzmir", "hamrun diyarbakir izmir"),
            ("Ηλιόπολις ΗΛΙΌΠΟΛΙΣ", "ηλιοπολισ ηλιοπολισ"),
            ("O’Brien‘s “Pier”", "o'brien's \"pier\""),
            ("O´Brien O`Brien O′Brien", "o'brien o'brien o'brien"),
            ("Seal–Beach non‑stop", "seal-beach non-stop"),
            ("Ｐｉｅｒ ９２\u{a0}ﬂat", "pier 92 flat"),
            ("La\u{ad}gu\u{200b}na", "laguna"),
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }
}
