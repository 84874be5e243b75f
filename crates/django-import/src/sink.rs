//! What takes the rows that a reading hands out.

use serde_json::Value;

use super::target::Target;

/// Takes rows, table by table, each after those that it refers to.
pub(super) trait Sink {
    /// Takes a row: its values in the order of [`Target::spec`]'s columns, with the ids that it has in the file.
    fn row(&mut self, target: Target, values: Vec<Value>) -> anyhow::Result<()>;
}
