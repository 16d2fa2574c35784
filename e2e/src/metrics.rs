//! A scrape in the text format, as far as tests ask.

use anyhow::{Result, ensure};

use crate::get;

/// What `/metrics` said at one moment.
#[derive(Clone, Debug)]
pub struct Metrics {
    text: String,
}

impl Metrics {
    /// Scrapes `address` (`host:port`).
    pub async fn scrape(address: &str) -> Result<Self> {
        let response = get(address, "/metrics").await?;
        ensure!(
            response.status == 200,
            "/metrics answers {}",
            response.status
        );
        Ok(Self {
            text: response.body,
        })
    }

    /// The text as it came.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Sum of the samples of a metric whose label set contains every one of `labels` (`name="value"`).
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.text
            .lines()
            .filter_map(|line| sample(line, name, labels))
            .sum()
    }

    /// The upper bound, in the metric's unit, of the bucket that holds the quantile `q` of a histogram.
    pub fn quantile(&self, histogram: &str, q: f64) -> Option<f64> {
        let name = format!("{histogram}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for line in self.text.lines().filter(|line| line.starts_with(&name)) {
            let bound = line.split("le=\"").nth(1)?.split('"').next()?;
            let bound = if bound == "+Inf" {
                f64::INFINITY
            } else {
                bound.parse().ok()?
            };
            let count: f64 = line.rsplit(' ').next()?.parse().ok()?;
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((bound, count)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = buckets.last()?.1;
        buckets
            .iter()
            .find(|(_, count)| *count >= q * total)
            .map(|(bound, _)| *bound)
    }
}

fn sample(line: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    if !rest.starts_with('{') && !rest.starts_with(' ') {
        return None;
    }
    labels
        .iter()
        .all(|label| rest.contains(label))
        .then(|| rest.rsplit(' ').next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics {
            text: "a_total{x=\"1\",y=\"2\"} 3\na_total{x=\"2\"} 4\na_total_more 9\n\
                   h_bucket{le=\"0.1\"} 90\nh_bucket{le=\"0.5\"} 99\nh_bucket{le=\"+Inf\"} 100\n"
                .to_owned(),
        }
    }

    #[test]
    fn samples_are_summed_over_matching_labels() {
        assert_eq!(metrics().sum("a_total", &[]), 7.0);
        assert_eq!(metrics().sum("a_total", &["x=\"1\""]), 3.0);
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        assert_eq!(metrics().quantile("h", 0.99), Some(0.5));
        assert_eq!(metrics().quantile("h", 0.5), Some(0.1));
    }
}
