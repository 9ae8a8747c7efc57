use std::collections::BTreeSet;

use super::*;
use crate::classify::{call_error_name, statement_error_name};

#[test]
fn every_code_of_a_call_has_its_name_with_and_without_its_ending() {
    for (code, name) in CALLS {
        assert_eq!(call_error_name(code, ""), name, "{code}");
        assert_eq!(call_error_name(&format!("{code}Exception"), ""), name, "{code}");
    }
}

#[test]
fn every_exception_of_the_data_api_is_in_the_table() {
    let exceptions = [
        "ActiveSessionsExceededException",
        "ActiveStatementsExceededException",
        "ActiveWaitingRequestsExceededException",
        "BatchExecuteStatementException",
        "DatabaseConnectionException",
        "ExecuteStatementException",
        "InternalServerException",
        "QueryTimeoutException",
        "ResourceNotFoundException",
        "ValidationException",
    ];
    for exception in exceptions {
        let plain = exception.trim_end_matches("Exception");
        assert!(CALLS.iter().any(|(code, _)| *code == plain), "{exception}");
    }
}

#[test]
fn an_unknown_error_is_not_retried() {
    assert_eq!(call_error_name("BrandNewException", "?"), StatementFailed);
    let name = statement_error_name("publish", "ERROR: something that nobody has seen");
    assert_eq!(name, StatementFailed);
}

#[test]
fn a_validation_error_is_what_its_message_says() {
    let cases = [
        ("Throttling: Rate exceeded (Service: RedshiftServerless)", WarehouseBusy),
        ("Rate exceeded", WarehouseBusy),
        ("Please reduce your request rate.", WarehouseBusy),
        ("Too many requests for the workgroup", WarehouseBusy),
        ("FATAL: sorry, too many connections", WarehouseBusy),
        ("There are too many active statements", WarehouseBusy),
        ("connection limit \"500\" exceeded for non-bootstrap users", WarehouseBusy),
        ("The workgroup is resuming", WarehouseUnreachable),
        ("Cluster is paused", WarehouseUnreachable),
        ("Cluster is pausing", WarehouseUnreachable),
        ("The cluster is rebooting", WarehouseUnreachable),
        ("Workgroup wg is in MODIFYING state", WarehouseUnreachable),
        ("The cluster is not available", WarehouseUnreachable),
        ("The endpoint is temporarily unavailable", WarehouseUnreachable),
        ("Connection attempt timed out.", WarehouseUnreachable),
        ("The request cannot be served now. Try again later.", WarehouseUnreachable),
        ("Redshift endpoint doesn't exist in this region.", InvalidConfiguration),
        ("Too many statements in a batch", InvalidConfiguration),
    ];
    let mut reached = BTreeSet::new();
    for (message, name) in cases {
        assert_eq!(call_error_name("ValidationException", message), name, "{message}");
        let lower = message.to_lowercase();
        reached.extend(WRAPPED.iter().position(|(part, _)| lower.contains(part)));
    }
    assert_eq!(reached.len(), WRAPPED.len(), "each row has its message");
}

/// A message for each row, in the row's order, and some that no row is for.
const MESSAGES: [(&str, ErrorName); 56] = [
    ("ERROR: Cannot insert a NULL value into column late_bounds_hold", TransactionConflict),
    ("ERROR: 1023 DETAIL: Violation on table - 1", TransactionConflict),
    ("ERROR: 1018 DETAIL: Relation does not exist", TransactionConflict),
    ("ERROR:1018 DETAIL: Relation does not exist", TransactionConflict),
    ("ERROR: Serializable isolation violation on table - 1", TransactionConflict),
    (
        "ERROR: could not complete because of conflict with concurrent transaction",
        TransactionConflict,
    ),
    ("ERROR: Table 1 dropped by concurrent transaction", TransactionConflict),
    ("ERROR: could not open relation with OID 1", TransactionConflict),
    ("ERROR: could not serialize access due to concurrent update", TransactionConflict),
    ("ERROR: deadlock detected", TransactionConflict),
    (
        "ERROR: Load into table 'staging_songs' failed.  Check 'sys_load_error_detail' system table for details.",
        LoadRejected,
    ),
    (
        "ERROR: Load into table 'x' failed. Check 'stl_load_errors' system table for details.",
        LoadRejected,
    ),
    (
        "ERROR: failed to inflate with gzip: invalid or incomplete deflate data. zlib error code: -3",
        LoadRejected,
    ),
    ("ERROR: failed to decompress zstd data", LoadRejected),
    ("ERROR: S3ServiceException:Wait.,Status 503,Error SlowDown,Rid 1", StatementInterrupted),
    ("ERROR: S3ServiceException:Please reduce your request rate.,Status 503", StatementInterrupted),
    (
        "ERROR: S3ServiceException:We encountered an internal error.,Status 500,Error InternalError",
        StatementInterrupted,
    ),
    ("ERROR: S3ServiceException:speed,Status 503,Error ServiceUnavailable", StatementInterrupted),
    ("ERROR: S3CurlException: Connection was lost, CurlError 28", StatementInterrupted),
    (
        "ERROR: User arn:aws:redshift:us-east-1:1:dbuser:a/b is not authorized to assume IAM Role arn:aws:iam::1:role/copy",
        InvalidConfiguration,
    ),
    (
        "ERROR: Not authorized to get credentials of role arn:aws:iam::1:role/copy",
        InvalidConfiguration,
    ),
    ("ERROR: S3ServiceException:Access Denied,Status 403,Error AccessDenied", SourceUnreadable),
    ("ERROR: S3 Query Exception (Fetch): s3://b/k", SourceUnreadable),
    ("ERROR: The specified S3 prefix 'x' does not exist", SourceUnreadable),
    ("ERROR: Mandatory url is not found", SourceUnreadable),
    ("ERROR: Problem reading manifest file - S3", SourceUnreadable),
    ("ERROR: Number of jsonpaths and the number of columns should match.", SourceUnreadable),
    ("ERROR: Query (1) cancelled on user's request", StatementAborted),
    ("ERROR: canceling statement due to user request", StatementAborted),
    ("ERROR: canceling statement due to statement timeout", StatementAborted),
    ("ERROR: Query timeout", StatementAborted),
    ("ERROR: Query (1) cancelled by WLM", StatementAborted),
    ("ERROR: Query aborted by Query Monitoring Rule", StatementAborted),
    ("FATAL: terminating connection due to administrator command", StatementAborted),
    ("ERROR: ThrottlingException", StatementInterrupted),
    ("ERROR: Rate exceeded", StatementInterrupted),
    ("FATAL: sorry, too many connections", StatementInterrupted),
    ("FATAL: connection limit \"500\" exceeded for non-superusers", StatementInterrupted),
    ("Connection refused. Check that the hostname and port are correct", StatementInterrupted),
    ("Connection timed out", StatementInterrupted),
    ("Connection reset by peer", StatementInterrupted),
    ("The connection was closed", StatementInterrupted),
    ("server closed the connection unexpectedly", StatementInterrupted),
    (
        "FATAL: terminating connection because of crash of another server process",
        StatementInterrupted,
    ),
    ("FATAL: the database system is starting up", StatementInterrupted),
    ("FATAL: the database system is shutting down", StatementInterrupted),
    ("The workgroup is resuming", StatementInterrupted),
    ("The cluster is paused", StatementInterrupted),
    ("ERROR: Disk Full", StatementFailed),
    ("ERROR: Query reached usage limit", StatementFailed),
    ("ERROR: Database response exceeded size limit", StatementFailed),
    ("ERROR: The result set exceeds 500 MB", StatementFailed),
    ("ERROR: permission denied for schema mart", StatementFailed),
    ("ERROR: syntax error at or near \"selekt\"", StatementFailed),
    ("ERROR: relation \"mart.sogns\" does not exist", StatementFailed),
    ("ERROR: Cannot insert a NULL value into column user_id", StatementFailed),
];

#[test]
fn every_reason_of_a_failed_statement_has_its_name() {
    for (message, name) in MESSAGES {
        assert_eq!(statement_error_name("publish", message), name, "{message}");
    }
    let reached: Vec<&str> =
        MESSAGES.iter().filter_map(|(message, _)| Some(reason_of(message)?.text)).collect();
    let rows: Vec<&str> = STATEMENTS.iter().map(|reason| reason.text).collect();
    assert_eq!(reached, rows, "each row has its message, and no other row takes it");
}

#[test]
fn conflicts_of_two_first_runs_are_retried_and_nothing_else_that_exists() {
    for message in [
        "ERROR: schema \"mart\" already exists",
        "ERROR: duplicate key value violates unique constraint \"pg_namespace_nspname_index\"",
    ] {
        assert_eq!(statement_error_name("create", message), TransactionConflict, "{message}");
        assert_eq!(statement_error_name("transform", message), StatementFailed, "{message}");
    }
}

#[test]
fn a_result_that_is_too_large_says_what_the_limits_are() {
    for message in ["Database response exceeded size limit", "the size limit is 65536 (64 KB)"] {
        let hint = reason_of(message).and_then(|reason| reason.hint).unwrap_or_default();
        assert!(hint.contains("500 MB") && hint.contains("64 KB"), "{message}: {hint}");
    }
}
