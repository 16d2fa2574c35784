//! The vectors of an answer. No sockets here: octets in, vectors out.

use serde::Deserialize;

use crate::error::ModelError;

/// Numbers of a vector: beyond the largest models that there are.
pub(super) const MAX_DIMENSIONS: usize = 8192;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

/// One vector for each of `texts` texts, in their order. What JSON reads as a number of 32 bits is finite.
pub(super) fn vectors(body: &[u8], texts: usize) -> Result<Vec<Vec<f32>>, ModelError> {
    let Answer { data } = serde_json::from_slice(body)
        .map_err(|_| ModelError::Protocol("it is no JSON with embeddings"))?;
    // The order of `data` is nobody's promise.
    let mut vectors = vec![Vec::new(); texts];
    let mut left = texts;
    for Embedding { index, embedding } in data {
        let vector = vectors
            .get_mut(index)
            .filter(|vector| vector.is_empty())
            .ok_or(ModelError::Protocol("it has embeddings of other texts"))?;
        if !(1..=MAX_DIMENSIONS).contains(&embedding.len()) {
            return Err(ModelError::Protocol("an embedding has no usual length"));
        }
        *vector = embedding;
        left -= 1;
    }
    if left > 0 {
        return Err(ModelError::Protocol("it lacks embeddings"));
    }
    let is_even = vectors.windows(2).all(|two| two[0].len() == two[1].len());
    match is_even {
        true => Ok(vectors),
        false => Err(ModelError::Protocol("its embeddings differ in length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &str, texts: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        vectors(format!(r#"{{"data":[{data}]}}"#).as_bytes(), texts)
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let second = r#"{"object":"embedding","index":1,"embedding":[0.5,1]}"#;
        let first = r#"{"index":0,"embedding":[-1e-3,2]}"#;
        let both = of(&format!("{second},{first}"), 2).unwrap();
        assert_eq!(both, [vec![-0.001, 2.0], vec![0.5, 1.0]]);
    }

    #[test]
    fn what_is_not_one_finite_vector_for_each_text_is_refused() {
        let one = r#"{"index":0,"embedding":[1,2]}"#;
        for (data, texts) in [
            ("", 1),
            (one, 2),
            (r#"{"index":1,"embedding":[1,2]}"#, 1),
            (&format!("{one},{one}"), 1),
            (&format!("{one},{one}"), 2),
            (&format!(r#"{one},{{"index":1,"embedding":[1]}}"#), 2),
            (r#"{"index":0,"embedding":[]}"#, 1),
            (r#"{"index":0,"embedding":[NaN]}"#, 1),
            (r#"{"index":0,"embedding":[1e39]}"#, 1),
            (r#"{"index":0,"embedding":[null]}"#, 1),
            (r#"{"index":0,"embedding":"AAAA"}"#, 1),
            (r#"{"embedding":[1]}"#, 1),
        ] {
            let refused = of(data, texts);
            assert!(matches!(refused, Err(ModelError::Protocol(_))), "{data}");
        }
        let long = vec!["1"; MAX_DIMENSIONS + 1].join(",");
        let long = of(&format!(r#"{{"index":0,"embedding":[{long}]}}"#), 1);
        assert!(matches!(long, Err(ModelError::Protocol(_))));
        assert!(matches!(vectors(b"", 1), Err(ModelError::Protocol(_))));
    }
}
