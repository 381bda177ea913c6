//! What the closed forms say of a data set.

use gaussx::prelude::*;

use crate::data_set::{Class, DataSet};

/// Rows less likely than this under their own class are named.
const OUTLIER: f64 = 0.01;

/// One class under each of the three structures.
pub(crate) struct Fits {
    dense: MultivariateNormal<f64, DenseCovariance<f64>>,
    diagonal: MultivariateNormal<f64, DiagonalCovariance<f64>>,
    scaled: MultivariateNormal<f64, ScaledIdentity<f64>>,
}

/// Maximum-likelihood fits of every class; the message names the class that has none.
pub(crate) fn fit_all(data: &DataSet) -> Result<Vec<Fits>, String> {
    let fit = |class: &Class| {
        fit(class).map_err(|error| {
            let (path, label, rows) = (&data.path, &class.label, class.rows.len());
            let columns = data.columns.len();
            format!("{path}: class `{label}` ({rows} rows of {columns} columns): {error}")
        })
    };
    data.classes.iter().map(fit).collect()
}

fn fit(class: &Class) -> Result<Fits, Error> {
    Ok(Fits {
        dense: MultivariateNormal::<f64, DenseCovariance<f64>>::fit(&class.points)?,
        diagonal: MultivariateNormal::<f64, DiagonalCovariance<f64>>::fit(&class.points)?,
        scaled: MultivariateNormal::<f64, ScaledIdentity<f64>>::fit(&class.points)?,
    })
}

/// Prints entropies, divergences, information, the cost of independence, and outliers.
pub(crate) fn print(data: &DataSet, fits: &[Fits]) -> Result<(), Error> {
    let rows: usize = data.classes.iter().map(|class| class.rows.len()).sum();
    let columns = data.columns.join(", ");
    println!("\nData set {}: {rows} rows of {columns}", data.path);
    entropies(data, fits)?;
    divergences(data, fits)?;
    information(data, fits)?;
    cost_of_independence(data, fits)?;
    outliers(data, fits)
}

fn entropies(data: &DataSet, fits: &[Fits]) -> Result<(), Error> {
    println!("\nEntropy of each class, in nats");
    println!(
        "{:20}{:>16}{:>16}{:>16}",
        "", "dense", "diagonal", "scaled identity"
    );
    for (class, fit) in data.classes.iter().zip(fits) {
        let (dense, diagonal) = (fit.dense.entropy()?, fit.diagonal.entropy()?);
        let scaled = fit.scaled.entropy()?;
        println!("{:20}{dense:16.6}{diagonal:16.6}{scaled:16.6}", class.label);
    }
    Ok(())
}

fn divergences(data: &DataSet, fits: &[Fits]) -> Result<(), Error> {
    println!("\nKL(row ‖ column) between the dense fits, in nats");
    print!("{:20}", "");
    data.classes
        .iter()
        .for_each(|class| print!("{:>16}", class.label));
    println!();
    for (class, p) in data.classes.iter().zip(fits) {
        print!("{:20}", class.label);
        for q in fits {
            print!("{:16.6}", p.dense.kl_divergence(&q.dense)?);
        }
        println!();
    }
    Ok(())
}

fn information(data: &DataSet, fits: &[Fits]) -> Result<(), Error> {
    let Some((names, a, b)) = two_groups(&data.columns) else {
        return Ok(());
    };
    println!("\nMutual information of {names}, in nats");
    for (class, fit) in data.classes.iter().zip(fits) {
        println!(
            "{:20}{:16.6}",
            class.label,
            fit.dense.mutual_information(&a, &b)?
        );
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

fn cost_of_independence(data: &DataSet, fits: &[Fits]) -> Result<(), Error> {
    println!("\nWhat independent coordinates cost, in nats");
    println!(
        "{:20}{:>16}{:>16}",
        "", "forward KL(p‖d)", "reverse KL(d‖p)"
    );
    for (class, Fits { dense: p, .. }) in data.classes.iter().zip(fits) {
        let forward = p.kl_divergence(&p.forward_diagonal_fit()?)?;
        let reverse = p.reverse_diagonal_fit()?.kl_divergence(p)?;
        println!("{:20}{forward:16.6}{reverse:16.6}", class.label);
    }
    Ok(())
}

fn outliers(data: &DataSet, fits: &[Fits]) -> Result<(), Error> {
    println!(
        "\nRows with a Mahalanobis p-value below {OUTLIER} under the dense fit of their class"
    );
    let mut found = 0;
    for (class, fit) in data.classes.iter().zip(fits) {
        let p_values = fit.dense.mahalanobis_p_value_batch(&class.points)?;
        for (row, &p_value) in class.rows.iter().zip(p_values.iter()) {
            if p_value < OUTLIER {
                found += 1;
                println!("{:20}row {row:<6} p = {p_value:.3e}", class.label);
            }
        }
    }
    if found == 0 {
        println!("none");
    }
    Ok(())
}
