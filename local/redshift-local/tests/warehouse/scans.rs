//! What statements read, row group by row group.

use redshift_local::{Engine, Options, Scan};

/// Rows that the engine reads or skips as a whole.
const ROW_GROUP: u64 = 122_880;

#[tokio::test]
async fn a_statement_reads_the_row_groups_that_its_literals_do_not_exclude() {
    let engine = Engine::open(Options { records_scans: true, ..Options::default() });
    let engine = engine.expect("an empty warehouse opens");
    let digits = (0..10).map(|digit| format!("select {digit} as d"));
    let digits = digits.collect::<Vec<_>>().join(" union all ");
    // The name is a word of SQL, which the engine's profile has in quotes.
    let fill = format!(
        "create schema mart; create table mart.time (n bigint); create table few (n bigint); \
         insert into few values (3), (299999); \
         insert into mart.time with digits as ({digits}) select a.d + 10 * b.d + 100 * c.d \
         + 1000 * d.d + 10000 * e.d as n from digits a, digits b, digits c, digits d, digits e \
         order by n; \
         insert into mart.time select n + 100000 from mart.time order by n; \
         insert into mart.time select n + 200000 from mart.time where n < 100000 order by n"
    );
    engine.query(&fill).await.expect("rows");
    engine.take_scans();
    let whole = 300_000;
    let cases = [
        ("select count(*) from mart.time where n between 5 and 9", ROW_GROUP),
        (
            "select count(*) from mart.time where n between 5 and 9 or n between 130000 and 130009",
            whole,
        ),
        ("select count(*) from mart.time as t inner join few as f on t.n = f.n", whole),
        (
            "delete from mart.time using few as f where time.n = f.n and time.n between 5 and 9",
            ROW_GROUP,
        ),
    ];
    for (sql, rows_max) in cases {
        engine.query(sql).await.expect(sql);
        let scans = engine.take_scans();
        let read = scans.iter().filter(|scan| scan.table == "mart.time").map(|scan| scan.rows);
        let read: Vec<u64> = read.collect();
        assert_eq!(read.len(), 1, "{sql}: {scans:?}");
        assert!(read[0] <= rows_max, "{sql}: {scans:?}");
        assert!(rows_max < whole || read[0] == whole, "{sql}: {scans:?}");
    }
    assert_eq!(engine.take_scans(), [] as [Scan; 0]);
}
