//! Sections about the data itself, added to a fetched page: rows by table, and charts of example
//! queries. The command line asks for them, never a run: what a run costs follows what is new, and
//! these read whole tables.

use minijinja::{Value, context};
use segue_page::environment;

use crate::{
    errors::{Outcome, Problem},
    warehouse::Warehouse,
};

/// The tables to count.
const TABLES: [&str; 5] = ["songplays", "users", "songs", "artists", "time"];
/// The queries to draw: each one's file, its text, and what its bars count. The columns before that
/// one name the bars.
const CHARTS: [(&str, &str, &str); 3] = [
    (
        "sql/examples/plays_by_hour.sql",
        include_str!("../../../sql/examples/plays_by_hour.sql"),
        "plays",
    ),
    ("sql/examples/top_songs.sql", include_str!("../../../sql/examples/top_songs.sql"), "plays"),
    ("sql/examples/top_cities.sql", include_str!("../../../sql/examples/top_cities.sql"), "plays"),
];
/// The most bars of a chart.
const BARS_MAX: usize = 24;

/// Asks the warehouse, and renders the sections.
///
/// # Errors
/// The warehouse's own message.
pub async fn section(warehouse: &Warehouse) -> Outcome<String> {
    let counts = TABLES.map(|table| {
        format!("select '{table}' as table_name, count(*) as counted from mart.{table}")
    });
    let rows = warehouse.query(&counts.join(" union all ")).await?;
    let counts: Vec<Vec<String>> = rows.texts().collect();
    let count = |table: &str| {
        let row = counts.iter().find(|row| row.first().is_some_and(|name| name == table));
        row.and_then(|row| row.get(1)?.parse::<u64>().ok()).unwrap_or_default()
    };
    let tables = TABLES.map(|name| context! { name, rows => count(name) });
    let mut charts = Vec::new();
    for (file, sql, counted) in CHARTS {
        let rows = warehouse.query(sql).await?;
        charts.extend(chart(file, sql, counted, rows.columns(), rows.texts()));
    }
    render(&tables, &charts)
}

fn render(tables: &[Value], charts: &[Value]) -> Outcome<String> {
    let wrong = |error: minijinja::Error| Problem::failed(format!("the page: {error:#}"));
    let environment = environment(&[("data.html", include_str!("data.html"))]).map_err(wrong)?;
    let asked_at = jiff::Timestamp::now().to_string();
    let template = environment.get_template("data.html").map_err(wrong)?;
    template.render(context! { tables, charts, asked_at }).map_err(wrong)
}

/// A chart of a query's rows; `None` if there are none. Its question is the query's first line.
fn chart(
    file: &str,
    sql: &str,
    counted: &str,
    columns: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) -> Option<Value> {
    let question = sql.lines().next()?.trim_start_matches("-- ");
    let position = columns.iter().position(|column| *column == counted)?;
    let named = columns[..position].join(", ").replace('_', " ");
    let bars: Vec<(String, u64)> = rows
        .take(BARS_MAX)
        .filter_map(|row| Some((row.get(..position)?.join(", "), row.get(position)?.parse().ok()?)))
        .collect();
    let most = bars.iter().map(|(_, number)| *number).max()?.max(1);
    let bars: Vec<Value> = bars
        .into_iter()
        .map(|(name, number)| {
            #[allow(clippy::cast_precision_loss, reason = "a bar has a few hundred pixels")]
            let width = format!("{:.2}", number as f64 * 100.0 / most as f64);
            context! { name, number, width }
        })
        .collect();
    Some(context! { file, question, counted, named, bars })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_row_and_shows_names_as_text() {
        let (file, sql, counted) = CHARTS[1];
        let columns = ["song_title", "artist_name", "plays"].map(str::to_owned);
        let row = |title: &str, plays: &str| vec![title.to_owned(), "a".into(), plays.into()];
        let rows = [row("<b>\u{202e}", "40"), row("t", "10")];
        let chart = chart(file, sql, counted, &columns, rows.into_iter()).expect("a chart");
        let page = render(&[], &[chart]).expect("renders");
        assert!(page.contains("<h3>Which songs are played most?</h3>"), "{page}");
        assert!(page.contains("<th scope=\"row\">&lt;b&gt;\\u202e, a</th>"), "{page}");
        assert!(
            page.contains("width=\"25.00%\"") && page.contains("aria-label=\"t, a: 10 plays\"")
        );
    }

    #[test]
    fn a_query_without_rows_or_without_its_count_has_no_chart() {
        let (file, sql, counted) = CHARTS[0];
        let columns = ["hour".to_owned(), "plays".to_owned()];
        assert!(chart(file, sql, counted, &columns, std::iter::empty()).is_none());
        let other = [columns[0].clone()];
        assert!(chart(file, sql, counted, &other, [vec!["1".to_owned()]].into_iter()).is_none());
    }
}
