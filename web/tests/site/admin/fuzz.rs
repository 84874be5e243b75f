//! Fuzzing of the admin by a superuser: malformed requests never get a 5xx.

use accounts::Group;
use anyhow::{Context, Result};
use fastrand::Rng;
use lettings::Letting;

use crate::fuzz::word;
use crate::http::Connection;
use crate::support::{TestSite, letting, profile};

use super::Browser;

const REQUESTS: usize = 5_000;

const MODELS: &str =
    "lettings/letting lettings/address profiles/profile auth/user auth/group auth/nothing";

const ROWS: &str = "1 2 3 0 -1 +1 1.0 x %00 %ff 9223372036854775807 9223372036854775808";

const ROW_PAGES: &str = "change/ change/ delete/ history/ password/ ? sessions/";

const LIST_PAGES: &str = "? ? add/ deleted/ import/ export/";

const OTHERS: &str =
    "? log/ log/export/ log/1/ log/x/ lettings/ password_change/ sessions/ autocomplete/ nowhere/";

const METHODS: &str = "GET GET GET GET POST POST POST POST POST PUT DELETE OPTIONS";

/// Names of fields and parameters, known and unknown.
const NAMES: &str =
    "q o p all action _selected_action select_across post _save _continue _addanother _version
    _resolve _asked merge_title merge_city restore _changelist_filters _popup _to_field _kept
    title address number street city state zip_code country_iso_code user favorite_city
    show_email username first_name email is_active is_staff is_superuser groups user_permissions
    last_login_0 last_login_1 date_joined_0 date_joined_1 name permissions address__state__exact
    groups__id__exact password1 password2 from to";

/// Percent-encoded values: valid, malformed, and attacks.
const VALUES: &str =
    "+ 0 1 2 -1 %2B1 007 1.5 1e3 0x10 2147483648 9223372036854775807 9223372036854775808
    99999999999999999999999 NaN on yes %00 a%00b %ff%fe %F0%9F%8F%96 % %zz CA USA Irvine
    2026-02-30 2026-01-02 %2B12345-01-01 0000-00-00 24:00:00 23:59:60 03:04 1.-2.3.-4 - %27%3B--
    %3Cscript%3E %3D1%2B1 ..%2F..%2F delete_selected export_selected mix lettings.view_letting";

/// Replacements for one character of the cookies.
const COOKIE_PARTS: &str = "a 0 = ; , . % %00 %ff \" + \u{e9} session= ;csrf= known=";

const CONTENT_TYPES: [&str; 6] = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=x",
    "application/json",
    "\u{e9}",
];

/// Random names and values, some of them several times.
fn random_form(random: &mut Rng, most: usize) -> String {
    let mut pairs = Vec::new();
    for _ in 0..random.usize(..most) {
        let value = match random.usize(..40) {
            0 => "a".repeat(20_000),
            1 => "%C3%A9".repeat(300),
            2 => String::new(),
            _ => word(random, VALUES).to_owned(),
        };
        pairs.push(format!("{}={value}", word(random, NAMES)));
    }
    pairs.join("&")
}

fn target(random: &mut Rng) -> String {
    let path = match random.usize(..10) {
        0 | 1 => word(random, OTHERS).to_owned(),
        2..=4 => format!("{}/{}", word(random, MODELS), word(random, LIST_PAGES)),
        _ => {
            let (model, row) = (word(random, MODELS), word(random, ROWS));
            format!("{model}/{row}/{}", word(random, ROW_PAGES))
        }
    };
    let query = match random.usize(..3) {
        0 => String::new(),
        // The head of a request has its own limit, which is tested elsewhere.
        _ => random_form(random, 5).chars().take(4_000).collect(),
    };
    format!("/admin/{path}?{query}")
}

fn body(random: &mut Rng, token: &str) -> Vec<u8> {
    let mut body = random_form(random, 12).into_bytes();
    match random.usize(..10) {
        0 => body.extend((0..200).map(|_| random.u8(..))),
        1 => {
            body = b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\xff\x00".to_vec();
        }
        2 => body = b"{\"title\": [".to_vec(),
        _ => {}
    }
    // Most forms have a valid CSRF token, so that they reach the handlers.
    if random.usize(..5) > 0 {
        body.extend(format!("&csrfmiddlewaretoken={token}").into_bytes());
    }
    body
}

/// Fills the site again, because some requests delete its rows.
fn fill(site: &TestSite, round: usize) -> Result<()> {
    let conn = &mut site.database()?;
    if Letting::count(conn)? < 3 {
        letting(conn, "Pier House")?;
    }
    profile(conn, &format!("guest{round}"))?;
    Group::insert(conn, &accounts::testing::group(&format!("group{round}")))?;
    Ok(())
}

#[test]
fn malformed_requests_never_cause_a_server_error() -> Result<()> {
    let mut random = Rng::with_seed(0x6164_6d69_6e69_7374);
    for site in TestSite::on_each()? {
        let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
        for round in 0..REQUESTS / 250 {
            fill(&site, round)?;
            // Some requests end the session or the account.
            let mut browser = Browser::superuser(&site, &format!("root{round}"))?;
            browser.get("/admin/password_change/")?;
            let mut connection = Connection::open(site.address())?;
            for _ in 0..250 {
                let (method, target) = (word(&mut random, METHODS), target(&mut random));
                let body = match method {
                    "POST" | "PUT" => body(&mut random, browser.token()),
                    _ => Vec::new(),
                };
                let mut cookies = browser.cookies();
                if random.usize(..10) == 0 {
                    let at = random.usize(..cookies.len());
                    cookies.replace_range(at..=at, word(&mut random, COOKIE_PARTS));
                }
                let head = format!(
                    "{method} {target} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\
                     Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
                    CONTENT_TYPES[random.usize(..6)],
                    body.len(),
                );
                let request = [head.as_bytes(), &body].concat();
                let describe = || format!("{method} {target}\n{}", body.escape_ascii());

                connection.write(&request).with_context(describe)?;
                let response = connection.response(true).with_context(describe)?;

                assert!(response.status < 500, "{}: {}", response.status, describe());
                *statuses.entry(response.status).or_default() += 1;
                if response.header("connection") == Some("close") {
                    connection = Connection::open(site.address())?;
                }
            }
        }
        assert_eq!(site.get("/")?.status, 200);
        // The requests reached the handlers: pages were shown, forms were saved, and forms were rejected.
        for status in [200, 303, 403, 404, 405, 422] {
            assert!(statuses.contains_key(&status), "{status}: {statuses:?}");
        }
    }
    Ok(())
}
