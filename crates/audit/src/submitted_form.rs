//! Submitted forms: a form that is sent twice adds one row.

use chrono::{Duration, NaiveDateTime};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::locks::lock;
use sha2::{Digest, Sha256};

use crate::schema::submitted_forms;

/// How long a form is remembered.
const REMEMBERED: Duration = Duration::days(1);

/// A form that was sent, with its content.
#[derive(Debug)]
pub struct SubmittedForm {
    digest: String,
}

impl SubmittedForm {
    /// A form of a user for a model; `content` includes the form's random token.
    pub fn new(user_id: i64, model: &str, content: &str) -> Self {
        let digest = Sha256::digest(format!("{user_id}\0{model}\0{content}"));
        Self {
            digest: hex::encode(digest),
        }
    }

    /// The id of the row that this form has added. Locks out the same form until the end of the transaction, which this
    /// requires.
    pub fn find(&self, conn: &mut DbConnection) -> QueryResult<Option<i64>> {
        lock(conn, &self.digest, 0)?;
        submitted_forms::table
            .find(&self.digest)
            .select(submitted_forms::object_id)
            .first(conn)
            .optional()
    }

    /// Stores the row that this form has added. Requires a transaction.
    pub fn insert(
        &self,
        conn: &mut DbConnection,
        object_id: i64,
        now: NaiveDateTime,
    ) -> QueryResult<()> {
        let outdated = submitted_forms::table.filter(
            submitted_forms::submitted_at
                .lt(now - REMEMBERED)
                // The row has been deleted meanwhile.
                .or(submitted_forms::digest.eq(&self.digest)),
        );
        diesel::delete(outdated).execute(conn)?;
        diesel::insert_into(submitted_forms::table)
            .values((
                submitted_forms::digest.eq(&self.digest),
                submitted_forms::object_id.eq(object_id),
                submitted_forms::submitted_at.eq(now),
            ))
            .execute(conn)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;

    #[test]
    fn a_form_is_remembered_for_its_user_model_and_content() -> anyhow::Result<()> {
        on_both(|conn| {
            let now = chrono::DateTime::UNIX_EPOCH.naive_utc();
            let form = SubmittedForm::new(1, "a.b", "title=x");

            let before = form.find(conn)?;
            form.insert(conn, 7, now)?;
            form.insert(conn, 8, now)?;

            assert_eq!((before, form.find(conn)?), (None, Some(8)));
            for other in [
                SubmittedForm::new(2, "a.b", "title=x"),
                SubmittedForm::new(1, "a.c", "title=x"),
                SubmittedForm::new(1, "a.b", "title=y"),
            ] {
                assert_eq!(other.find(conn)?, None);
            }
            SubmittedForm::new(2, "a.b", "").insert(conn, 9, now + Duration::hours(25))?;
            assert_eq!(form.find(conn)?, None);
            Ok(())
        })
    }
}
