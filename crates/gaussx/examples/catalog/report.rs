//! What the closed forms say of a data set.

use std::io::Write;

use gaussx::prelude::*;

use crate::Failure;
use crate::data_set::{Class, DataSet};

/// Rows less likely than this under their own class are named.
const OUTLIER: f64 = 0.01;

/// One class under each of the three structures.
pub(crate) struct Fits {
    dense: MultivariateNormal<f64, DenseCovariance<f64>>,
    diagonal: MultivariateNormal<f64, DiagonalCovariance<f64>>,
    scaled: MultivariateNormal<f64, ScaledIdentity<f64>>,
}

/// Writes entropies, divergences, information, the cost of independence, and outliers.
pub(crate) fn write(page: &mut Vec<u8>, name: &str, data: &DataSet) -> Result<(), Failure> {
    let fits: Result<Vec<Fits>, String> = data.classes.iter().map(|c| fit(c, data)).collect();
    let fits = fits?;
    let rows: usize = data.classes.iter().map(|class| class.rows.len()).sum();
    let columns = data.columns.join(", ");
    writeln!(page, "\nData set {name}: {rows} rows of {columns}")?;
    entropies(page, data, &fits)?;
    divergences(page, data, &fits)?;
    information(page, data, &fits)?;
    cost_of_independence(page, data, &fits)?;
    outliers(page, data, &fits)
}

/// Maximum-likelihood fits; the message says what in the file leaves none.
fn fit(class: &Class, data: &DataSet) -> Result<Fits, String> {
    let (rows, line, columns) = (class.rows.len(), class.line, data.columns.len());
    let explain = |error: Error| match error {
        Error::InvalidParameter { .. } if rows <= columns => {
            format!(
                "{rows} rows of {columns} columns, a dense fit needs {}",
                columns + 1
            )
        }
        Error::NotPositiveDefinite { pivot, .. } => match data.columns.get(pivot) {
            Some(column) if pivot == 0 => format!("column {column} is constant"),
            Some(column) => format!("column {column} is constant or follows from those before it"),
            None => error.to_string(),
        },
        _ => error.to_string(),
    };
    fit_structures(class.points()).map_err(|error| {
        format!(
            "class {} (from line {line}): {}",
            class.label,
            explain(error)
        )
    })
}

fn fit_structures(points: MatRef<'_, f64>) -> Result<Fits, Error> {
    Ok(Fits {
        dense: gaussx::fit_dense(points)?,
        diagonal: gaussx::fit_diagonal(points)?,
        scaled: gaussx::fit_scaled_identity(points)?,
    })
}

fn entropies(page: &mut Vec<u8>, data: &DataSet, fits: &[Fits]) -> Result<(), Failure> {
    writeln!(page, "\nEntropy of each class, in nats")?;
    writeln!(
        page,
        "{:<20.19}{:>16}{:>16}{:>16}",
        "", "dense", "diagonal", "scaled identity"
    )?;
    for (class, fit) in data.classes.iter().zip(fits) {
        let (dense, diagonal) = (fit.dense.entropy()?, fit.diagonal.entropy()?);
        let scaled = fit.scaled.entropy()?;
        writeln!(
            page,
            "{:<20.19}{dense:16.6}{diagonal:16.6}{scaled:16.6}",
            class.label
        )?;
    }
    Ok(())
}

fn divergences(page: &mut Vec<u8>, data: &DataSet, fits: &[Fits]) -> Result<(), Failure> {
    writeln!(page, "\nKL(row ‖ column) between the dense fits, in nats")?;
    write!(page, "{:<20.19}", "")?;
    for class in &data.classes {
        write!(page, "{:>16.15}", class.label)?;
    }
    writeln!(page)?;
    for (class, p) in data.classes.iter().zip(fits) {
        write!(page, "{:<20.19}", class.label)?;
        for q in fits {
            write!(page, "{:16.6}", p.dense.kl_divergence(&q.dense)?)?;
        }
        writeln!(page)?;
    }
    Ok(())
}

fn information(page: &mut Vec<u8>, data: &DataSet, fits: &[Fits]) -> Result<(), Failure> {
    let Some((names, a, b)) = two_groups(&data.columns) else {
        return Ok(());
    };
    writeln!(page, "\nMutual information of {names}, in nats")?;
    for (class, fit) in data.classes.iter().zip(fits) {
        writeln!(
            page,
            "{:<20.19}{:16.6}",
            class.label,
            fit.dense.mutual_information(&a, &b)?
        )?;
    }
    Ok(())
}

/// Petals and sepals where the columns are named so, else the first half and the second.
fn two_groups(columns: &[String]) -> Option<(String, Vec<usize>, Vec<usize>)> {
    let named = |prefix: &str| -> Vec<usize> {
        (0..columns.len())
            .filter(|&j| columns[j].starts_with(prefix))
            .collect()
    };
    let (petals, sepals) = (named("petal"), named("sepal"));
    if !petals.is_empty() && !sepals.is_empty() {
        return Some(("petal and sepal measurements".to_owned(), petals, sepals));
    }
    let half = columns.len() / 2;
    let names = "the first half of the columns and the second".to_owned();
    (half > 0).then(|| (names, (0..half).collect(), (half..columns.len()).collect()))
}

fn cost_of_independence(page: &mut Vec<u8>, data: &DataSet, fits: &[Fits]) -> Result<(), Failure> {
    writeln!(page, "\nWhat independent coordinates cost, in nats")?;
    writeln!(
        page,
        "{:<20.19}{:>16}{:>16}",
        "", "forward KL(p‖d)", "reverse KL(d‖p)"
    )?;
    for (class, Fits { dense: p, .. }) in data.classes.iter().zip(fits) {
        let forward = p.kl_divergence(&p.forward_diagonal_fit()?)?;
        let reverse = p.reverse_diagonal_fit()?.kl_divergence(p)?;
        writeln!(page, "{:<20.19}{forward:16.6}{reverse:16.6}", class.label)?;
    }
    Ok(())
}

fn outliers(page: &mut Vec<u8>, data: &DataSet, fits: &[Fits]) -> Result<(), Failure> {
    writeln!(
        page,
        "\nRows with a Mahalanobis p-value below {OUTLIER} under the dense fit of their class"
    )?;
    let mut found = 0;
    for (class, fit) in data.classes.iter().zip(fits) {
        let p_values = fit.dense.mahalanobis_p_value_batch(class.points())?;
        for (row, &p_value) in class.rows.iter().zip(p_values.iter()) {
            if p_value < OUTLIER {
                found += 1;
                writeln!(page, "{:<20.19}row {row:<6} p = {p_value:.3e}", class.label)?;
            }
        }
    }
    if found == 0 {
        writeln!(page, "none")?;
    }
    Ok(())
}
