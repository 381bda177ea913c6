//! A numeric table with an optional column of labels, read from a CSV file.

use gaussx::faer::Mat;

/// The rows of one label, as the columns of a matrix.
pub(crate) struct Class {
    pub(crate) label: String,
    pub(crate) points: Mat<f64>,
    /// The number of each row in the file, its first data row being 1.
    pub(crate) rows: Vec<usize>,
}

/// A table split into classes, in the order in which their labels appear.
pub(crate) struct DataSet {
    pub(crate) path: String,
    pub(crate) columns: Vec<String>,
    pub(crate) classes: Vec<Class>,
}

impl DataSet {
    /// Reads a CSV with a header. The column whose first cell is no number, if there is
    /// one, holds the labels.
    pub(crate) fn read(path: &str) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| format!("{path}: {}", reason(&error)))?;
        let header = reader
            .headers()
            .map_err(|error| format!("{path}: {}", reason(&error)))?
            .clone();
        let mut records = Vec::new();
        for record in reader.records() {
            records.push(record.map_err(|error| format!("{path}: {}", reason(&error)))?);
        }
        let Some(first) = records.first() else {
            return Err(format!("{path}: no data rows below the header"));
        };
        let label_columns: Vec<usize> = (0..first.len())
            .filter(|&j| first[j].parse::<f64>().is_err())
            .collect();
        if let [_, second, ..] = label_columns[..] {
            let (name, cell) = (&header[second], &first[second]);
            return Err(format!(
                "{path}: line 2, column `{name}`: `{cell}` is not a number"
            ));
        }
        let label_column = label_columns.first().copied();
        let numeric: Vec<usize> = (0..header.len())
            .filter(|&j| Some(j) != label_column)
            .collect();
        if numeric.is_empty() {
            return Err(format!("{path}: no numeric column"));
        }

        let mut classes: Vec<(String, Vec<f64>, Vec<usize>)> = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let label = label_column.map_or("all", |j| &record[j]);
            let known = classes.iter().position(|(name, ..)| name == label);
            let class = known.unwrap_or_else(|| {
                classes.push((label.to_owned(), Vec::new(), Vec::new()));
                classes.len() - 1
            });
            let (_, values, rows) = &mut classes[class];
            rows.push(index + 1);
            for &j in &numeric {
                values.push(number(&record[j]).ok_or_else(|| {
                    let line = record.position().map_or(index + 2, |p| {
                        usize::try_from(p.line()).unwrap_or(index + 2)
                    });
                    let (name, cell) = (&header[j], &record[j]);
                    format!("{path}: line {line}, column `{name}`: `{cell}` is not a finite number")
                })?);
            }
        }
        let d = numeric.len();
        let class = |(label, values, rows): (String, Vec<f64>, Vec<usize>)| Class {
            label,
            points: Mat::from_fn(d, rows.len(), |i, j| values[j * d + i]),
            rows,
        };
        Ok(Self {
            path: path.to_owned(),
            columns: numeric.iter().map(|&j| header[j].to_owned()).collect(),
            classes: classes.into_iter().map(class).collect(),
        })
    }
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The csv crate's message, on one line and with the line number in front.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} cells, the header {expected_len}")
        }
        _ => error.to_string().replace('\n', " "),
    }
}
