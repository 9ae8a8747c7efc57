//! What the requests carry.

use serde::{Deserialize, Serialize};

use super::error::ApiError;

/// The warehouse, and the user to connect as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Connection {
    pub(crate) workgroup_name: Option<String>,
    pub(crate) cluster_identifier: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) db_user: Option<String>,
    pub(crate) secret_arn: Option<String>,
}

impl Connection {
    /// Exactly one warehouse must be named.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        match (&self.workgroup_name, &self.cluster_identifier) {
            (Some(_), Some(_)) => Err(ApiError::validation(
                "ClusterIdentifier and WorkgroupName cannot both be specified.",
            )),
            (None, None) => Err(ApiError::validation(
                "Either ClusterIdentifier or WorkgroupName must be specified.",
            )),
            (Some(_), None) if self.db_user.is_some() => {
                Err(ApiError::validation("DbUser cannot be specified with WorkgroupName."))
            }
            (Some(name), None) => check_workgroup(name),
            _ => Ok(()),
        }
    }
}

/// The length of a workgroup's name or ARN, in characters.
const WORKGROUP_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=128;

/// By the service's own pattern: a name in lower case, or an ARN, which ends in the workgroup's id.
fn check_workgroup(name: &str) -> Result<(), ApiError> {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let arn = |name: &str| {
        let parts: Vec<&str> = name.split(':').collect();
        let [_, partition, "redshift-serverless", region, account, resource] = parts[..] else {
            return false;
        };
        let id = resource.strip_prefix("workgroup/").unwrap_or_default();
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        partition.starts_with("aws")
            && plain(partition)
            && plain(region)
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && groups == [8, 4, 4, 4, 12]
            && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
    };
    let length = WORKGROUP_CHARACTERS.contains(&name.chars().count());
    if length && (plain(name) || name.starts_with("arn:") && arn(name)) {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "1 validation error detected: Value '{name}' at 'workgroupName' failed to satisfy \
         constraint: Member must be the name of a workgroup, of 3 to 128 lower-case letters, digits \
         and hyphens, or its ARN"
    )))
}

/// A named parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SqlParameter {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// `ExecuteStatement` and `BatchExecuteStatement`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Execute {
    #[serde(flatten)]
    pub(crate) connection: Connection,
    pub(crate) sql: Option<String>,
    pub(crate) sqls: Option<Vec<String>>,
    pub(crate) parameters: Option<Vec<SqlParameter>>,
    pub(crate) statement_name: Option<String>,
    pub(crate) client_token: Option<String>,
    pub(crate) result_format: Option<String>,
    pub(crate) execution_mode: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) session_keep_alive_seconds: Option<i64>,
    pub(crate) with_event: Option<bool>,
    /// The caller. The server writes it; a value in the request is ignored.
    #[serde(rename = "segue-caller")]
    pub(crate) caller: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) wait_time_seconds: Option<i64>,
}

impl Execute {
    /// The database user that runs it, and whether it is made at its first login. A secret's user is
    /// the administrator here.
    pub(crate) fn database_user(&self) -> Option<(&str, bool)> {
        match (&self.connection.db_user, &self.connection.secret_arn, &self.caller) {
            (Some(user), ..) => Some((user, false)),
            (None, Some(_), _) | (None, None, None) => None,
            (None, None, Some(user)) => Some((user, true)),
        }
    }
}

/// Requests about one statement.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ById {
    pub(crate) id: String,
    pub(crate) next_token: Option<String>,
    pub(crate) wait_time_seconds: Option<i64>,
}

/// `ListStatements`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListStatements {
    pub(crate) statement_name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) max_results: Option<usize>,
    pub(crate) next_token: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) workgroup_name: Option<String>,
    pub(crate) cluster_identifier: Option<String>,
}

/// `ListDatabases`, `ListSchemas`, `ListTables` and `DescribeTable`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    #[serde(flatten)]
    pub(crate) connection: Connection,
    pub(crate) schema: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) connected_database: Option<String>,
    pub(crate) schema_pattern: Option<String>,
    pub(crate) table_pattern: Option<String>,
    pub(crate) max_results: Option<usize>,
    pub(crate) next_token: Option<String>,
}
