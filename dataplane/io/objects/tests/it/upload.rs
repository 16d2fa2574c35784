//! Files that are longer than a part.

use std::io;

use callplane_objects::{Error, ObjectStorage, UPLOAD_PART};
use futures::{Stream, stream};
use uuid::Uuid;

/// A file in pieces, as a reader would give it.
fn pieces(octets: &[u8], piece: usize) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
    let pieces: Vec<Vec<u8>> = octets.chunks(piece).map(<[u8]>::to_vec).collect();
    stream::iter(pieces.into_iter().map(Ok))
}

/// Octets that tell where they stand.
pub(crate) fn octets(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 13 + at % 251) as u8).collect()
}

/// What is written in one piece and in parts reads the same from any place, again and again.
pub(crate) async fn goes_in_and_comes_out(storage: &ObjectStorage) {
    for (name, length) in [("a/short", 5_000), ("a/long", 2 * UPLOAD_PART + 77)] {
        for _ in 0..2 {
            let octets = octets(length);
            storage
                .upload(name, pieces(&octets, UPLOAD_PART))
                .await
                .unwrap();
            assert_eq!(storage.length(name).await.unwrap(), length as u64);
            for part in [0..100, 4_000..4_100, length as u64 - 9..length as u64] {
                let wanted = &octets[part.start as usize..part.end as usize];
                assert_eq!(storage.part(name, part).await.unwrap(), wanted);
            }
        }
    }
    let broken = stream::iter([
        Ok(vec![0; UPLOAD_PART]),
        Err(io::Error::other("the disk is gone")),
    ]);
    let error = storage.upload("a/broken", broken).await.unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    let names = storage.list("a").await.unwrap();
    assert_eq!(names.len(), 2, "nothing of it is seen: {names:?}");
}

#[tokio::test]
async fn a_long_file_goes_into_a_folder_in_parts_and_is_read_from_any_place() {
    let folder = std::env::temp_dir().join(format!("callplane-objects-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let storage = ObjectStorage::open(&format!("file://{}", folder.display())).unwrap();
    goes_in_and_comes_out(&storage).await;
    std::fs::remove_dir_all(folder).unwrap();
}
