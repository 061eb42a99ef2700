//! Files of results.

use std::io::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sport_sdk::{Artifact, ArtifactWriter, Failure};
use sport_tabular::{Cell, Table};

use crate::workbook;

/// The formats that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Target {
    Csv,
    Json,
    Xlsx,
}

/// Writes rows to a new file, named after the one they are from.
pub fn save(
    table: &Table,
    columns: &[usize],
    rows: &[usize],
    target: Target,
    from: &Artifact,
    suffix: &str,
) -> Result<Artifact, Failure> {
    let name = |ending: &str| format!("{}{suffix}.{ending}", stem(from));
    match target {
        Target::Csv => {
            let mut file = ArtifactWriter::create("text/csv", Some(&name("csv")))?;
            csv(table, columns, rows, &mut file)?;
            file.finish()
        }
        Target::Json => {
            let mut file = ArtifactWriter::create("application/json", Some(&name("json")))?;
            json(table, columns, rows, &mut file)?;
            file.finish()
        }
        Target::Xlsx => {
            let bytes = workbook::write(table, columns, rows)?;
            let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            Artifact::create(&bytes, kind, Some(&name("xlsx")))
        }
    }
}

fn csv(table: &Table, columns: &[usize], rows: &[usize], file: &mut ArtifactWriter) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(columns.iter().map(|column| &table.columns()[*column].name))?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| table.row(*row)[*column].to_string()))?;
    }
    writer.flush()?;
    Ok(())
}

fn json(table: &Table, columns: &[usize], rows: &[usize], file: &mut ArtifactWriter) -> Result<(), Failure> {
    file.append(b"[")?;
    for (index, row) in rows.iter().enumerate() {
        file.append(if index == 0 { b"\n" } else { b",\n" })?;
        let fields: Map<String, Value> = columns
            .iter()
            .map(|column| (table.columns()[*column].name.clone(), Cell::to_json(&table.row(*row)[*column])))
            .collect();
        serde_json::to_writer(&mut *file, &fields)?;
    }
    file.write_all(b"\n]\n")?;
    Ok(())
}

/// The file's name without folder and ending.
fn stem(file: &Artifact) -> &str {
    let name = file.name.as_deref().unwrap_or("table");
    let name = name.rsplit('/').next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}
